"""Times are checked, never trusted: each word comes out sound, repaired, or without times.

What a repair did stands on the word (`Word.repair`); a word whose times had to go keeps its place
and its tokens, but no audio is pooled over it. Where many words need repair, the transcript does
not belong to the recording, and nothing is repaired.
"""

import dataclasses
from collections.abc import Sequence

from cogspeech.errors import TranscriptError
from cogspeech.types import Transcript, Word

TOLERANCE_S = 1e-3
MAX_WORD_S = 15.0
"""No word is drawn out so long; its end belongs to another word."""
MAX_REPAIRED_SHARE = 0.1


def with_sound_times(transcript: Transcript, duration_s: float, *, place: str) -> Transcript:
    """Words inside the recording, in the order of time per speaker, of plausible length.

    A word that ends after the recording is clipped; one that lies outside, runs backwards or is
    implausibly long loses its times; one without times between two words of its speaker gets times
    that are marked as interpolated.

    Args:
        transcript: as it was read.
        duration_s: of the recording.
        place: file, row and recording, for messages.

    Raises:
        TranscriptError: more than a tenth of the times cannot be right.
    """
    problems: list[str] = []
    latest_start: dict[str, float] = {}
    words = []
    for number, word in enumerate(transcript.words, start=1):
        latest_start_s = latest_start.get(word.speaker, 0.0)
        problem = _problem(word, number, duration_s, latest_start_s)
        if problem:
            problems.append(f"{place}: {problem}")
            word = _repaired(word, duration_s, latest_start_s)
        latest_start[word.speaker] = latest_start_s if word.start_s is None else word.start_s
        words.append(word)
    timed = sum(word.is_timed for word in transcript.words)
    if len(problems) > MAX_REPAIRED_SHARE * timed:
        raise TranscriptError(problems[0])
    return dataclasses.replace(transcript, words=tuple(_interpolated(words)))


def _problem(word: Word, number: int, duration_s: float, latest_start_s: float) -> str | None:
    if word.start_s is None or word.end_s is None:
        return None
    if word.end_s > duration_s + TOLERANCE_S:
        return (
            f"word {number} ends at {word.end_s:.3f} s, after the audio ({duration_s:.3f} s); are "
            "the times in seconds and is it the right audio?"
        )
    if word.start_s < latest_start_s:
        return (
            f"word {number} starts at {word.start_s:.3f} s, before the word that precedes it; put "
            "the words in the order of time"
        )
    if word.end_s - word.start_s > MAX_WORD_S:
        return (
            f"word {number} lasts {word.end_s - word.start_s:.1f} s; expected at most "
            f"{MAX_WORD_S:.0f} s; align the transcript again"
        )
    return None


def _repaired(word: Word, duration_s: float, latest_start_s: float) -> Word:
    """Clipped where it reaches over the end of the recording; else without times."""
    start_s = word.start_s
    if start_s is None or not latest_start_s <= start_s < duration_s:
        return dataclasses.replace(word, start_s=None, end_s=None)
    clipped = dataclasses.replace(word, end_s=duration_s, repair="clipped")
    if duration_s - start_s > MAX_WORD_S:
        return dataclasses.replace(word, start_s=None, end_s=None)
    return clipped


def _interpolated(words: Sequence[Word]) -> list[Word]:
    """Runs of untimed words between two timed ones of the same speaker share the gap evenly."""
    found = list(words)
    last_timed: int | None = None
    for index, word in enumerate(words):
        if not word.is_timed:
            continue
        if last_timed is not None:
            _fill(found, last_timed, index)
        last_timed = index
    return found


def _fill(words: list[Word], before: int, after: int) -> None:
    gap = words[before + 1 : after]
    start_s, end_s = words[before].end_s, words[after].start_s
    is_one_speaker = len({word.speaker for word in words[before : after + 1]}) == 1
    if not gap or not is_one_speaker or start_s is None or end_s is None or end_s <= start_s:
        return
    width_s = (end_s - start_s) / len(gap)
    for index, word in enumerate(gap):
        at_s = start_s + index * width_s
        words[before + 1 + index] = dataclasses.replace(
            word, start_s=at_s, end_s=min(at_s + width_s, end_s), repair="interpolated"
        )
