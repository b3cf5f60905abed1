"""The ``acoustic`` encoder: log-mel bands, energy and voicing. No weights, works offline."""

from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float
from pydantic import Field

from cogspeech.config import Settings
from cogspeech.embeddings.base import AUDIO_ENCODERS, AudioEncoder
from cogspeech.embeddings.spans import FrameGeometry

SAMPLE_RATE_HZ = 16_000
STRIDE, KERNEL, FFT = 320, 640, 1024
FLOOR = 1e-8
LOWEST_PITCH_HZ, HIGHEST_PITCH_HZ = 70, 400


@AUDIO_ENCODERS.register("acoustic")
class AcousticEncoder(AudioEncoder):
    """One frame of 40 ms every 20 ms: mel bands in log energy, log energy, voicing.

    Voicing is the largest normalised autocorrelation at lags of 70 to 400 Hz, between 0 (noise)
    and 1 (a periodic voice). The recording is scaled to a root mean square of 1 first, so the
    level of the microphone is not a feature.
    """

    class Options(Settings):
        """``{name: acoustic, mel_bands: 40}``."""

        mel_bands: int = Field(default=40, ge=4, le=128)

    geometry = FrameGeometry(stride=STRIDE, kernel=KERNEL)
    sample_rate_hz = SAMPLE_RATE_HZ
    max_window_s = 60.0

    def __init__(self, options: Options) -> None:
        self._options = options

    @property
    def dimension(self) -> int:
        """Mel bands, energy, voicing."""
        return self._options.mel_bands + 2

    def fingerprint(self) -> dict[str, Any]:
        """The options are all there is."""
        return {"name": "acoustic", "version": 1, **self._options.model_dump()}

    def prepare(self, samples: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " sample"]:
        """The samples without offset and with a root mean square of 1."""
        centred = samples - samples.mean()
        level = np.sqrt(np.mean(np.square(centred), dtype=np.float64))
        return np.asarray(centred / max(level, FLOOR), dtype=np.float32)

    def encode(
        self, windows: Float[np.ndarray, "window sample"]
    ) -> Float[np.ndarray, "window frame d_audio"]:
        """Frames of each window; a frame depends on its own samples only."""
        frames = np.lib.stride_tricks.sliding_window_view(windows, KERNEL, axis=1)[:, ::STRIDE]
        tapered = frames * np.hanning(KERNEL + 1)[:-1]  # (window, frame, KERNEL)
        power = np.square(np.abs(np.fft.rfft(tapered, FFT)))  # (window, frame, FFT / 2 + 1)
        mel = np.log(power @ self._mel_filters / KERNEL + FLOOR)
        energy = np.log(np.mean(np.square(frames), axis=-1, dtype=np.float64) + FLOOR)
        features = [mel, energy[..., None], _voicing(tapered)[..., None]]
        return np.asarray(np.concatenate(features, axis=-1), dtype=np.float32)

    @cached_property
    def _mel_filters(self) -> Float[np.ndarray, "bin band"]:
        from transformers.audio_utils import mel_filter_bank

        return np.asarray(
            mel_filter_bank(
                num_frequency_bins=FFT // 2 + 1,
                num_mel_filters=self._options.mel_bands,
                min_frequency=50.0,
                max_frequency=7_600.0,
                sampling_rate=SAMPLE_RATE_HZ,
                norm="slaney",
                mel_scale="slaney",
            )
        )


def _voicing(
    tapered: Float[np.ndarray, "window frame sample"],
) -> Float[np.ndarray, "window frame"]:
    """The largest autocorrelation at pitch lags, over that at lag 0 and that of the taper itself.

    Boersma (1993): dividing by the autocorrelation of the taper undoes its fall with the lag.
    """
    taper = np.hanning(KERNEL + 1)[:-1]
    shortest, longest = SAMPLE_RATE_HZ // HIGHEST_PITCH_HZ, SAMPLE_RATE_HZ // LOWEST_PITCH_HZ
    size = 2 * FFT
    spectrum = np.square(np.abs(np.fft.rfft(tapered, size)))
    correlation = np.fft.irfft(spectrum, size)[..., : longest + 1]
    of_taper = np.fft.irfft(np.square(np.abs(np.fft.rfft(taper, size))), size)[: longest + 1]
    zero_lag = correlation[..., :1] + FLOOR
    normalised = (correlation / zero_lag) / (of_taper / of_taper[0])
    return np.asarray(np.clip(normalised[..., shortest:].max(axis=-1), 0.0, 1.0))
