"""``noise_pink``: power that falls with the frequency, like rooms and ventilation."""

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
from cogspeech.robustness.levels import SNRS_DB, with_noise

LOWEST_HZ = 20.0
"""Below it the power rises no further: nobody hears it, yet it would take most of the level."""


@PERTURBATIONS.register("noise_pink")
class NoisePink(SoundPerturbation):
    """White noise whose spectrum is divided by the root of the frequency: 3 dB less per octave."""

    name: ClassVar[str] = "noise_pink"
    does: ClassVar[str] = "adds pink noise; levels are measured over the participant's words"
    unit: ClassVar[str] = "signal-to-noise ratio (dB)"
    severities: ClassVar[tuple[Severity, ...]] = SNRS_DB

    def perturb(self, heard: Heard, severity: Severity, around: Surroundings) -> Heard:
        """The recording in noise."""
        num_samples = len(heard.samples)
        spectrum = np.fft.rfft(around.generator.standard_normal(num_samples))
        frequency_hz = np.fft.rfftfreq(num_samples, 1.0 / heard.sample_rate_hz)
        spectrum /= np.sqrt(np.maximum(frequency_hz, LOWEST_HZ))
        spectrum[0] = 0.0
        noise = np.fft.irfft(spectrum, num_samples)
        return replace(heard, samples=with_noise(heard, noise, snr_db=float(severity)))
