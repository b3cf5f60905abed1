"""What a perturbation is: a pure function of a recording, a severity and a seeded generator."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from cogspeech.errors import AudioError
from cogspeech.registry import Registry
from cogspeech.types import Case, EmbeddedRecording, Transcript

Severity = float | str
CLEAN = "clean"
"""Severity 0 of every perturbation: through the same path, unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heard:
    """A recording as it sounds, with its words."""

    samples: Float[np.ndarray, " sample"]
    """Mono, float32, at the rate of the file."""
    sample_rate_hz: int
    transcript: Transcript

    @property
    def speech(self) -> Float[np.ndarray, " spoken"]:
        """What sounds during the participant's measured words, joined."""
        return self.during_words(self.samples)

    def during_words(self, signal: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " spoken"]:
        """The part of a signal of the same length during the participant's measured words.

        Raises:
            AudioError: no word of the participant has measured times.
        """
        is_inside = np.zeros(len(signal), dtype=np.bool_)
        for word in self.transcript.participant_words:
            if word.is_heard and word.start_s is not None and word.end_s is not None:
                first, last = (round(t * self.sample_rate_hz) for t in (word.start_s, word.end_s))
                is_inside[first:last] = True
        if not is_inside.any():
            raise AudioError("no word of the participant has measured times")
        return signal[is_inside]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a perturbation may draw from beside the recording itself."""

    generator: np.random.Generator
    """Seeded by participant; the same at every severity, so that severities differ in it alone."""
    others: Sequence[Case]
    """All recordings of other participants."""


class Perturbation(ABC):
    """One way to make a recording harder, at several severities."""

    name: ClassVar[str]
    does: ClassVar[str]
    """What it does, for the report."""
    unit: ClassVar[str]
    """Of the severities, for the axis of the figure."""
    severities: ClassVar[tuple[Severity, ...]]
    """The mildest first; `CLEAN` is not among them, every perturbation has it."""


class SoundPerturbation(Perturbation):
    """Changes what is heard, or which words are known; the recording is embedded anew."""

    @abstractmethod
    def perturb(self, heard: Heard, severity: Severity, around: Surroundings) -> Heard | None:
        """The recording made harder, or ``None`` where nothing would be left of it.

        Words keep their times unless the perturbation moves them.
        """


class EventPerturbation(Perturbation):
    """Changes events that have been embedded already; costs no encoder pass."""

    @abstractmethod
    def change(self, embedded: EmbeddedRecording, severity: Severity) -> EmbeddedRecording:
        """The recording with changed events."""


AnyPerturbation = SoundPerturbation | EventPerturbation
PERTURBATIONS: Registry[type[SoundPerturbation] | type[EventPerturbation]] = Registry(
    "perturbation", "cogspeech.robustness.perturbations"
)
