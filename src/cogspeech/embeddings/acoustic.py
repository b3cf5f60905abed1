"""The ``acoustic`` encoder: log-mel bands, energy and voicing. No weights, works offline."""

import math
from functools import cached_property
from typing import Any

import numpy as np
import scipy.fft
from jaxtyping import Float
from pydantic import Field

from cogspeech.embeddings.base import AUDIO_ENCODERS, AudioEncoder, AudioOptions, Level
from cogspeech.embeddings.spans import FrameGeometry

SAMPLE_RATE_HZ = 16_000
STRIDE, KERNEL, FFT = 320, 640, 1024
TAPER = np.hanning(KERNEL + 1)[:-1].astype(np.float32)
FLOOR = np.float32(1e-8)
LOWEST_PITCH_HZ, HIGHEST_PITCH_HZ = 70, 400


@AUDIO_ENCODERS.register("acoustic")
class AcousticEncoder(AudioEncoder):
    """One frame of 40 ms every 20 ms: mel bands in log energy, log energy, voicing.

    Voicing is the largest normalised autocorrelation at lags of 70 to 400 Hz, between 0 (noise)
    and 1 (a periodic voice). The recording is scaled to a root mean square of 1 first, and vectors
    are taken relative to the recording's mean frame (cepstral mean normalisation): neither the
    level nor the colour of a microphone is a feature.
    """

    class Options(AudioOptions):
        """``{name: acoustic, mel_bands: 40}``."""

        mel_bands: int = Field(default=40, ge=4, le=128)
        """Frequency bands of a frame."""

    geometry = FrameGeometry(stride=STRIDE, kernel=KERNEL)
    sample_rate_hz = SAMPLE_RATE_HZ
    max_window_s = 60.0
    subtracts_mean = True

    options: Options

    def __init__(self, options: Options) -> None:
        super().__init__(options)

    @property
    def dimension(self) -> int:
        """Mel bands, energy, voicing."""
        return self.options.mel_bands + 2

    def fingerprint(self) -> dict[str, Any]:
        """The options are all there is."""
        return {"name": "acoustic", "version": 2, "mel_bands": self.options.mel_bands}

    def prepare(
        self, samples: Float[np.ndarray, " sample"], level: Level
    ) -> Float[np.ndarray, " sample"]:
        """The samples without offset and with a root mean square of 1."""
        deviation = max(math.sqrt(level.variance), float(FLOOR))
        return np.asarray((samples - level.mean) / deviation, dtype=np.float32)

    def encode(
        self, windows: Float[np.ndarray, "window sample"]
    ) -> Float[np.ndarray, "window frame d_audio"]:
        """Frames of each window; a frame depends on its own samples only."""
        frames = np.lib.stride_tricks.sliding_window_view(windows, KERNEL, axis=1)[:, ::STRIDE]
        tapered = frames * TAPER  # (window, frame, KERNEL)
        power = np.square(np.abs(scipy.fft.rfft(tapered, FFT)))  # (window, frame, FFT / 2 + 1)
        mel = np.log(power @ self._mel_filters / KERNEL + FLOOR)
        energy = np.log(np.square(tapered).mean(axis=-1, keepdims=True) + FLOOR)
        return np.concatenate([mel, energy, _voicing(power)], axis=-1)

    @cached_property
    def _mel_filters(self) -> Float[np.ndarray, "bin band"]:
        from transformers.audio_utils import mel_filter_bank

        return np.asarray(
            mel_filter_bank(
                num_frequency_bins=FFT // 2 + 1,
                num_mel_filters=self.options.mel_bands,
                min_frequency=50.0,
                max_frequency=7_600.0,
                sampling_rate=SAMPLE_RATE_HZ,
                norm="slaney",
                mel_scale="slaney",
            ),
            dtype=np.float32,
        )


def _voicing(
    power: Float[np.ndarray, "window frame bin"],
) -> Float[np.ndarray, "window frame 1"]:
    """The largest autocorrelation at pitch lags, over that at lag 0 and that of the taper itself.

    Boersma (1993): dividing by the autocorrelation of the taper undoes its fall with the lag. The
    transform is long enough (KERNEL + longest lag <= FFT) that no lag wraps around.
    """
    shortest, longest = SAMPLE_RATE_HZ // HIGHEST_PITCH_HZ, SAMPLE_RATE_HZ // LOWEST_PITCH_HZ
    correlation = scipy.fft.irfft(power, FFT)[..., : longest + 1]
    of_taper = scipy.fft.irfft(np.square(np.abs(scipy.fft.rfft(TAPER, FFT))), FFT)[: longest + 1]
    normalised = correlation / (correlation[..., :1] + FLOOR) * (of_taper[0] / of_taper)
    strongest = normalised[..., shortest:].max(axis=-1, keepdims=True)
    return np.asarray(np.clip(strongest, 0.0, 1.0), dtype=np.float32)
