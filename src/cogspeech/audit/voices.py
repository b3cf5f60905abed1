"""What a voice sounds like on average: enough to look twice, never enough to tell who speaks.

Mean and spread of mel-frequency cepstra over the frames of speech, and the pitch, once for each
half of a recording. The halves tell how much one voice varies; recordings of different people that
differ less than that are worth a look.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import fft

from cogspeech.audit.spectrogram import BIN_HZ, HOP, NUM_BINS, RATE_HZ, WINDOW
from cogspeech.transcripts.speech_energy import FRAME_S

MEL_BANDS = 20
CEPSTRA = 13
LOWEST_HZ, HIGHEST_HZ = 100.0, 3_700.0
MIN_FRAMES = 128
"""Frames of speech in a half: 2 s."""
PITCH_HZ = (65.0, 400.0)
PITCH_FRAMES = 256
"""Of a half; its pitch needs no more."""
VOICED = 0.45
"""Normalised autocorrelation from which a frame has a pitch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """The two halves of a recording, each as a vector."""

    halves: Float[np.ndarray, "2 feature"]


def describe_voice(
    samples: Float[np.ndarray, " sample"],
    levels: Float[np.ndarray, "frame bin"],
    is_speech: Bool[np.ndarray, " speech_frame"],
) -> Voice | None:
    """The voice of a recording; ``None`` where either half has too little speech.

    Args:
        samples: at 16 kHz.
        levels: its `log_spectrogram`.
        is_speech: of every 10 ms.
    """
    middle_s = (np.arange(len(levels)) * HOP + WINDOW / 2) / RATE_HZ
    at = np.minimum((middle_s / FRAME_S).astype(int), len(is_speech) - 1)
    frames = np.flatnonzero(is_speech[at])
    if len(frames) < 2 * MIN_FRAMES:
        return None
    power = 10 ** (levels[frames] / 10)
    cepstra = fft.dct(np.log(power @ _mel_filters().T + 1e-9), axis=1, norm="ortho")[:, 1:CEPSTRA]
    halves = []
    for part in np.array_split(np.arange(len(frames)), 2):
        pitch = _pitch_semitones(samples, frames[part][:: 1 + len(part) // PITCH_FRAMES])
        halves.append(np.concatenate([cepstra[part].mean(0), cepstra[part].std(0), pitch]))
    return Voice(halves=np.array(halves, dtype=np.float32))


def _mel_filters() -> Float[np.ndarray, "band bin"]:
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, MEL_BANDS + 2) / 2595) - 1)
    at = np.arange(NUM_BINS) * BIN_HZ
    rising = (at - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - at) / (edges[2:] - edges[1:-1])[:, None]
    filters: Float[np.ndarray, "band bin"] = np.maximum(0, np.minimum(rising, falling))
    return filters


def _pitch_semitones(
    samples: Float[np.ndarray, " sample"], frames: np.ndarray
) -> Float[np.ndarray, " 2"]:
    """Median and quartile range of the pitch, in semitones, by autocorrelation."""
    shortest, longest = (round(RATE_HZ / hz) for hz in (PITCH_HZ[1], PITCH_HZ[0]))
    padded = np.pad(samples, (0, WINDOW))
    windows = padded[frames[:, None] * HOP + np.arange(WINDOW)]
    windows = (windows - windows.mean(axis=1, keepdims=True)) * np.hanning(WINDOW)
    size = 2 * WINDOW
    correlation = fft.irfft(np.square(np.abs(fft.rfft(windows, size, axis=1))), size, axis=1)
    taper = fft.irfft(np.square(np.abs(fft.rfft(np.hanning(WINDOW), size))), size)
    lags = correlation[:, shortest:longest] / taper[shortest:longest] * taper[0]
    strength = lags.max(axis=1) / np.maximum(correlation[:, 0], 1e-12)
    lag = shortest + lags.argmax(axis=1)[strength > VOICED]
    if len(lag) < 8:
        return np.zeros(2)
    quartiles = np.quantile(12 * np.log2(RATE_HZ / lag / 100.0), [0.25, 0.5, 0.75])
    return np.array([quartiles[1], quartiles[2] - quartiles[0]])
