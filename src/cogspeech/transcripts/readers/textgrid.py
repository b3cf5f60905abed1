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
from cogspeech.transcripts.base import READERS, ReadingOptions, TranscriptReader
from cogspeech.transcripts.reading import (
    MAX_WORDS,
    NUMBER,
    Notes,
    Span,
    Stretch,
    merged,
    plain,
    plain_roles,
    read_text,
    shown,
    spoken_tokens,
)
from cogspeech.transcripts.tiers import OWNED, WORD_TIERS, speaker_of, with_unnamed
from cogspeech.types import Speaker, Transcript, Word

MAX_BYTES = 32 << 20
MAX_VALUES = 3_000_000
"""Three per interval: with phones and the silences between, many hours."""
# Quantifiers that give nothing back (++, *+): no text makes the search slow.
TOKEN = re.compile(
    r'(?<!\S)(?:"(?P<text>[^"]*+(?:""[^"]*+)*+)"'
    rf"|(?P<number>[-+]?{NUMBER.pattern})"
    r"|<(?P<flag>exists|absent)>|![^\n]*+)(?!\S)"
)


@dataclass(frozen=True, slots=True)
class _Interval:
    start_s: float
    end_s: float
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class _Tier:
    name: str
    line: int
    is_of_intervals: bool
    intervals: list[_Interval] = field(default_factory=list)


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
        notes = Notes(path)
        tiers = _parse(read_text(path, max_bytes=MAX_BYTES, notes=notes), path, notes)
        words, utterances = merged(
            stretch
            for tier, speaker in _speech_tiers(tiers, options, notes)
            for stretch in _stretches(tier, speaker, options, notes)
        )
        return Transcript(
            recording_id=recording_id, words=words, utterances=utterances, warnings=notes.texts()
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


def _parse(text: str, path: Path, notes: Notes) -> list[_Tier]:
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
    tier = _Tier(tokens.text("the name of a tier"), tokens.line, kind == "IntervalTier")
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
    tiers: Sequence[_Tier], options: ReadingOptions, notes: Notes
) -> list[tuple[_Tier, Speaker]]:
    """The tiers that hold words, and whose."""
    roles = plain_roles(options.roles)
    names = [plain(tier.name) for tier in tiers]
    divided = {name.removesuffix(OWNED) for name in names if name.endswith(OWNED)}
    found: list[tuple[_Tier, Speaker]] = []
    unmapped = []
    for tier, name in zip(tiers, names, strict=True):
        speaker = speaker_of(tier, roles, tiers, notes)
        if speaker is None:
            unmapped += [tier] if name in WORD_TIERS and tier.is_of_intervals else []
        elif _is_readable(tier, notes, is_divided=name in divided):
            found.append((tier, speaker))
    return with_unnamed(found, unmapped, tiers, notes)


def _is_readable(tier: _Tier, notes: Notes, *, is_divided: bool) -> bool:
    if is_divided:
        notes.add(f"tier '{shown(tier.name)}' was passed over, for its words have a tier")
    elif not tier.is_of_intervals:
        notes.add(f"tier '{shown(tier.name)}' holds points, not intervals; it was passed over")
    return tier.is_of_intervals and not is_divided


def _stretches(
    tier: _Tier, speaker: Speaker, options: ReadingOptions, notes: Notes
) -> Iterator[Stretch]:
    count = 0
    spoken: list[tuple[_Interval, list[str]]] = []
    for interval in tier.intervals:
        if texts := spoken_tokens(interval.text, options.rendering):
            spoken.append((interval, texts))
        if (count := count + len(texts)) > MAX_WORDS:
            raise TranscriptError(f"{notes.path}: more than {MAX_WORDS} words; no transcript")
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
        yield Stretch(words, span_s, at_s, is_utterance)


def _span(interval: _Interval) -> Span | None:
    is_sound = math.isfinite(interval.end_s) and 0 <= interval.start_s <= interval.end_s
    return (interval.start_s, interval.end_s) if is_sound else None
