"""Reading audio: header first, then one streaming pass, decoded and resampled once.

Decoding is all or error: what comes back is the whole recording as mono float32, finite.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from jaxtyping import Float

from cogspeech.errors import AudioError
from cogspeech.types import Turn

BLOCK_FRAMES = 1 << 18
MAX_DURATION_S = 4 * 3600.0
MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ = 4_000, 384_000
MAX_CHANNELS = 8
UNKNOWN_BYTES = 0x7FFF_0000
"""From this size on, the header of a WAV file that was written as a stream says "unknown"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInfo:
    """What the header of an audio file says."""

    sample_rate_hz: int
    num_channels: int
    duration_s: float


def probe_audio(path: Path) -> AudioInfo:
    """The header of an audio file, checked against the limits of this module.

    Raises:
        AudioError: no regular file, empty, not audio, or outside the limits.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise AudioError(
            f"audio file '{path}' cannot be opened ({error.strerror}); correct the path"
        ) from error
    if not stat.S_ISREG(status.st_mode):
        raise AudioError(f"audio file '{path}' is not a regular file; give the path of a recording")
    if status.st_size == 0:
        raise AudioError(f"audio file '{path}' is empty (0 bytes); export it again")
    try:
        header = soundfile.info(os.fsencode(path))
    except (soundfile.SoundFileError, TypeError) as error:  # TypeError: a name that ends in .raw
        raise AudioError(
            f"audio file '{path}' is not readable as WAV, FLAC, OGG or MP3; convert it"
        ) from error
    info = AudioInfo(
        sample_rate_hz=header.samplerate,
        num_channels=header.channels,
        duration_s=header.frames / header.samplerate if header.samplerate else 0.0,
    )
    problem = _limit_broken(info)
    if problem:
        raise AudioError(f"audio file '{path}' {problem}")
    if _is_cut_off(path, status.st_size):
        raise AudioError(
            f"audio file '{path}' is shorter than its header says; copy it again from its source"
        )
    return info


def _limit_broken(info: AudioInfo) -> str | None:
    """The first limit that a header breaks, as the end of a sentence."""
    if not MIN_SAMPLE_RATE_HZ <= info.sample_rate_hz <= MAX_SAMPLE_RATE_HZ:
        return (
            f"has a sample rate of {info.sample_rate_hz} Hz; "
            f"expected {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ}; export it again"
        )
    if info.num_channels > MAX_CHANNELS:
        return f"has {info.num_channels} channels; expected at most {MAX_CHANNELS}; export it again"
    if info.duration_s == 0:
        return "has no samples; export it again"
    if info.duration_s > MAX_DURATION_S:
        return (
            f"lasts {info.duration_s / 3600:.1f} h; expected at most "
            f"{MAX_DURATION_S / 3600:.0f} h; cut it into parts"
        )
    return None


def _is_cut_off(path: Path, num_bytes: int) -> bool:
    """Whether a WAV file ends before its samples do; libsndfile would read what is left."""
    with path.open("rb") as stream:
        if stream.read(4) != b"RIFF":
            return False
        stream.seek(12)
        while len(head := stream.read(8)) == 8:
            size = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                return size < UNKNOWN_BYTES and stream.tell() + size > num_bytes
            stream.seek(size + size % 2, 1)
    return False


def read_audio(path: Path, *, sample_rate_hz: int) -> Float[np.ndarray, " sample"]:
    """The whole recording: mono (mean of the channels), float32, resampled once with soxr HQ.

    Raises:
        AudioError: unreadable, broken off, not finite, or without any signal.
    """
    info = probe_audio(path)
    resampler = soxr.ResampleStream(
        info.sample_rate_hz, sample_rate_hz, 1, dtype="float32", quality="HQ"
    )
    pieces = []
    for block, is_last in _blocks(path, info):
        if not np.isfinite(block).all():
            raise AudioError(
                f"audio file '{path}' has samples that are not finite numbers; export it again"
            )
        pieces.append(resampler.resample_chunk(block, last=is_last))
    samples = np.concatenate(pieces)
    if not np.any(samples):
        raise AudioError(
            f"audio file '{path}' is digital silence from start to end; leave the recording out"
        )
    return samples


def _blocks(path: Path, info: AudioInfo) -> Iterator[tuple[Float[np.ndarray, " sample"], bool]]:
    """Mono blocks of a file; the last one is marked, and may be empty."""
    expected = round(info.duration_s * info.sample_rate_hz)
    decoded = 0
    try:
        with soundfile.SoundFile(os.fsencode(path)) as stream:
            # Not `stream.blocks`: it fills up what the decoder could not give.
            while len(block := stream.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
                decoded += len(block)
                yield np.ascontiguousarray(block.mean(axis=1)), False
    except soundfile.SoundFileError as error:
        raise AudioError(
            f"audio file '{path}' breaks off at {decoded / info.sample_rate_hz:.2f} s of "
            f"{info.duration_s:.2f} s; copy it again from its source"
        ) from error
    if decoded != expected:
        raise AudioError(
            f"audio file '{path}' breaks off at {decoded / info.sample_rate_hz:.2f} s of "
            f"{info.duration_s:.2f} s; copy it again from its source"
        )
    yield np.zeros(0, dtype=np.float32), True


def keep_turns(
    samples: Float[np.ndarray, " sample"], turns: Sequence[Turn], *, sample_rate_hz: int
) -> Float[np.ndarray, " kept"]:
    """The samples inside the turns, joined in order; the rest is never seen by an encoder."""
    pieces = [
        samples[round(turn.start_s * sample_rate_hz) : round(turn.end_s * sample_rate_hz)]
        for turn in turns
    ]
    return np.concatenate(pieces) if pieces else samples[:0]
