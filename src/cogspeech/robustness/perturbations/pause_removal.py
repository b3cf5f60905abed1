"""``pause_removal``: the same words without the pauses between them, or with equal ones."""

from dataclasses import replace
from typing import ClassVar

import numpy as np

from cogspeech.robustness.base import PERTURBATIONS, EventPerturbation, Severity
from cogspeech.types import EmbeddedRecording

EQUAL_PAUSE_S = 0.2


@PERTURBATIONS.register("pause_removal")
class PauseRemoval(EventPerturbation):
    """Every pause lasts 200 ms, or is gone; what follows moves along.

    On events that are embedded already: the encoder has heard the pauses.
    """

    name: ClassVar[str] = "pause_removal"
    does: ClassVar[str] = (
        "makes every pause 200 ms long, or removes them all; the words keep what the encoder heard "
        "with the pauses around them"
    )
    unit: ClassVar[str] = "pauses"
    severities: ClassVar[tuple[Severity, ...]] = ("200 ms", "none")

    def change(self, embedded: EmbeddedRecording, severity: Severity) -> EmbeddedRecording:
        """The recording with equal pauses, or without any."""
        is_pause = embedded.event_is_pause
        pause_s = 0.0 if severity == "none" else EQUAL_PAUSE_S
        duration_s = np.where(is_pause, pause_s, embedded.event_duration_s)
        longer_s = np.where(is_pause, pause_s - embedded.event_duration_s, 0.0)
        moved_s = np.cumsum(longer_s) - longer_s
        is_kept = ~is_pause if severity == "none" else np.ones_like(is_pause)
        return replace(
            embedded,
            event_vectors=embedded.event_vectors[is_kept],
            event_word=embedded.event_word[is_kept],
            event_is_pause=is_pause[is_kept],
            event_start_s=(embedded.event_start_s + moved_s)[is_kept],
            event_duration_s=duration_s[is_kept],
        )
