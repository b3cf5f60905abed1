"""A signal through a codec and back, as long as it was and where it was."""

import io
from typing import Any

import numpy as np
import soundfile
from jaxtyping import Float
from scipy.signal import resample_poly

MP3_DELAY = 1105
"""Samples that an MP3 begins too late where it has no room to say so: 576 of the encoder and 529 of
the decoder."""


def through_codec(
    samples: Float[np.ndarray, " sample"],
    sample_rate_hz: int,
    *,
    codec_rate_hz: int,
    file_format: str,
    subtype: str,
    **options: Any,
) -> Float[np.ndarray, " sample"]:
    """The samples encoded and decoded by libsndfile.

    Args:
        samples: mono, at most 1 in size; louder ones are clipped, as a codec does.
        sample_rate_hz: theirs, and of the result.
        codec_rate_hz: at which the codec works.
        file_format: of libsndfile, such as ``WAV``.
        subtype: of libsndfile, such as ``GSM610``.
        options: of `soundfile.SoundFile`, such as ``compression_level``.
    """
    sent = at_rate(samples, sample_rate_hz, codec_rate_hz)
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", codec_rate_hz, 1, format=file_format, subtype=subtype, **options
    ) as stream:
        stream.write(np.clip(sent, -1.0, 1.0))
    file.seek(0)
    received, _ = soundfile.read(file, dtype="float32")
    if file_format == "MP3" and len(received) > len(sent):
        received = received[MP3_DELAY:]
    return fitted(at_rate(received, codec_rate_hz, sample_rate_hz), len(samples))


def at_rate(
    samples: Float[np.ndarray, " sample"], from_hz: int, to_hz: int
) -> Float[np.ndarray, " resampled"]:
    """Resampled without delay."""
    if from_hz == to_hz:
        return samples
    common = int(np.gcd(from_hz, to_hz))
    resampled = resample_poly(samples, to_hz // common, from_hz // common)
    return np.asarray(resampled, dtype=np.float32)


def fitted(samples: Float[np.ndarray, " sample"], num_samples: int) -> Float[np.ndarray, " fitted"]:
    """Cut or filled up with silence: codecs and rates pad to whole blocks."""
    missing = max(0, num_samples - len(samples))
    return np.pad(samples[:num_samples], (0, missing))
