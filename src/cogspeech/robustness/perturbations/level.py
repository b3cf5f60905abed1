"""``level``: louder, softer, upside down, or beside zero. No ear would notice much."""

from dataclasses import replace
from typing import ClassVar

import numpy as np

from cogspeech.robustness.base import (
    PERTURBATIONS,
    Heard,
    Severity,
    SoundPerturbation,
    Surroundings,
)

DC = 0.05


@PERTURBATIONS.register("level")
class Level(SoundPerturbation):
    """A gain in dB without clipping, the polarity turned, or a constant of 0.05 added."""

    name: ClassVar[str] = "level"
    does: ClassVar[str] = (
        f"turns the level up or down, the polarity round, or adds a constant of {DC:g} of full "
        "scale"
    )
    unit: ClassVar[str] = "gain (dB), polarity, constant"
    severities: ClassVar[tuple[Severity, ...]] = (
        "polarity", "constant", -20.0, -12.0, -6.0, 6.0, 12.0
    )  # fmt: skip

    def perturb(self, heard: Heard, severity: Severity, around: Surroundings) -> Heard:  # noqa: ARG002
        """The recording at another level."""
        if severity == "polarity":
            samples = -heard.samples
        elif severity == "constant":
            samples = heard.samples + np.float32(DC)
        else:
            samples = heard.samples * np.float32(10.0 ** (float(severity) / 20.0))
        return replace(heard, samples=samples)
