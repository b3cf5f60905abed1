"""Turns, pauses and other gaps of the participant, from the words and their speakers.

A pause stands before the word it delays. A gap in which somebody else speaks is no pause: it ends
the turn.
"""

import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from cogspeech.types import Pause, Transcript, Turn, Word

TURN_MARGIN_S = 0.25
"""Audio kept before the first and after the last word of a turn, as far as nobody else speaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch between the participant's words in which no word carries meaning.

    ``pause``: silence inside a turn; ``filled``: a filler such as "uh"; ``turn_change``: from the
    last word of a turn to the first of the next, whoever speaks in between.
    """

    kind: Literal["pause", "filled", "turn_change"]
    start_s: float
    end_s: float
    before_word: int | None
    """Position, among the participant's words, of the word that follows in the turn it belongs to;
    ``None``: a filler that ends its turn."""

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.end_s - self.start_s


def gaps_of(transcript: Transcript, *, min_pause_s: float) -> tuple[Gap, ...]:
    """The pauses of `pauses_of`, the fillers, and the changes of turn, in the order of time.

    What lies beside a word without times, or with interpolated ones, is unknown, hence no gap.
    """
    gaps = [
        Gap(kind="pause", start_s=each.start_s, end_s=each.end_s, before_word=each.before_word)
        for each in pauses_of(transcript, min_pause_s=min_pause_s)
    ]
    spoken_until, is_known = 0.0, False
    for group in _turn_words(transcript):
        (first, opening), (last, closing) = group[0], group[-1]
        heard = _heard(group)
        if is_known and opening.is_heard and spoken_until < heard[0][1]:
            start_s, end_s = spoken_until, heard[0][1]
            gaps.append(Gap(kind="turn_change", start_s=start_s, end_s=end_s, before_word=first))
        for position, start_s, end_s, is_filler in heard:
            spoken_until = max(spoken_until, end_s)
            if is_filler:
                following = position + 1 if position < last else None
                gaps.append(Gap(kind="filled", start_s=start_s, end_s=end_s, before_word=following))
        is_known = closing.is_heard
    return tuple(sorted(gaps, key=lambda gap: (gap.start_s, gap.end_s)))


def pauses_of(transcript: Transcript, *, min_pause_s: float) -> tuple[Pause, ...]:
    """The participant's silences of at least ``min_pause_s`` between two words of one turn.

    Words without times, or with interpolated ones, break the chain: what lies beside them is
    unknown, hence no pause.
    """
    pauses = []
    spoken_until = 0.0
    for group in _turn_words(transcript):
        follows_a_word = False
        for position, word in group:
            if not word.is_heard or word.start_s is None or word.end_s is None:
                follows_a_word = False
                continue
            if follows_a_word and word.start_s - spoken_until >= min_pause_s:
                pauses.append(Pause(start_s=spoken_until, end_s=word.start_s, before_word=position))
            spoken_until = max(spoken_until, word.end_s)
            follows_a_word = True
    return tuple(pauses)


def participant_turns(transcript: Transcript, *, duration_s: float) -> tuple[Turn, ...]:
    """Where the participant speaks, pauses inside a turn included; no two turns overlap.

    Each turn reaches from its first to its last word plus `TURN_MARGIN_S`, cut where another
    speaker's word, the neighbouring turn, or the recording begins or ends. Another speaker is heard
    in a turn only where both speak at once. Turns in which no word has times are left out: nobody
    knows where they are.
    """
    others = _other_spans(transcript)
    turns: list[Turn] = []
    for group in _turn_words(transcript):
        timed = [word for _, word in group if word.is_timed]
        if not timed:
            continue
        start_s = min(word.start_s for word in timed if word.start_s is not None)
        end_s = max(word.end_s for word in timed if word.end_s is not None)
        silent_from = max(
            (min(end, start_s) for start, end in others if start < start_s), default=0.0
        )
        silent_until = min(
            (max(start, end_s) for start, end in others if end > end_s), default=duration_s
        )
        previous_end = turns[-1].end_s if turns else 0.0
        start_s = max(start_s - TURN_MARGIN_S, silent_from, previous_end)
        end_s = min(max(end_s, start_s) + TURN_MARGIN_S, silent_until, duration_s)
        if end_s > start_s:
            turns.append(Turn(start_s=start_s, end_s=end_s))
    return tuple(turns)


def _turn_words(transcript: Transcript) -> Iterator[list[tuple[int, Word]]]:
    """Runs of the participant's words that nobody interrupts, with their positions.

    Somebody else's word interrupts where it stands between two words of the list, and where it is
    heard in the gap between them: transcripts may list one speaker after the other.
    """
    is_heard = _heard_between(_other_spans(transcript))
    group: list[tuple[int, Word]] = []
    position = 0
    spoken_until = 0.0
    for word in transcript.words:
        is_own = word.speaker == "participant"
        is_interrupted = word.start_s is not None and is_heard(spoken_until, word.start_s)
        if group and (not is_own or is_interrupted):
            yield group
            group = []
        if is_own:
            group.append((position, word))
            position += 1
            spoken_until = max(spoken_until, word.end_s or 0.0)
    if group:
        yield group


def _heard(group: list[tuple[int, Word]]) -> list[tuple[int, float, float, bool]]:
    """Position, start, end, and whether it is a filler, of the words whose times were measured."""
    return [
        (position, word.start_s, word.end_s, word.is_filler)
        for position, word in group
        if word.is_heard and word.start_s is not None and word.end_s is not None
    ]


def _other_spans(transcript: Transcript) -> list[tuple[float, float]]:
    """When the other speakers are heard, in the order of time."""
    return sorted(
        (word.start_s, word.end_s)
        for word in transcript.words
        if word.speaker != "participant" and word.start_s is not None and word.end_s is not None
    )


def _heard_between(spans: list[tuple[float, float]]) -> Callable[[float, float], bool]:
    """Whether one of the sorted spans overlaps a gap."""
    starts = [start for start, _ in spans]
    latest_ends = list(itertools.accumulate((end for _, end in spans), max))

    def is_heard(from_s: float, until_s: float) -> bool:
        before = bisect_left(starts, until_s)
        return from_s < until_s and before > 0 and latest_ends[before - 1] > from_s

    return is_heard
