"""Subtitles: SubRip (.srt) and WebVTT (.vtt, https://www.w3.org/TR/webvtt1/).

A cue has times, its words have none.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import ClassVar

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, ReadingOptions, TranscriptReader, read_text
from cogspeech.types import Speaker, Transcript, Utterance, Word

MAX_BYTES = 8 << 20
MAX_WORDS = 200_000
"""Twenty hours of speech."""
MAX_WARNINGS = 20
ARROW = "-->"
TIME = re.compile(r"(?:([0-9]{1,4}):)?([0-5]?[0-9]):([0-5][0-9])[.,]([0-9]{3})")
VOICE = re.compile(r"<v(?:\.[^\s<>]*+)?\s++([^<>]++)>|</v>", re.IGNORECASE)
TAG = re.compile(r"<[^<>]*+>|\{\\[^{}]*+\}")
"""Markup; the second kind is that of SubStation Alpha, which stands in many .srt files."""
PREFIX = re.compile(r"\s*+(?:\[([^\]\n]{1,40})\]|([^\s:]{1,40})):(?=\s|$)")
"""A speaker before what is said: "INV: " or, as WhisperX writes it, "[SPEAKER_00]: "."""
BLOCKS_WITHOUT_CUES = ("NOTE", "STYLE", "REGION")
INVISIBLE = re.compile(
    "[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
SPOKEN_SIGNS = "%&@#+=$€£°"


@dataclass(frozen=True, slots=True)
class _Cue:
    line: int
    span_s: tuple[float, float] | None
    text: str


@dataclass(frozen=True, slots=True)
class _Part:
    """What one speaker says in a cue; the code is that of ``roles``, or ``None``."""

    code: str | None
    texts: list[str]


class _Notes(list[str]):
    """The first warnings, and whether there are more."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def add(self, text: str, line: int | None = None) -> None:
        if len(self) < MAX_WARNINGS:
            self.append(f"{self.path}{f':{line}' if line else ''}: {text}")
        elif len(self) == MAX_WARNINGS:
            self.append(f"{self.path}: more warnings were left out")


@READERS.register("subtitles")
class SubtitlesReader(TranscriptReader):
    """Every cue is an utterance.

    Who speaks is told by ``<v NAME>``, which must be in ``transcripts.roles``, or by "CODE: " at
    the beginning of a line if CODE is in ``transcripts.roles``. Where the participant is never
    named, all that has no speaker is the participant's.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".srt", ".vtt")

    def read(self, path: Path, *, recording_id: str, options: ReadingOptions) -> Transcript:
        """The words of all cues in the order of time."""
        notes = _Notes(path)
        text = read_text(path, max_bytes=MAX_BYTES)
        is_vtt = path.name.lower().endswith(".vtt")
        if is_vtt and not re.match(r"WEBVTT(?=\s|$)", text):
            raise TranscriptError(f"{path}: expected WEBVTT in the first line; export it again")
        roles = {_plain(code): role for code, role in options.roles.items()}
        placed = []
        at_s, count = 0.0, 0
        for cue in _cues(text, notes, is_vtt=is_vtt):
            at_s = cue.span_s[0] if cue.span_s else at_s
            placed.append((at_s, cue, _parts(cue, roles, path)))
            count += sum(len(part.texts) for part in placed[-1][2])
            if count > MAX_WORDS:
                raise TranscriptError(f"{path}: more than {MAX_WORDS} words; no transcript")
        placed.sort(key=lambda place: place[0])
        speakers = _speakers([part for _, _, parts in placed for part in parts], roles, notes)
        words: list[Word] = []
        utterances = []
        for _, cue, parts in placed:
            # Of a cue that several share, nobody knows when each of them speaks.
            start_s, end_s = (len(parts) == 1 and cue.span_s) or (None, None)
            for part in parts:
                first = len(words)
                words += (Word(text=text, speaker=speakers[part.code]) for text in part.texts)
                utterances.append(
                    Utterance(first_word=first, last_word=len(words), start_s=start_s, end_s=end_s)
                )
        return Transcript(
            recording_id=recording_id,
            words=tuple(words),
            utterances=tuple(utterances),
            warnings=tuple(notes),
        )


def _cues(text: str, notes: _Notes, *, is_vtt: bool) -> Iterator[_Cue]:
    for number, block in _blocks(text):
        begins = [at for at, line in enumerate(block) if ARROW in line]
        is_skipped = is_vtt and (number == 1 or block[0].split()[0] in BLOCKS_WITHOUT_CUES)
        if not begins:
            if not is_skipped:
                notes.add("text without a time was passed over", number)
            continue
        for at, until in zip(begins, [*begins[1:], len(block)], strict=True):
            said = block[at + 1 : until]
            if until < len(block) and said and said[-1].strip().isdecimal():
                said = said[:-1]  # the number of the next cue, which no empty line sets apart
            yield _Cue(number + at, _span(block[at], number + at, notes), "\n".join(said))


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Runs of lines that are not empty, with the number of the first."""
    lines = enumerate(text.split("\n"), start=1)
    for has_text, group in groupby(lines, key=lambda line: bool(line[1].strip())):
        if has_text:
            block = list(group)
            yield block[0][0], [line for _, line in block]


