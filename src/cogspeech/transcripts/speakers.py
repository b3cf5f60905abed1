"""Who speaks each word, told by a segmentation of the recording into turns.

A recogniser does not know who speaks. Turns may overlap and stand in any order: the time that each
speaker has in a word is found by bisection, so the cost grows with words x log(turns).
"""

import dataclasses
import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from cogspeech.config import TranscriptsSection
from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import read_segmentation_file
from cogspeech.transcripts.reading import Span
from cogspeech.types import SPEAKERS, Recording, Speaker, Transcript, Utterance, Word

TOLERANCE_S = 1e-6
MAX_OUTSIDE_SHARE = 0.5


def with_segmentation(
    transcript: Transcript, recording: Recording, section: TranscriptsSection
) -> Transcript:
    """The transcript with the speakers of the recording's ``segmentation_path``, if it has one.

    Raises:
        TranscriptError: the file cannot be read, or belongs to another recording.
    """
    path = recording.segmentation_path
    if path is None:
        return transcript
    segmentation = read_segmentation_file(
        path, recording_id=recording.recording_id, section=section
    )
    found = with_speakers(transcript, segmentation.utterances, place=str(path))
    return dataclasses.replace(found, warnings=(*segmentation.warnings, *found.warnings))


def with_speakers(transcript: Transcript, turns: Sequence[Utterance], *, place: str) -> Transcript:
    """Each word with times belongs to whoever has most of its time.

    A word outside of all turns, or shared evenly, goes to the nearest turn; one without times to
    the speaker of the timed words on both sides, if that is one. Of all of these a warning tells
    how many there are. The speakers that the words had before do not count.

    Args:
        transcript: in any order.
        turns: with speakers and times, in any order.
        place: the file the turns come from, for messages.

    Raises:
        TranscriptError: most words lie outside of all turns.
    """
    tracks = {
        speaker: _Track(own)
        for speaker in SPEAKERS
        if (own := [span for turn in turns if turn.speaker == speaker and (span := _span(turn))])
    }
    judged = [
        _speaker(span, tracks) if (span := _span(word)) else None for word in transcript.words
    ]
    timed = sum(each is not None for each in judged)
    outside = sum(each is not None and each.is_outside for each in judged)
    if outside > MAX_OUTSIDE_SHARE * timed:
        raise TranscriptError(
            f"{place}: {outside} of {timed} words with times lie outside of all turns; do the "
            "turns belong to this recording, and are they in ms?"
        )
    shared = sum(each is not None and each.is_shared for each in judged)
    speakers, lost = _with_untimed([each.speaker if each else None for each in judged])
    warnings = [
        f"{place}: {count} {what}"
        for count, what in (
            (outside, "words lie outside of all turns; they go to the nearest"),
            (shared, "words are shared evenly by turns; they go to the nearest"),
            (lost, "words without times stand where the speaker changes; they keep their speaker"),
        )
        if count
    ]
    words = (
        word if speaker is None else dataclasses.replace(word, speaker=speaker)
        for word, speaker in zip(transcript.words, speakers, strict=True)
    )
    return dataclasses.replace(
        transcript, words=tuple(words), warnings=(*transcript.warnings, *warnings)
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Judgement:
    speaker: Speaker
    is_outside: bool = False
    is_shared: bool = False


class _Track:
    """When one speaker speaks: stretches in order, none of which touches another."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._starts: list[float] = []
        self._ends: list[float] = []
        for start_s, end_s in sorted(spans):
            if self._ends and start_s <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end_s)
            else:
                self._starts.append(start_s)
                self._ends.append(end_s)
        lengths = (e - s for s, e in zip(self._starts, self._ends, strict=True))
        self._spoken_before = list(accumulate(lengths, initial=0.0))

    def overlap_s(self, span_s: Span) -> float:
        """How long the speaker speaks in the span."""
        return self._spoken_until(span_s[1]) - self._spoken_until(span_s[0])

    def gap_s(self, span_s: Span) -> float:
        """How far the nearest stretch is; 0 if one touches the span."""
        following = bisect_right(self._starts, span_s[1])
        before = span_s[0] - self._ends[following - 1] if following else math.inf
        after = self._starts[following] - span_s[1] if following < len(self._starts) else math.inf
        return max(0.0, min(before, after))

    def distance_s(self, span_s: Span) -> float:
        """How far the middle of the span is from that of the nearest stretch."""
        at_s = (span_s[0] + span_s[1]) / 2
        following = bisect_right(self._starts, at_s)
        near = range(max(0, following - 1), min(following + 1, len(self._starts)))
        return min(abs(at_s - (self._starts[n] + self._ends[n]) / 2) for n in near)

    def _spoken_until(self, at_s: float) -> float:
        begun = bisect_right(self._starts, at_s)
        if not begun:
            return 0.0
        last = begun - 1
        return self._spoken_before[last] + min(at_s, self._ends[last]) - self._starts[last]


def _speaker(span_s: Span, tracks: dict[Speaker, _Track]) -> _Judgement:
    overlaps = {speaker: track.overlap_s(span_s) for speaker, track in tracks.items()}
    most_s = max(overlaps.values())
    likely = [speaker for speaker in tracks if overlaps[speaker] >= most_s - TOLERANCE_S]
    gaps = {speaker: tracks[speaker].gap_s(span_s) for speaker in likely}
    least_s = min(gaps.values())
    nearest = [speaker for speaker in likely if gaps[speaker] <= least_s + TOLERANCE_S]
    is_outside = most_s <= TOLERANCE_S < least_s
    return _Judgement(
        min(nearest, key=lambda speaker: tracks[speaker].distance_s(span_s)),
        is_outside,
        is_shared=len(nearest) > 1 and not is_outside,
    )


def _with_untimed(speakers: Sequence[Speaker | None]) -> tuple[list[Speaker | None], int]:
    """Words without times take the speaker on both sides; how many have two different ones."""
    before, after = _carried(speakers), _carried(reversed(speakers))[::-1]
    found = [
        one or two if one is None or two is None or one == two else each
        for each, one, two in zip(speakers, before, after, strict=True)
    ]
    return found, found.count(None)


def _carried(speakers: Iterable[Speaker | None]) -> list[Speaker | None]:
    """Each speaker, or the one before where there is none."""
    found = []
    last: Speaker | None = None
    for each in speakers:
        last = each or last
        found.append(last)
    return found


def _span(item: Word | Utterance) -> Span | None:
    if item.start_s is None or item.end_s is None:
        return None
    return item.start_s, item.end_s
