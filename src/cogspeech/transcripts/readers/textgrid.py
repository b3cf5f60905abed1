"""Praat's TextGrid, long and short text format, as Praat and the Montreal Forced Aligner write it.

Praat itself reads nothing of such a file but its free-standing numbers, quoted texts and flags
("Text files" in its manual); so does this reader, which therefore needs no second way for the
short format.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, ReadingOptions, TranscriptReader, read_text
from cogspeech.types import Speaker, Transcript, Utterance, Word

MAX_BYTES = 32 << 20
MAX_WORDS = 200_000
"""Twenty hours of speech."""
MAX_VALUES = 3_000_000
"""Three per interval: with phones and the silences between, many hours."""
MAX_WARNINGS = 20
SILENCES = frozenset({"sp", "sil", "<sil>", "<eps>"})
UNKNOWN_WORDS = frozenset({"spn", "<unk>"})
"""What the Montreal Forced Aligner writes for a word that its dictionary lacks."""
WORD_TIERS, OWNED = frozenset({"words", "word"}), " - words"
PHONE_TIERS = frozenset({"phones", "phone"})
# Quantifiers that give nothing back (++, *+): no text makes the search slow.
TOKEN = re.compile(
    r'(?<!\S)(?:"(?P<text>[^"]*+(?:""[^"]*+)*+)"'
    r"|(?P<number>[-+]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?)"
    r"|<(?P<flag>exists|absent)>|![^\n]*+)(?!\S)"
)
INVISIBLE = re.compile(
    "[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
SPOKEN_SIGNS = "%&@#+=$€£°"


@dataclass(frozen=True, slots=True)
class _Interval:
    start_s: float
    end_s: float
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class _Tier:
    name: str
    is_of_intervals: bool
    intervals: list[_Interval] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Words that stay together when tiers are merged."""

    at_s: float
    words: list[Word]
    is_utterance: bool
    span_s: tuple[float, float] | None


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


