"""Reading audio: header first, then one streaming pass, decoded and resampled once.

Decoding is all or error: a file that breaks off is refused with the second at which it does, and
what comes back is finite. Memory does not grow with the length of the recording.
"""

import math
import os
import stat
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import soxr
from jaxtyping import Float

from cogspeech.config import parse_options
from cogspeech.corpora.decoding import AudioInfo, Decoder
from cogspeech.corpora.media_files import MediaFile, media_format
from cogspeech.corpora.sound_files import SoundFile
from cogspeech.errors import AudioError, ConfigError, SilentAudioError
from cogspeech.settings import Settings
from cogspeech.types import Turn

LIMITS_VARIABLE = "COGSPEECH_AUDIO_LIMITS"
LOUDEST = 1e30
"""Beyond it, the mean of the channels and the resampler would no longer be finite."""


class AudioLimits(Settings):
    """What is still taken for a recording of speech; see docs/audio.md."""

    max_hours: float = 4.0
    max_channels: int = 8
    min_sample_rate_hz: int = 4_000
    max_sample_rate_hz: int = 384_000
    max_expansion: float = 500.0
    """Bytes of 16-bit samples per byte of file. Speech codecs stay below 300."""


def audio_limits() -> AudioLimits:
    """The limits, as changed by ``COGSPEECH_AUDIO_LIMITS="max_hours=8 max_channels=16"``.

    Raises:
        ConfigError: the variable names no limit, or gives it no number.
    """
    text = os.environ.get(LIMITS_VARIABLE, "")
    pairs = [part.partition("=") for part in text.replace(",", " ").split()]
    limits = parse_options(AudioLimits, {k: v for k, _, v in pairs}, where=LIMITS_VARIABLE)
    if any(not math.isfinite(value) or value <= 0 for value in limits.model_dump().values()):
        raise ConfigError(f"{LIMITS_VARIABLE}: every limit must be a number above 0")
    return limits


def probe_audio(path: Path) -> AudioInfo:
    """The header of an audio file, checked against the `audio_limits`.

    Raises:
        AudioError: no regular file, empty, not audio, broken off, or outside the limits.
        MissingExtra: a format that needs the extra ``media``.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise _cannot_be_opened(path, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise AudioError(f"audio file '{path}' is not a regular file; give the path of a recording")
    if status.st_size == 0:
        raise AudioError(f"audio file '{path}' is empty (0 bytes); export it again")
    try:
        info = _header(path, status.st_size, status.st_mtime_ns)
    except OSError as error:  # no permission to read, a share that is gone
        raise _cannot_be_opened(path, error) from error
    problem = _limit_broken(info, status.st_size, audio_limits())
    if problem:
        raise AudioError(f"audio file '{path}' {problem}")
    return info


def _cannot_be_opened(path: Path, error: OSError) -> AudioError:
    return AudioError(f"audio file '{path}' cannot be opened ({error.strerror}); correct the path")


@lru_cache(maxsize=4096)
def _header(path: Path, size: int, modified_ns: int) -> AudioInfo:  # noqa: ARG001
    """The header of a file in one state; some formats have to be read whole to be measured."""
    return _decoder(path).info()


def decoder_identity(path: Path) -> str:
    """Names and versions of what decides the samples of a file."""
    return f"{_decoder(path).identity}, soxr {soxr.__version__}"


def _decoder(path: Path) -> Decoder:
    """The decoder of a file, told by its first bytes and never by its name."""
    return MediaFile(path) if media_format(path) else SoundFile(path)


def _limit_broken(info: AudioInfo, num_bytes: int, limits: AudioLimits) -> str | None:
    """The first limit that a header breaks, as the end of a sentence."""
    lowest, highest = limits.min_sample_rate_hz, limits.max_sample_rate_hz
    if not lowest <= info.sample_rate_hz <= highest:
        return (
            f"has a sample rate of {info.sample_rate_hz} Hz; "
            f"expected {lowest} to {highest}; export it again"
        )
    if info.num_channels > limits.max_channels:
        return (
            f"has {info.num_channels} channels; expected at most {limits.max_channels}; "
            f"export it again, or raise max_channels in {LIMITS_VARIABLE}"
        )
    if info.duration_s <= 0:
        return "has no samples; export it again"
    if info.duration_s > limits.max_hours * 3600:
        return (
            f"lasts {info.duration_s / 3600:.1f} h; expected at most {limits.max_hours:g} h; "
            f"cut it into parts, or raise max_hours in {LIMITS_VARIABLE}"
        )
    decoded_bytes = 2 * info.duration_s * info.sample_rate_hz * info.num_channels
    if decoded_bytes > limits.max_expansion * num_bytes:
        return (
            f"would decode to {decoded_bytes / num_bytes:.0f} times its size; expected at most "
            f"{limits.max_expansion:g} times; no recording of speech does, leave it out"
        )
    return None


def stream_turns(
    path: Path, turns: Sequence[Turn], *, sample_rate_hz: int
) -> Iterator[tuple[int, Float[np.ndarray, " sample"]]]:
    """The samples inside the turns: mono (mean of the channels), resampled with soxr HQ.

    What lies outside a turn reaches neither the resampler nor anything after it. The file is
    decoded to its end all the same, so that a broken one is never taken for a whole one.

    Args:
        path: the recording.
        turns: in the order of time, without overlap.
        sample_rate_hz: of the result.

    Yields:
        The position of a turn and its next samples; all pieces of a turn joined are its audio.

    Raises:
        AudioError: unreadable, broken off, or with samples that are not finite.
    """
    info = probe_audio(path)
    native_hz = info.sample_rate_hz
    resampler = soxr.ResampleStream(native_hz, sample_rate_hz, 1, dtype="float32", quality="HQ")
    edges = [(round(t.start_s * native_hz), round(t.end_s * native_hz)) for t in turns]
    at, turn = 0, 0
    for block in mono_blocks(path):
        until = at + len(block)
        while turn < len(edges) and edges[turn][0] < until:
            start, stop = edges[turn]
            piece = block[max(start - at, 0) : max(stop - at, 0)]
            is_over = stop <= until
            yield turn, resampler.resample_chunk(piece, last=is_over)
            if not is_over:
                break
            resampler.clear()
            turn += 1
        at = until
    if turn < len(edges) and edges[turn][0] < at:  # the last turn ends within a sample of the file
        yield turn, resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def read_audio(path: Path, *, sample_rate_hz: int) -> Float[np.ndarray, " sample"]:
    """The whole recording: mono, float32, resampled once.

    Raises:
        AudioError: unreadable, broken off, not finite, or without any signal.
    """
    whole = Turn(start_s=0.0, end_s=probe_audio(path).duration_s)
    pieces = [piece for _, piece in stream_turns(path, [whole], sample_rate_hz=sample_rate_hz)]
    samples = np.concatenate(pieces)
    if not np.any(samples):
        raise SilentAudioError(
            f"audio file '{path}' is digital silence from start to end; leave the recording out"
        )
    return samples


def mono_blocks(path: Path) -> Iterator[Float[np.ndarray, " sample"]]:
    """All samples at their own rate: mean of the channels, a limited number at a time.

    Raises:
        AudioError: unreadable, broken off, or with samples that are not finite.
    """
    for block in _decoder(path).blocks():
        if not (np.abs(block) < LOUDEST).all():  # so is NaN
            raise AudioError(
                f"audio file '{path}' has samples that are not finite numbers; export it again"
            )
        yield np.ascontiguousarray(block.mean(axis=1, dtype=np.float32))
