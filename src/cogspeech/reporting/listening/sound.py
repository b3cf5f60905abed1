"""The sound of a recording as a page holds it: small, and exact to the sample.

MP3, for every browser plays it, at a constant bit rate, for then a browser finds a second of it
without reading the rest. Below 40 kbit/s a frame is too small for the header that tells a decoder
how many samples the encoder put in front, and every word would be heard 69 ms late.
"""

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float

from cogspeech.corpora.audio import read_audio

MEDIA_TYPE = "audio/mpeg"
SAMPLE_RATE_HZ = 16_000
KBIT_S = 40
LOWEST_KBIT_S, HIGHEST_KBIT_S = 8, 160
"""Of MPEG-2 layer III; libsndfile places a compression level between them."""
PEAKS_PER_S = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSound:
    """A recording, encoded, with what its waveform is drawn from."""

    encoded: bytes
    duration_s: float
    peaks: tuple[float, ...]
    """The largest magnitude of each 25 ms; full scale is 1."""


def page_sound(path: Path) -> PageSound:
    """The sound of a recording for a page.

    Raises:
        AudioError: unreadable, broken off, not finite, or without any signal.
    """
    samples = read_audio(path, sample_rate_hz=SAMPLE_RATE_HZ)
    return PageSound(
        encoded=encode(samples),
        duration_s=len(samples) / SAMPLE_RATE_HZ,
        peaks=peaks_of(samples),
    )


def encode(samples: Float[np.ndarray, " sample"]) -> bytes:
    """Mono at 16 kHz as MP3; what the mean of channels or the resampler drove over is clipped."""
    content = io.BytesIO()
    with soundfile.SoundFile(
        content,
        "w",
        SAMPLE_RATE_HZ,
        channels=1,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=(HIGHEST_KBIT_S - KBIT_S) / (HIGHEST_KBIT_S - LOWEST_KBIT_S),
    ) as stream:
        stream.write(np.clip(samples, -1.0, 1.0))
    return content.getvalue()


def encoded_bytes(duration_s: float) -> int:
    """About how large a recording will be: the bit rate is constant."""
    return math.ceil(duration_s * KBIT_S * 125)


def peaks_of(samples: Float[np.ndarray, " sample"]) -> tuple[float, ...]:
    """The largest magnitude of each 25 ms, two digits."""
    width = SAMPLE_RATE_HZ // PEAKS_PER_S
    padded = np.pad(np.abs(samples), (0, -len(samples) % width))
    return tuple(round(float(peak), 3) for peak in padded.reshape(-1, width).max(axis=1))
