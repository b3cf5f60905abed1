"""Praat's TextGrid in the long text format, one tier per speaker."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import WRITERS, TranscriptWriter
from cogspeech.types import SPEAKERS, Speaker, Transcript


@dataclass(slots=True)
class _Interval:
    start_s: float
    end_s: float
    text: str
    first_word: int = 0
    """Its number, from 1."""


@WRITERS.register("textgrid")
class TextGridWriter(TranscriptWriter):
    """Tiers called "participant", "interviewer" and "other", of those who speak, and their phones.

    Words whose times were not measured are left out. The intervals of a tier cannot overlap: where
    words of one speaker do, the earlier one is cut; words that begin together share an interval.
    """

    def render(self, transcript: Transcript, *, duration_s: float | None) -> str:
        """The file, as text for UTF-8.

        Raises:
            TranscriptError: no word has measured times, or one has no length.
        """
        place = f"recording '{transcript.recording_id}'"
        present = {word.speaker for word in transcript.words}
        tiers: dict[str, list[_Interval]] = {
            speaker: _intervals(transcript, speaker, place)
            for speaker in SPEAKERS
            if speaker in present
        }
        tiers |= _phone_tiers(transcript)
        ends = [intervals[-1].end_s for intervals in tiers.values() if intervals]
        if not ends:
            raise TranscriptError(
                f"{place} has no word with measured times, which is all that a TextGrid can hold; "
                "align it, or write words_json"
            )
        end_s = max(*ends, duration_s or 0.0)
        lines = [
            'File type = "ooTextFile"',
            'Object class = "TextGrid"',
            "",
            *_span_lines(0.0, end_s),
            "tiers? <exists>",
            f"size = {len(tiers)}",
            "item []:",
        ]
        for number, (speaker, intervals) in enumerate(tiers.items(), start=1):
            lines += [f"    item [{number}]:", *_tier_lines(speaker, _filled(intervals, end_s))]
        return "\n".join(lines) + "\n"


def _intervals(transcript: Transcript, speaker: Speaker, place: str) -> list[_Interval]:
    """One speaker's words in the order of time, without overlap."""
    spoken = sorted(
        (
            _Interval(float(word.start_s), float(word.end_s), _quotable(word.text), number)
            for number, word in enumerate(transcript.words, start=1)
            if word.speaker == speaker and word.is_heard and not word.spread
            if word.start_s is not None and word.end_s is not None
        ),
        key=lambda interval: interval.start_s,
    )
    kept: list[_Interval] = []
    for interval in spoken:
        if kept and _belongs_to(kept[-1], interval):
            kept[-1].text += f" {interval.text}"
            kept[-1].end_s = max(kept[-1].end_s, interval.end_s)
            continue
        if kept:
            kept[-1].end_s = min(kept[-1].end_s, interval.start_s)
        kept.append(interval)
    for interval in kept:
        if interval.start_s == interval.end_s:
            raise TranscriptError(
                f"{place}: word {interval.first_word} begins and ends at {interval.start_s:.3f} s, "
                "which a TextGrid cannot hold; align it again, or write words_json"
            )
    return kept


def _phone_tiers(transcript: Transcript) -> dict[str, list[_Interval]]:
    """Tiers for those whose words have phones, named as the Montreal Forced Aligner names them."""
    tiers: dict[str, list[_Interval]] = {}
    for word in sorted(transcript.words, key=lambda word: word.start_s or 0.0):
        for phone in word.phones:
            tier = tiers.setdefault(f"{word.speaker} - phones", [])
            start_s = max(phone.start_s, tier[-1].end_s if tier else 0.0)
            if start_s < phone.end_s:
                tier.append(_Interval(start_s, phone.end_s, _quotable(phone.label)))
    return tiers


def _belongs_to(last: _Interval, interval: _Interval) -> bool:
    """Whether two words must share an interval: one of them would have no length."""
    if interval.start_s == interval.end_s:
        return interval.start_s <= last.end_s
    return interval.start_s == last.start_s


def _filled(intervals: Sequence[_Interval], end_s: float) -> Iterator[_Interval]:
    """With an empty interval wherever nobody speaks."""
    at_s = 0.0
    for interval in (*intervals, _Interval(end_s, end_s, "")):
        if interval.start_s > at_s:
            yield _Interval(at_s, interval.start_s, "")
        if interval.end_s > interval.start_s:
            yield interval
        at_s = interval.end_s


def _tier_lines(name: str, intervals: Iterator[_Interval]) -> Iterator[str]:
    found = list(intervals)
    indent = " " * 8
    yield f'{indent}class = "IntervalTier"'
    yield f'{indent}name = "{name}"'
    yield from (f"{indent}{line}" for line in _span_lines(found[0].start_s, found[-1].end_s))
    yield f"{indent}intervals: size = {len(found)}"
    for number, interval in enumerate(found, start=1):
        yield f"{indent}intervals [{number}]:"
        for line in _span_lines(interval.start_s, interval.end_s):
            yield f"{indent}    {line}"
        yield f'{indent}    text = "{interval.text}"'


def _span_lines(start_s: float, end_s: float) -> tuple[str, str]:
    return f"xmin = {start_s!r}", f"xmax = {end_s!r}"


def _quotable(text: str) -> str:
    return " ".join(text.split()).replace('"', '""')