@READERS.register("textgrid")
class TextGridReader(TranscriptReader):
    """Word tiers and utterance tiers; who speaks is told by a tier's name.

    A tier is read if its name is in ``transcripts.roles``, if it is called "words" (participant),
    or "NAME - words" with NAME in ``transcripts.roles``. Upper and lower case are one.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".TextGrid",)

    def read(self, path: Path, *, recording_id: str, options: ReadingOptions) -> Transcript:
        """The words of all speech tiers, merged in the order of time.

        Where most intervals of a tier hold several words, each is an utterance: the interval's
        time is the utterance's, and its words have none.
        """
        notes = _Notes(path)
        tiers = _parse(read_text(path, max_bytes=MAX_BYTES), path, notes)
        chunks = [
            chunk
            for tier, speaker in _speech_tiers(tiers, options, notes)
            for chunk in _chunks(tier, speaker, notes)
        ]
        words: list[Word] = []
        utterances = []
        for chunk in sorted(chunks, key=lambda chunk: chunk.at_s):
            first, (start_s, end_s) = len(words), chunk.span_s or (None, None)
            words += chunk.words
            if chunk.is_utterance:
                utterances.append(
                    Utterance(first_word=first, last_word=len(words), start_s=start_s, end_s=end_s)
                )
        return Transcript(
            recording_id=recording_id,
            words=tuple(words),
            utterances=tuple(utterances),
            warnings=tuple(notes),
        )


class _Tokens:
    """The numbers, texts and flags of a file, one after the other."""

    def __init__(self, text: str, path: Path) -> None:
        self._found = (match for match in TOKEN.finditer(text) if match.lastgroup)
        self._path = path
        self._text = text
        self._counted_to = 0
        self._taken = 0
        self.line = 1

    def next(self, kind: str, what: str) -> str:
        match = next(self._found, None)
        if match is None:
            raise TranscriptError(
                f"{self._path}: breaks off where {what} should stand; export it from Praat again"
            )
        self._taken += 1
        if self._taken > MAX_VALUES:
            raise TranscriptError(f"{self._path}: more than {MAX_VALUES} values; no transcript")
        self.line += self._text.count("\n", self._counted_to, match.start())
        self._counted_to = match.start()
        if match.lastgroup != kind:
            raise TranscriptError(
                f"{self._path}:{self.line}: expected {what}, a {kind}, but found a "
                f"{match.lastgroup}; export it from Praat again"
            )
        return match[kind]

    def text(self, what: str) -> str:
        return self.next("text", what).replace('""', '"')

    def number(self, what: str) -> float:
        return float(self.next("number", what))

    def count(self, what: str) -> int:
        number = self.number(what)
        if not (math.isfinite(number) and number == int(number) and number >= 0):
            raise TranscriptError(
                f"{self._path}:{self.line}: {what} must be a whole number; export it from Praat "
                "again"
            )
        return int(number)

    def is_at_end(self) -> bool:
        return next(self._found, None) is None


def _parse(text: str, path: Path, notes: _Notes) -> list[_Tier]:
    tokens = _Tokens(text, path)
    header = [tokens.text("the file type"), tokens.text("the object class")]
    if not header[0].startswith("ooTextFile") or header[1] != "TextGrid":
        raise TranscriptError(f"{path}: is no TextGrid; save it as a text file in Praat")
    tokens.number("the start")
    tokens.number("the end")
    if tokens.next("flag", "whether there are tiers") == "absent":
        return []
    tiers = [_parse_tier(tokens, path) for _ in range(tokens.count("the number of tiers"))]
    if not tokens.is_at_end():
        notes.add("more stands after the last tier; it was passed over", tokens.line)
    return tiers


def _parse_tier(tokens: _Tokens, path: Path) -> _Tier:
    kind = tokens.text("the class of a tier")
    if kind not in ("IntervalTier", "TextTier"):
        raise TranscriptError(
            f"{path}:{tokens.line}: a tier must be an IntervalTier or a TextTier; export it from "
            "Praat again"
        )
    tier = _Tier(tokens.text("the name of a tier"), kind == "IntervalTier")
    tokens.number("the start of a tier")
    tokens.number("the end of a tier")
    for _ in range(tokens.count("the size of a tier")):
        start_s = tokens.number("a time")
        end_s = tokens.number("a time") if tier.is_of_intervals else start_s
        text = tokens.text("the text of an interval")
        if tier.is_of_intervals:
            tier.intervals.append(_Interval(start_s, end_s, text, tokens.line))
    return tier


def _speech_tiers(
    tiers: Sequence[_Tier], options: ReadingOptions, notes: _Notes
) -> list[tuple[_Tier, Speaker]]:
    """The tiers that hold words, and whose."""
    roles = {code.strip().casefold(): role for code, role in options.roles.items()}
    names = [tier.name.strip().casefold() for tier in tiers]
    divided = {name.removesuffix(OWNED) for name in names if name.endswith(OWNED)}
    found: list[tuple[_Tier, Speaker]] = []
    unmapped = []
    for tier, name in zip(tiers, names, strict=True):
        speaker = roles.get(name) or roles.get(name.removesuffix(OWNED))
        if speaker is None and name.endswith(OWNED):
            raise _refusal("has a words tier of somebody who is not known", tiers, notes.path)
        if speaker is None:
            unmapped += [tier] if name in WORD_TIERS and tier.is_of_intervals else []
        elif _is_readable(tier, notes, is_divided=name in divided):
            found.append((tier, speaker))
    if any(speaker == "participant" for _, speaker in found):
        for tier in unmapped:
            notes.add(f"tier '{_shown(tier)}' was passed over, for roles name the participant's")
        return found
    if len(unmapped) > 1 or not (unmapped or found):
        raise _refusal(f"has {len(unmapped)} tiers called 'words'", tiers, notes.path)
    return [*((tier, "participant") for tier in unmapped), *found]


def _is_readable(tier: _Tier, notes: _Notes, *, is_divided: bool) -> bool:
    if is_divided:
        notes.add(f"tier '{_shown(tier)}' was passed over, for its words have a tier")
    elif not tier.is_of_intervals:
        notes.add(f"tier '{_shown(tier)}' holds points, not intervals; it was passed over")
    return tier.is_of_intervals and not is_divided


def _shown(tier: _Tier) -> str:
    return " ".join(INVISIBLE.sub("", tier.name).split())[:40]


def _refusal(found: str, tiers: Sequence[_Tier], path: Path) -> TranscriptError:
    names = [_shown(tier) for tier in tiers if tier.name.strip().casefold() not in PHONE_TIERS]
    more = f" (+{len(names) - 20} more)" if len(names) > 20 else ""
    return TranscriptError(
        f"{path}: {found}; its tiers: {', '.join(names[:20])}{more}; say in transcripts.roles "
        "whose words a tier holds, such as {NAME: participant}"
    )


def _chunks(tier: _Tier, speaker: Speaker, notes: _Notes) -> Iterator[_Chunk]:
    count = unknown = 0
    spoken: list[tuple[_Interval, list[str]]] = []
    for interval in tier.intervals:
        tokens = _tokens(interval.text)
        texts = [token for token in tokens if token.casefold() not in UNKNOWN_WORDS]
        unknown += len(tokens) - len(texts)
        if texts:
            spoken.append((interval, texts))
        if (count := count + len(texts)) > MAX_WORDS:
            raise TranscriptError(f"{notes.path}: more than {MAX_WORDS} words; no transcript")
    if unknown:
        notes.add(f"tier '{_shown(tier)}': {unknown} unknown words (spn, <unk>) were left out")
    several = sum(len(texts) > 1 for _, texts in spoken)
    at_s = 0.0
    for interval, texts in spoken:
        span_s = _span(interval)
        if span_s is None:
            notes.add("an interval's times cannot be right; its words have none", interval.line)
        at_s = span_s[0] if span_s else at_s
        is_utterance = len(texts) > 1 or 2 * several > len(spoken)
        start_s, end_s = (None, None) if is_utterance or not span_s else span_s
        words = [Word(text=text, start_s=start_s, end_s=end_s, speaker=speaker) for text in texts]
        yield _Chunk(at_s, words, is_utterance, span_s)


def _tokens(text: str) -> list[str]:
    """The words of a text, without punctuation that stands alone and without silences."""
    return [
        token
        for token in INVISIBLE.sub("", text).split()
        if any(sign.isalnum() or sign in SPOKEN_SIGNS for sign in token)
        and token.casefold() not in SILENCES
    ]


def _span(interval: _Interval) -> tuple[float, float] | None:
    is_sound = math.isfinite(interval.end_s) and 0 <= interval.start_s <= interval.end_s
    return (interval.start_s, interval.end_s) if is_sound else None
