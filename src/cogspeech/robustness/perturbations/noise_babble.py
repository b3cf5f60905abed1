"""``noise_babble``: other participants of the study who speak at the same time."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from cogspeech.corpora.audio import read_audio
from cogspeech.robustness.base import (
    PERTURBATIONS,
    Heard,
    Severity,
    SoundPerturbation,
    Surroundings,
)
from cogspeech.robustness.levels import SNRS_DB, rms, with_noise

TALKERS = 6


@PERTURBATIONS.register("noise_babble")
class NoiseBabble(SoundPerturbation):
    """Six recordings of other people at equal levels, each from a place of its own.

    Never of the same person: their own voice is no noise. A shorter one starts again.
    """

    name: ClassVar[str] = "noise_babble"
    does: ClassVar[str] = (
        "adds six other participants who speak at the same time; levels are measured over the "
        "participant's words"
    )
    unit: ClassVar[str] = "signal-to-noise ratio (dB)"
    severities: ClassVar[tuple[Severity, ...]] = SNRS_DB

    def perturb(self, heard: Heard, severity: Severity, around: Surroundings) -> Heard:
        """The recording in noise."""
        noise = _babble(heard, around)
        return replace(heard, samples=with_noise(heard, noise, snr_db=float(severity)))


def _babble(heard: Heard, around: Surroundings) -> Float[np.ndarray, " sample"]:
    generator, num_samples = around.generator, len(heard.samples)
    count = min(TALKERS, len(around.others))
    babble = np.zeros(num_samples)
    for chosen in generator.permutation(len(around.others))[:count]:
        path = around.others[chosen].recording.audio_path
        voice = read_audio(path, sample_rate_hz=heard.sample_rate_hz)
        start = int(generator.integers(len(voice)))
        babble += np.resize(np.roll(voice, -start), num_samples) / rms(voice)
    return babble
