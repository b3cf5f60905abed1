"""Levels over the words: what a signal-to-noise ratio means here."""

import numpy as np
from jaxtyping import Float

from cogspeech.errors import AudioError
from cogspeech.robustness.base import Heard

SNRS_DB = (30.0, 20.0, 15.0, 10.0, 5.0, 0.0, -5.0)
"""The severities of every noise."""


def rms(signal: Float[np.ndarray, " sample"]) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))


def speech_rms(heard: Heard) -> float:
    """The level of the speech: the root mean square over the participant's words.

    Raises:
        AudioError: there is no sound during the words.
    """
    level = rms(heard.speech)
    if level == 0:
        raise AudioError("there is no sound during the participant's words")
    return level


def with_noise(
    heard: Heard, noise: Float[np.ndarray, " sample"], *, snr_db: float
) -> Float[np.ndarray, " sample"]:
    """The samples with noise, both levels measured over the participant's words.

    Args:
        heard: the recording.
        noise: as long as the recording, of any level.
        snr_db: ratio of the power of the speech to that of the noise.

    Raises:
        AudioError: the speech or the noise is silent during the words.
    """
    noise_rms = rms(heard.during_words(noise))
    if noise_rms == 0:
        raise AudioError("the noise is silent during the participant's words")
    scale = speech_rms(heard) / noise_rms * 10.0 ** (-snr_db / 20.0)
    mixed: np.ndarray = (heard.samples + scale * noise).astype(np.float32)
    return mixed