def _span(line: str, number: int, notes: _Notes) -> tuple[float, float] | None:
    before, _, after = line.partition(ARROW)
    start_s, end_s = _seconds(before.strip()), _seconds("".join(after.split()[:1]))
    if start_s is None or end_s is None or end_s < start_s:
        notes.add("its times cannot be right; they are taken as unknown", number)
        return None
    return start_s, end_s


def _seconds(text: str) -> float | None:
    found = TIME.fullmatch(text)
    if not found:
        return None
    hours, minutes, seconds, milliseconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def _parts(cue: _Cue, roles: Mapping[str, Speaker], path: Path) -> list[_Part]:
    """What is said in a cue, by speaker."""
    parts: list[_Part] = []
    code: str | None = None
    for line in cue.text.split("\n"):
        for text, voice in _voices(line):
            plain = html.unescape(TAG.sub("", text))
            prefix = PREFIX.match(plain)
            named = _plain(prefix[1] or prefix[2]) if prefix else ""
            if (voice and voice not in roles) or (prefix and prefix[1] and named not in roles):
                raise TranscriptError(
                    f"{path}:{cue.line}: a speaker of this cue (<v NAME> or [NAME]:) is not in "
                    "transcripts.roles; add it, such as {NAME: interviewer}"
                )
            code = code if voice is None else voice or None
            if prefix and named in roles:
                code, plain = named, plain[prefix.end() :]
            texts = [each for each in INVISIBLE.sub("", plain).split() if _is_spoken(each)]
            if texts and parts and parts[-1].code == code:
                parts[-1].texts.extend(texts)
            elif texts:
                parts.append(_Part(code, texts))
    return parts


def _voices(line: str) -> Iterator[tuple[str, str | None]]:
    """The texts of a line, each with the voice that begins there; "": a voice ends there."""
    at, voice = 0, None
    for found in VOICE.finditer(line):
        yield line[at : found.start()], voice
        at, voice = found.end(), _plain(html.unescape(found[1] or ""))
    yield line[at:], voice


def _plain(code: str) -> str:
    return " ".join(code.split()).casefold()


def _speakers(
    parts: Sequence[_Part], roles: Mapping[str, Speaker], notes: _Notes
) -> Mapping[str | None, Speaker]:
    """Who stands behind each code, and behind none."""
    speakers: dict[str | None, Speaker] = {
        part.code: roles[part.code] for part in parts if part.code is not None
    }
    is_named = "participant" in speakers.values()
    nameless = sum(part.code is None for part in parts)
    if is_named and nameless:
        notes.add(f"{nameless} texts name no speaker, unlike the rest; they are nobody's ('other')")
    speakers[None] = "other" if is_named else "participant"
    return speakers


def _is_spoken(text: str) -> bool:
    return any(sign.isalnum() or sign in SPOKEN_SIGNS for sign in text)
