"""What the readers of all formats share: text, words, speakers, and what was passed over."""

import codecs
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cogspeech.errors import TranscriptError
from cogspeech.types import Speaker, Utterance, Word

Rendering = Literal["audible", "clean"]
Span = tuple[float, float]
"""Start and end in seconds."""

MAX_WORDS = 200_000
"""Twenty hours of speech."""
MAX_WARNINGS = 100
MAX_SHOWN = 20
LABEL_LENGTH = 40
SILENCES = frozenset({"sp", "sil", "<sil>", "<eps>"})
UNINTELLIGIBLE = "xxx"
"""CHAT's sign for speech that nobody understood. It is a word, else a pause would be measured where
somebody spoke."""
UNKNOWN_WORDS = frozenset({UNINTELLIGIBLE, "spn", "[spn]", "<spn>", "<unk>", "[unk]"})
"""How aligners and recognisers write it."""
CODES: Mapping[str, Speaker] = {"par": "participant", "inv": "interviewer"}
"""What TalkBank's codes mean where nothing else is said of them, by their `plain` labels."""
SPOKEN_SIGNS = "%&@#+=$€£°"
INVISIBLE = re.compile(
    "[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
# Quantifiers that give nothing back (++, *+): no text makes the search slow.
NUMBER = re.compile(r"(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?")


class Notes:
    """What a reader passed over; a file of nothing but faults must not fill the memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found: list[tuple[int, str]] = []
        self._more = 0

    def add(self, text: str, line: int | None = None) -> None:
        """Adds a warning; without a line it is about the whole file."""
        if len(self._found) < MAX_WARNINGS:
            self._found.append((line or 0, f"{self.place(line)}: {text}"))
        else:
            self._more += 1

    def place(self, line: int | None = None) -> str:
        """File and line, for messages."""
        return f"{self.path}:{line}" if line else str(self.path)

    def texts(self) -> tuple[str, ...]:
        """The warnings in the order of the file."""
        ordered = sorted(self._found, key=lambda found: found[0])
        more = [f"{self.path}: and {self._more} more such warnings"] if self._more else []
        return (*(text for _, text in ordered), *more)


def read_text(path: Path, *, max_bytes: int, notes: Notes | None = None) -> str:
    """The text of a transcript file: UTF-8 or UTF-16, with or without a mark.

    Args:
        path: of the file.
        max_bytes: a larger file is refused unread.
        notes: told if the text had to be read as Windows-1252; ``None``: that is refused.

    Raises:
        TranscriptError: no regular file, too large, or no text.
    """
    content = _content(path, max_bytes)
    for encoding in _encodings(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        if encoding == "cp1252" and notes is None:
            raise TranscriptError(f"{path}: is not UTF-8 text; write it again as UTF-8")
        if encoding == "cp1252" and notes is not None:
            notes.add("is not UTF-8, so it was read as Windows-1252; export it as UTF-8")
        return text.replace("\r\n", "\n").replace("\r", "\n")
    raise TranscriptError(f"{path}: is not text; export it as UTF-8")


def _content(path: Path, max_bytes: int) -> bytes:
    if path.exists() and not path.is_file():
        raise TranscriptError(f"{path}: is not a regular file; give the path of a transcript")
    try:
        if path.stat().st_size > max_bytes:
            raise TranscriptError(f"{path}: larger than {max_bytes >> 20} MB; not a transcript")
        return path.read_bytes()
    except OSError as error:
        raise TranscriptError(
            f"{path}: cannot be opened ({error.strerror}); correct the path"
        ) from error


def _encodings(content: bytes) -> tuple[str, ...]:
    """What the content may be encoded in, the likeliest first."""
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return ("utf-16",)
    before, after = content[::2].count(0), content[1::2].count(0)
    # ASCII, of which every format needs much, has a zero byte before or after it in UTF-16.
    if 8 * max(before, after) >= len(content) > 0:
        return ("utf-16-be" if before > after else "utf-16-le",)
    return ("utf-8-sig", "cp1252")


def read_json(path: Path, *, max_bytes: int, **hooks: Any) -> Any:
    """The content of a json file; all its numbers are floats.

    Args:
        path: of the file.
        max_bytes: a larger file is refused unread.
        hooks: further ones of `json.loads`; what they raise must be a ValueError.

    Raises:
        TranscriptError: as `read_text`, and where the text is no json.
    """
    text = read_text(path, max_bytes=max_bytes)
    try:
        # As floats, numbers of any length are read at once and cannot raise.
        return json.loads(text, parse_int=float, **hooks)
    except json.JSONDecodeError as error:
        raise TranscriptError(
            f"{path}:{error.lineno}: not valid json ({error.msg}); write it again"
        ) from error
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "nested too deeply"
        raise TranscriptError(f"{path}: not valid json ({reason}); write it again") from error


def visible(text: str) -> str:
    """The text without control characters and half surrogates."""
    return INVISIBLE.sub("", text)


def is_spoken(text: str) -> bool:
    """Whether a token is more than punctuation."""
    return any(sign.isalnum() or sign in SPOKEN_SIGNS for sign in text)


def spoken_tokens(text: str, rendering: Rendering) -> list[str]:
    """The words of a text, without punctuation that stands alone and without silences.

    What nobody understood is `UNINTELLIGIBLE`, and left out of the clean rendering.
    """
    found = []
    for token in visible(text).split():
        is_unknown = token.casefold() in UNKNOWN_WORDS
        if is_unknown and rendering == "audible":
            found.append(UNINTELLIGIBLE)
        elif not is_unknown and is_spoken(token) and token.casefold() not in SILENCES:
            found.append(token)
    return found


def number_of(text: str) -> float | None:
    """A finite number from 0 on, else ``None``."""
    number = float(text) if NUMBER.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None


def plain(label: str) -> str:
    """A speaker code, tier or track name as it is compared: case and blanks do not matter."""
    return " ".join(label.split()).casefold()


def plain_roles(roles: Mapping[str, Speaker]) -> dict[str, Speaker]:
    """The study's roles by their `plain` labels."""
    return {plain(label): role for label, role in roles.items()}


def shown(label: str) -> str:
    """A label as messages show it: cut, for a damaged file may have words in its place."""
    return "".join(filter(str.isprintable, " ".join(label.split())))[:LABEL_LENGTH]


def listed(labels: Sequence[str]) -> str:
    """The first labels, and how many more there are."""
    more = f" (+{len(labels) - MAX_SHOWN} more)" if len(labels) > MAX_SHOWN else ""
    return ", ".join(shown(label) for label in labels[:MAX_SHOWN]) + more


@dataclass(frozen=True, slots=True)
class Stretch:
    """Words that stay together when those of several speakers are merged."""

    words: Sequence[Word]
    span_s: Span | None = None
    at_s: float = 0.0
    """Where it stands among the others."""
    is_utterance: bool = True


def merged(stretches: Iterable[Stretch]) -> tuple[tuple[Word, ...], tuple[Utterance, ...]]:
    """The words and utterances of a transcript, in the order of time, else of the file."""
    words: list[Word] = []
    utterances = []
    for stretch in sorted(stretches, key=lambda stretch: stretch.at_s):
        first, (start_s, end_s) = len(words), stretch.span_s or (None, None)
        words += stretch.words
        if stretch.is_utterance:
            utterances.append(
                Utterance(first_word=first, last_word=len(words), start_s=start_s, end_s=end_s)
            )
    return tuple(words), tuple(utterances)
