"""``noise_white``: the same power at every frequency, like the hiss of a cheap microphone."""

from dataclasses import replace
from typing import ClassVar

from cogspeech.robustness.base import (
    PERTURBATIONS,
    Heard,
    Severity,
    SoundPerturbation,
    Surroundings,
)
from cogspeech.robustness.levels import SNRS_DB, with_noise


@PERTURBATIONS.register("noise_white")
class NoiseWhite(SoundPerturbation):
    """Gaussian samples."""

    name: ClassVar[str] = "noise_white"
    does: ClassVar[str] = "adds white noise; levels are measured over the participant's words"
    unit: ClassVar[str] = "signal-to-noise ratio (dB)"
    severities: ClassVar[tuple[Severity, ...]] = SNRS_DB

    def perturb(self, heard: Heard, severity: Severity, around: Surroundings) -> Heard:
        """The recording in noise."""
        noise = around.generator.standard_normal(len(heard.samples))
        return replace(heard, samples=with_noise(heard, noise, snr_db=float(severity)))
