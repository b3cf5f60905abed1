"""``low_pass``: nothing above a frequency is heard."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
from scipy.signal import butter, sosfiltfilt

from cogspeech.robustness.base import (
    PERTURBATIONS,
    Heard,
    Severity,
    SoundPerturbation,
    Surroundings,
)


@PERTURBATIONS.register("low_pass")
class LowPass(SoundPerturbation):
    """A Butterworth filter of order 8, there and back, so nothing is delayed.

    A recording that has nothing above the frequency stays as it is.
    """

    name: ClassVar[str] = "low_pass"
    does: ClassVar[str] = "removes everything above a frequency"
    unit: ClassVar[str] = "highest frequency (Hz)"
    severities: ClassVar[tuple[Severity, ...]] = (8000.0, 4000.0, 3400.0, 2000.0)

    def perturb(self, heard: Heard, severity: Severity, around: Surroundings) -> Heard:  # noqa: ARG002
        """The recording without its heights."""
        if float(severity) >= heard.sample_rate_hz / 2:
            return heard
        sections = butter(8, float(severity), fs=heard.sample_rate_hz, output="sos")
        return replace(heard, samples=sosfiltfilt(sections, heard.samples).astype(np.float32))
