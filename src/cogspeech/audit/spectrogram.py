"""One spectrogram for landmarks and voices: long windows that part the harmonics of a voice."""

import numpy as np
from jaxtyping import Float
from scipy import fft

RATE_HZ = 16_000
WINDOW = 1024
"""64 ms."""
HOP = 256
"""16 ms."""
BIN_HZ = RATE_HZ / WINDOW
NUM_BINS = 244
"""Up to 3.8 kHz: what every recording of speech has, at 8 kHz and through a telephone."""
RANGE_DB = 80.0
"""What lies deeper below the loudest point is as good as silent."""
_BLOCK = 4096


def log_spectrogram(samples: Float[np.ndarray, " sample"]) -> Float[np.ndarray, "frame bin"]:
    """Levels in dB, float32, of a recording at `RATE_HZ`; the loudest point is 0."""
    count = max(1, 1 + (len(samples) - WINDOW) // HOP)
    samples = np.pad(samples, (0, max(0, WINDOW - len(samples))))
    views = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    window = np.hanning(WINDOW).astype(np.float32)
    levels = np.empty((count, NUM_BINS), dtype=np.float32)
    for start in range(0, count, _BLOCK):  # the windows overlap: never all at once
        spectrum = fft.rfft(views[start : start + _BLOCK] * window, axis=1)[:, :NUM_BINS]
        levels[start : start + _BLOCK] = np.square(spectrum.real) + np.square(spectrum.imag)
    loudest = float(levels.max())
    if not loudest:
        return np.full_like(levels, -RANGE_DB)
    np.maximum(levels, loudest * 10 ** (-RANGE_DB / 10), out=levels)
    np.log10(levels / loudest, out=levels)
    levels *= 10
    return levels
