"""Errors among the participant's words, as many as were asked for."""

from dataclasses import replace

import numpy as np
from jaxtyping import Int

from cogspeech.robustness.base import Heard, Severity, Surroundings
from cogspeech.types import Word

ERROR_PERCENT = (10.0, 20.0, 30.0, 40.0, 60.0)
"""The severities of every type of error."""


def chosen_words(
    heard: Heard, percent: Severity, around: Surroundings
) -> Int[np.ndarray, " chosen"]:
    """Positions in the transcript of a share of the participant's words, drawn at random.

    Those of a milder severity are among those of a harder one.
    """
    own = [i for i, word in enumerate(heard.transcript.words) if word.speaker == "participant"]
    count = round(len(own) * float(percent) / 100.0)
    return np.sort(around.generator.permutation(own)[:count])


def another_word(text: str, around: Surroundings) -> str | None:
    """A word that another participant says, frequent ones more often, but not this one.

    ``None`` where nobody says another.
    """
    generator = around.generator
    for chosen in generator.permutation(len(around.others)):
        said = [word.text for word in around.others[chosen].transcript.participant_words]
        candidates = [other for other in said if other != text]
        if candidates:
            return str(candidates[int(generator.integers(len(candidates)))])
    return None


def other_word(word: Word, text: str) -> Word:
    """Another word at the times of a word; its phones are not known."""
    return Word(
        text=text,
        start_s=word.start_s,
        end_s=word.end_s,
        speaker=word.speaker,
        spread=word.spread,
        repair=word.repair,
    )


def with_words(heard: Heard, words: list[Word]) -> Heard:
    """The recording with other words."""
    return replace(heard, transcript=replace(heard.transcript, words=tuple(words), utterances=()))
