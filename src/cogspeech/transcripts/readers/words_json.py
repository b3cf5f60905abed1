"""The project's own words file, ``*.words.json``; strict, because nothing else checks it."""

import math
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from cogspeech.errors import TranscriptError
from cogspeech.registry import nearest
from cogspeech.transcripts.base import READERS, ReadingOptions, TranscriptReader
from cogspeech.transcripts.reading import read_json, shown
from cogspeech.types import SPEAKERS, Phone, Transcript, Word

MAX_BYTES = 64 << 20
FILE_KEYS = ("language", "source", "words")
PHONE_KEYS = ("label", "start_s", "end_s")
WORD_KEYS = (
    "text", "start_s", "end_s", "speaker", "confidence", "phones", "is_pronunciation_guessed"
)  # fmt: skip


@READERS.register("words_json")
class WordsJsonReader(TranscriptReader):
    """``{"language": "en", "source": "manual", "words": [{"text": "the", "start_s": 0.1, ...}]}``.

    Times are seconds or null, both or neither; ``speaker`` defaults to the participant.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".words.json",)

    def read(self, path: Path, *, recording_id: str, options: ReadingOptions) -> Transcript:  # noqa: ARG002
        """The words of the file; messages name the word by its number, never by its text."""
        content = read_json(
            path,
            max_bytes=MAX_BYTES,
            parse_constant=_refuse_constant,
            object_pairs_hook=_refuse_duplicates,
        )
        if not isinstance(content, dict):
            raise TranscriptError(f"{path}: expected a json object with a list 'words'")
        _check_keys(content, FILE_KEYS, str(path))
        words = content.get("words")
        if not isinstance(words, list):
            raise TranscriptError(f"{path}: expected a list under 'words'")
        language, source = content.get("language"), content.get("source", "manual")
        if not isinstance(language, str | None) or not isinstance(source, str):
            raise TranscriptError(f"{path}: 'language' and 'source' must be texts")
        return Transcript(
            recording_id=recording_id,
            words=tuple(_word(raw, f"{path}: word {n}") for n, raw in enumerate(words, start=1)),
            language=language,
            source=source,
        )


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a time; write null where a time is unknown")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return content


def _check_keys(raw: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    for number, key in enumerate(raw, start=1):
        if key not in known:  # not shown: it may be a spoken word
            raise TranscriptError(f"{where}: its key {number} is unknown; {nearest(key, known)}")


def _word(raw: object, where: str) -> Word:
    if not isinstance(raw, dict):
        raise TranscriptError(f"{where}: expected an object with 'text'")
    _check_keys(raw, WORD_KEYS, where)
    text, speaker = raw.get("text"), raw.get("speaker", "participant")
    if not isinstance(text, str):
        raise TranscriptError(f"{where}: 'text' must be a text")
    if speaker not in SPEAKERS:
        found = f"'{shown(speaker)}'" if isinstance(speaker, str) else "no text"
        raise TranscriptError(
            f"{where}: 'speaker' is {found}; expected one of {', '.join(SPEAKERS)}"
        )
    try:
        return Word(
            text=text,
            start_s=_number(raw.get("start_s"), "start_s"),
            end_s=_number(raw.get("end_s"), "end_s"),
            speaker=speaker,
            confidence=_number(raw.get("confidence"), "confidence"),
            phones=_phones(raw.get("phones", []), where),
            is_pronunciation_guessed=raw.get("is_pronunciation_guessed") is True,
        )
    except ValueError as error:
        raise TranscriptError(f"{where}: {error}; correct it, or write null for a time") from error


def _phones(raw: object, where: str) -> tuple[Phone, ...]:
    if not isinstance(raw, list):
        raise ValueError("'phones' must be a list")  # noqa: TRY004
    phones = []
    for number, item in enumerate(raw, start=1):
        if not isinstance(item, dict) or not isinstance(item.get("label"), str):
            raise ValueError(f"phone {number} must be an object with a text as 'label'")  # noqa: TRY004
        _check_keys(item, PHONE_KEYS, f"{where}: phone {number}")
        start_s, end_s = (_number(item.get(key), key) for key in ("start_s", "end_s"))
        if start_s is None or end_s is None:
            raise ValueError(f"phone {number} needs both times")
        phones.append(Phone(label=item["label"], start_s=start_s, end_s=end_s))
    return tuple(phones)


def _number(value: object, key: str) -> float | None:
    if not isinstance(value, float | None):
        raise ValueError(f"'{key}' must be a number or null")  # noqa: TRY004
    if value is not None and not math.isfinite(value):
        raise ValueError(f"'{key}' is too large")
    return value
