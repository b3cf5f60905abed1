"""Corpora in which a few words or pauses carry the label, and which ones is known.

Recordings of both classes have 24 words, one token each, and eight pauses. In the second class
three words or pauses carry a sign; beside it stand as many decoys, equally frequent in both
classes.

``token``: the token vectors lie in a direction of their own; the decoys in another one.
``sound``: the same of what is heard in the words.
``pause``: the pauses are long; the decoys are long words.
``pairing``: a marked token meets a marked sound of the same sign, in the first class of the other
sign; the decoys are marked on one side alone. Tokens and sounds alone say nothing.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cogspeech.training.labelled import LabelledPart
from cogspeech.types import EmbeddedRecording, Transcript, Word

Kind = Literal["token", "sound", "pause", "pairing"]
KINDS: tuple[Kind, ...] = ("token", "sound", "pause", "pairing")
WORDS, PAUSES, PLANTED = 24, 8, 3
D_AUDIO, D_TEXT = 8, 12
SIGN = 4.0
"""In standard deviations of everything else."""
WORD_S, PAUSE_S, LONG_S = 0.3, 0.4, 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A recording, its label, and the places of what carries it."""

    embedded: EmbeddedRecording
    label: int
    words: frozenset[int]
    """Whose sign speaks for the second class; none in the first class."""
    pauses: frozenset[int]
    """The words before which such a pause stands."""

    @property
    def transcript(self) -> Transcript:
        """Words without meaning, one per token."""
        words = tuple(Word(text=f"w{index}") for index in range(WORDS))
        return Transcript(recording_id=self.embedded.recording_id, words=words)


def planted(kind: Kind, count: int, *, seed: int) -> list[Planted]:
    """Recordings of both classes in equal parts."""
    generator = np.random.default_rng((seed, KINDS.index(kind)))
    return [_one(kind, index, generator) for index in range(count)]


def labelled(recordings: list[Planted]) -> LabelledPart:
    """As a trainer takes them."""
    return LabelledPart(
        recordings=tuple(each.embedded for each in recordings),
        labels=tuple(each.label for each in recordings),
    )


def _one(kind: Kind, index: int, generator: np.random.Generator) -> Planted:
    label = index % 2
    delayed = np.sort(generator.choice(WORDS, size=PAUSES, replace=False))
    event_word = np.sort(np.concatenate([np.arange(WORDS), delayed]))
    is_pause = np.zeros(len(event_word), dtype=np.bool_)
    is_pause[np.searchsorted(event_word, delayed)] = True
    sounds = np.flatnonzero(~is_pause)
    events = generator.standard_normal((len(event_word), D_AUDIO)).astype(np.float32)
    tokens = generator.standard_normal((WORDS, D_TEXT)).astype(np.float32)
    typical_s = np.where(is_pause, PAUSE_S, WORD_S)
    duration_s = typical_s * np.exp(0.2 * generator.standard_normal(len(event_word)))
    chosen = generator.permutation(WORDS)
    signs, decoys, more = (chosen[at : at + PLANTED] for at in (0, PLANTED, 2 * PLANTED))
    long_pauses = generator.choice(delayed, size=PLANTED, replace=False)
    if kind == "token":
        tokens[signs, 0] += SIGN * label
        tokens[decoys, 1] += SIGN
    elif kind == "sound":
        events[sounds[signs], 0] += SIGN * label
        events[sounds[decoys], 1] += SIGN
    elif kind == "pause":
        places = np.searchsorted(event_word, long_pauses)
        duration_s[places] *= (LONG_S / PAUSE_S) ** label
        duration_s[sounds[decoys]] *= LONG_S / PAUSE_S
    else:
        marks = generator.choice([-SIGN, SIGN], size=3 * PLANTED)
        token_marks, sound_marks = marks[:PLANTED], marks[:PLANTED] * (1 if label else -1)
        tokens[:, 0], events[:, 0] = 0.0, 0.0
        tokens[signs, 0], events[sounds[signs], 0] = token_marks, sound_marks
        tokens[decoys, 0] = marks[PLANTED : 2 * PLANTED]
        events[sounds[more], 0] = marks[2 * PLANTED :]
    of_words, of_pauses = (signs, ()) if kind != "pause" else ((), long_pauses)
    return Planted(
        embedded=EmbeddedRecording(
            recording_id=f"r{index}",
            event_vectors=events,
            event_word=event_word,
            event_is_pause=is_pause,
            event_start_s=np.cumsum(duration_s) - duration_s,
            event_duration_s=duration_s,
            token_vectors=tokens,
            token_word=np.arange(WORDS),
        ),
        label=label,
        words=frozenset(int(word) for word in of_words) if label else frozenset(),
        pauses=frozenset(int(word) for word in of_pauses) if label else frozenset(),
    )
