"""Turns and pauses of the participant, from the words and their speakers.

A pause stands before the word it delays. A gap in which somebody else speaks is no pause: it ends
the turn.
"""

import itertools
from collections.abc import Iterator

from cogspeech.types import Pause, Transcript, Turn, Word

TURN_MARGIN_S = 0.25
"""Audio kept before the first and after the last word of a turn, as far as nobody else speaks."""


def pauses_of(transcript: Transcript, *, min_pause_s: float) -> tuple[Pause, ...]:
    """The participant's silences of at least ``min_pause_s`` between two words of one turn.

    Words without times break the chain: what lies beside them is unknown, hence no pause.
    """
    pauses = []
    for group in _turn_words(transcript):
        for (_, before), (position, after) in itertools.pairwise(group):
            if before.end_s is None or after.start_s is None:
                continue
            if after.start_s - before.end_s >= min_pause_s:
                pauses.append(
                    Pause(start_s=before.end_s, end_s=after.start_s, before_word=position)
                )
    return tuple(pauses)


def participant_turns(transcript: Transcript, *, duration_s: float) -> tuple[Turn, ...]:
    """Where the participant speaks, pauses inside a turn included; no two turns overlap.

    Each turn reaches from its first to its last word plus `TURN_MARGIN_S`, cut where another
    speaker's word, the neighbouring turn, or the recording begins or ends. Turns in which no word
    has times are left out: nobody knows where they are.
    """
    others = [w for w in transcript.words if w.speaker != "participant" and w.is_timed]
    turns: list[Turn] = []
    for group in _turn_words(transcript):
        timed = [word for _, word in group if word.is_timed]
        if not timed:
            continue
        start_s = min(word.start_s for word in timed if word.start_s is not None)
        end_s = max(word.end_s for word in timed if word.end_s is not None)
        silent_from = max(
            (w.end_s for w in others if w.end_s is not None and w.end_s <= start_s), default=0.0
        )
        silent_until = min(
            (w.start_s for w in others if w.start_s is not None and w.start_s >= end_s),
            default=duration_s,
        )
        previous_end = turns[-1].end_s if turns else 0.0
        start_s = max(start_s - TURN_MARGIN_S, silent_from, previous_end)
        end_s = min(max(end_s, start_s) + TURN_MARGIN_S, silent_until, duration_s)
        if end_s > start_s:
            turns.append(Turn(start_s=start_s, end_s=end_s))
    return tuple(turns)


def _turn_words(transcript: Transcript) -> Iterator[list[tuple[int, Word]]]:
    """Runs of the participant's words that nobody interrupts, with their positions."""
    group: list[tuple[int, Word]] = []
    position = 0
    for word in transcript.words:
        if word.speaker == "participant":
            group.append((position, word))
            position += 1
        elif group:
            yield group
            group = []
    if group:
        yield group
