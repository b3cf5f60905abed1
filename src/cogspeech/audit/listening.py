"""One pass over an audio file: everything that an audit wants to know of its sound.

The file is decoded once. Its samples at their own rate give the digest, the offset, the clipping
and the bandwidth; resampled to 16 kHz they give levels, silences, landmarks and the voice.
"""

import hashlib
import json
import math
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import soxr
from jaxtyping import Float
from scipy import fft

from cogspeech.audit.landmarks import Landmarks, find_landmarks
from cogspeech.audit.spectrogram import RATE_HZ, log_spectrogram
from cogspeech.audit.voices import Voice, describe_voice
from cogspeech.corpora.audio import mono_blocks, probe_audio
from cogspeech.errors import SilentAudioError
from cogspeech.transcripts.speech_energy import FRAME_S, find_speech

VERSION = 1
"""Of what is measured; part of the cache key."""
FULL_SCALE = 0.995
"""A sample from here on is taken for clipped."""
QUIETEST_DBFS = -120.0
BAND_WINDOW = 2048
BAND_RANGE_DB = 75.0
"""What lies deeper below the loudest band of a recording is no part of its bandwidth."""
STEP_DBFS = 20 * math.log10(1 / (32768 * math.sqrt(12)))
"""The rounding noise of 16 bits, over all bands."""
BAND_STEP_HZ = 250.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """What was measured of one recording. Levels are in dB below full scale."""

    pcm_digest: str
    """sha256 of sample rate and samples: mono, 16 bits."""
    sample_rate_hz: int
    num_channels: int
    codec: str
    bits_per_sample: int | None
    duration_s: float
    dc_offset: float
    """Mean of the samples; full scale is 1."""
    clipped_share: float
    """Of all samples, those at full scale."""
    bandwidth_hz: float
    """Up to where the long-term spectrum holds anything."""
    level_dbfs: float
    """Root mean square of the speech, 80 to 7600 Hz."""
    noise_dbfs: float | None
    """Median level where nobody speaks; ``None``: no such place, or nobody can tell."""
    leading_silence_s: float
    speech_s: float
    """How long anybody speaks."""
    landmarks: Landmarks
    voice: Voice | None
    """``None``: too little speech."""

    @property
    def snr_db(self) -> float | None:
        """Level of the speech over that of the noise."""
        return None if self.noise_dbfs is None else self.level_dbfs - self.noise_dbfs


def hear(path: Path) -> Sound:
    """Everything about the sound of a recording, in one pass.

    Raises:
        AudioError: unreadable, broken off, not finite, or without any signal.
    """
    info = probe_audio(path)
    native = _Native(info.sample_rate_hz)
    resampler = soxr.ResampleStream(info.sample_rate_hz, RATE_HZ, 1, dtype="float32", quality="HQ")
    pieces = []
    for block in mono_blocks(path):
        native.add(block)
        pieces.append(resampler.resample_chunk(block))
    pieces.append(resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True))
    samples = np.concatenate(pieces)
    if not native.is_heard or not np.any(samples):
        raise SilentAudioError(
            f"audio file '{path}' is digital silence from start to end; leave the recording out"
        )
    speech = find_speech(samples)
    spectrogram = log_spectrogram(samples)
    peak_db = 20 * math.log10(float(np.abs(samples).max()))
    voiced, silent = speech.power[speech.is_speech], speech.power[~speech.is_speech]
    first = int(np.argmax(speech.is_speech))
    return Sound(
        pcm_digest=native.digest(),
        sample_rate_hz=info.sample_rate_hz,
        num_channels=info.num_channels,
        codec=info.codec,
        bits_per_sample=info.bits_per_sample,
        duration_s=info.duration_s,
        dc_offset=native.offset(),
        clipped_share=native.clipped / native.count,
        bandwidth_hz=native.bandwidth_hz(),
        level_dbfs=_dbfs(float(voiced.mean()) if len(voiced) else 0.0, peak_db),
        noise_dbfs=_dbfs(float(np.median(silent)), peak_db) if len(silent) else None,
        leading_silence_s=first * FRAME_S,
        speech_s=len(voiced) * FRAME_S,
        landmarks=find_landmarks(spectrogram),
        voice=describe_voice(samples, spectrogram, speech.is_speech),
    )


def _dbfs(power: float, peak_db: float) -> float:
    """Of a power that was measured with the loudest sample at 1."""
    return max(QUIETEST_DBFS, 10 * math.log10(max(power, 1e-30)) + peak_db)


class _Native:
    """What is summed up over the samples at their own rate."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate_hz = sample_rate_hz
        self._hash = hashlib.sha256(str(sample_rate_hz).encode())
        self._sum = 0.0
        self._rest = np.zeros(0, dtype=np.float32)
        self._spectrum = np.zeros(BAND_WINDOW // 2 + 1)
        self._window = np.hanning(BAND_WINDOW).astype(np.float32)
        self._frames = 0
        self.count = 0
        self.clipped = 0
        self.is_heard = False

    def add(self, block: Float[np.ndarray, " sample"]) -> None:
        rounded = np.clip(np.rint(block * 32768), -32768, 32767).astype("<i2")
        self._hash.update(rounded.tobytes())
        self._sum += float(block.sum(dtype=np.float64))
        self.count += len(block)
        self.clipped += int(np.count_nonzero(np.abs(block) >= FULL_SCALE))
        self.is_heard |= bool(np.any(block))
        joined = np.concatenate([self._rest, block])
        whole = len(joined) // BAND_WINDOW * BAND_WINDOW
        frames = joined[:whole].reshape(-1, BAND_WINDOW) * self._window
        if len(frames):
            self._spectrum += np.square(np.abs(fft.rfft(frames, axis=1))).sum(axis=0)
            self._frames += len(frames)
        self._rest = joined[whole:]

    def digest(self) -> str:
        return self._hash.hexdigest()

    def offset(self) -> float:
        return self._sum / self.count

    def bandwidth_hz(self) -> float:
        """Up to where the spectrum lies above the rounding noise and near its loudest band."""
        bin_hz = self._rate_hz / BAND_WINDOW
        if not self._frames:
            return self._rate_hz / 2
        power = self._spectrum / (self._frames * float(np.sum(self._window**2)))
        width = max(1, round(BAND_STEP_HZ / bin_hz))
        bands = power[: len(power) // width * width].reshape(-1, width).mean(axis=1)
        level_db = 10 * np.log10(np.maximum(bands, 1e-30))
        limit_db = max(float(level_db.max()) - BAND_RANGE_DB, STEP_DBFS + 6)
        above = np.flatnonzero(level_db > limit_db)
        last = int(above[-1]) + 1 if len(above) else len(bands)
        return min(last * width * bin_hz, self._rate_hz / 2)


def to_arrays(sound: Sound) -> dict[str, np.ndarray]:
    """For the cache."""
    plain = {f.name: getattr(sound, f.name) for f in fields(Sound)}
    landmarks, voice = plain.pop("landmarks"), plain.pop("voice")
    arrays: dict[str, np.ndarray] = {
        "json": np.frombuffer(json.dumps(plain, allow_nan=False).encode(), dtype=np.uint8),
        "frames": landmarks.frames,
        "bins": landmarks.bins,
    }
    return arrays | ({"voice": voice.halves} if voice else {})


def from_arrays(arrays: dict[str, np.ndarray]) -> Sound:
    """From the cache."""
    return Sound(
        **json.loads(arrays["json"].tobytes()),
        landmarks=Landmarks(frames=arrays["frames"], bins=arrays["bins"]),
        voice=Voice(halves=arrays["voice"]) if "voice" in arrays else None,
    )
