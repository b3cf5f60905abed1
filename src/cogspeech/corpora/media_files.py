"""M4A, MP4, WebM and further containers, video included, through PyAV (extra ``media``).

The first audio stream is read; time 0 is its first sample. FFmpeg is told the format, which is
known from the first bytes of the file, so that no playlist can make it open anything else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from jaxtyping import Float

from cogspeech.corpora.decoding import AudioInfo, Decoder, breaks_off
from cogspeech.errors import AudioError, require

TOLERANCE_S = 0.1
"""Encoders pad the last packet, and some containers round their length to milliseconds."""
ONE_LOG = Lock()
"""FFmpeg has one log for all threads; it is held for one frame, never while a block is used."""
BOXES = {
    "mov": (b"mdat", b"moof", b"moov"),
    "avi": (b"RIFF",),
    "asf": (b"\x30\x26\xb2\x75", b"\x36\x26\xb2\x75"),
}
"""First bytes of those outermost parts of a container that its audio needs."""


def media_format(path: Path) -> str | None:
    """FFmpeg's name for the container, or ``None`` where it is none of ours."""
    with path.open("rb") as stream:
        head = stream.read(16)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide"):
        return "mov"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    known = {
        b"\x1a\x45\xdf\xa3": "matroska",
        b"\x30\x26\xb2\x75": "asf",
        b"#!AMR": "amr",
        b"\xff\xf1": "aac",
        b"\xff\xf9": "aac",
    }
    return next((name for magic, name in known.items() if head.startswith(magic)), None)


class MediaFile(Decoder):
    """A file that FFmpeg reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ends_early = False
        self._av: Any = require("av", extra="media")
        require("av.logging", extra="media")

    @property
    def identity(self) -> str:
        """Of the library inside."""
        return f"PyAV {self._av.__version__}"

    def info(self) -> AudioInfo:
        """The header; where it has no length, the packets are counted."""
        with self._open() as (container, stream):
            duration_s = self._stated_s(container, stream)
            return AudioInfo(
                sample_rate_hz=int(stream.rate),
                num_channels=int(stream.channels),
                duration_s=self._counted_s() if duration_s is None else duration_s,
                codec=f"{media_format(self._path)} {stream.codec_context.name}",
                bits_per_sample=None,
            )

    def blocks(self) -> Iterator[Float[np.ndarray, "frame channel"]]:
        """All samples; the size of a block is FFmpeg's own."""
        decoded_s, stated_s = 0.0, None
        try:
            with self._open() as (container, stream):
                stated_s = self._stated_s(container, stream)
                rate, start_s = stream.rate, self._start_s(stream)
                resampler = self._av.AudioResampler(format="fltp")
                for frame in self._frames(container, stream):
                    at_s = decoded_s if frame.time is None else frame.time - start_s
                    if abs(at_s - decoded_s) > TOLERANCE_S:
                        raise self._uneven("has a gap", decoded_s)
                    if frame.sample_rate != rate:
                        raise self._uneven("changes its sample rate", decoded_s)
                    for plain in resampler.resample(frame):
                        yield np.ascontiguousarray(plain.to_ndarray().T)
                        decoded_s += plain.samples / plain.sample_rate
        except self._av.FFmpegError as error:
            raise breaks_off(self._path, decoded_s, stated_s) from error
        missing_s = 0.0 if stated_s is None else stated_s - decoded_s
        is_short = missing_s > TOLERANCE_S or decoded_s == 0
        if is_short or self._ends_early or _is_cut(self._path):
            raise breaks_off(self._path, decoded_s, stated_s)
        if missing_s < -TOLERANCE_S:
            raise self._uneven("does not end where its header says,", decoded_s + missing_s)

    def _uneven(self, problem: str, at_s: float) -> AudioError:
        return AudioError(f"audio file '{self._path}' {problem} at {at_s:.2f} s; export it as WAV")

    def _frames(self, container: Any, stream: Any) -> Iterator[Any]:
        """All frames. That a stream without a length ends early, FFmpeg only writes to its log."""
        frames, log = container.decode(stream), self._av.logging
        while True:
            with ONE_LOG, log.Capture() as complaints:
                log.set_skip_repeated(False)
                log.set_level(log.ERROR)
                try:
                    frame = next(frames, None)
                finally:
                    log.set_level(None)
            self._ends_early |= any("prematurely" in text for _, _, text in complaints)
            if frame is None:
                return
            yield frame

    @contextmanager
    def _open(self) -> Iterator[tuple[Any, Any]]:
        """The container and its first audio stream."""
        name = media_format(self._path)
        options = {"protocol_whitelist": "file"}
        broken = AudioError(
            f"audio file '{self._path}' is a broken {name} file; copy it again from its source"
        )
        try:
            container = self._av.open(
                f"file:{self._path}", format=name, options=options, metadata_errors="replace"
            )
        except self._av.FFmpegError as error:
            raise broken from error
        with container:
            stream = next(iter(container.streams.audio), None)
            if stream is None or stream.codec_context is None or not stream.rate:
                if _is_cut(self._path):
                    raise broken
                raise AudioError(
                    f"audio file '{self._path}' holds no audio that can be decoded; leave it out"
                )
            stream.codec_context.options = {"err_detect": "crccheck+explode"}
            yield container, stream

    def _stated_s(self, container: Any, stream: Any) -> float | None:
        """How long the header says the audio is."""
        if container.format.name in ("aac", "amr"):  # a guess from the bit rate
            return None
        if stream.duration is not None:
            return float(stream.duration * stream.time_base)
        is_only_stream = len(container.streams) == 1
        if container.duration is not None and is_only_stream:
            return float(container.duration / self._av.time_base)
        return None

    def _start_s(self, stream: Any) -> float:
        return float((stream.start_time or 0) * stream.time_base)

    def _counted_s(self) -> float:
        end_s = 0.0
        try:
            with self._open() as (container, stream):
                for packet in container.demux(stream):
                    if packet.pts is not None:
                        end = (packet.pts + (packet.duration or 0)) * stream.time_base
                        end_s = max(end_s, float(end) - self._start_s(stream))
        except self._av.FFmpegError as error:
            raise breaks_off(self._path, end_s) from error
        return end_s


def _is_cut(path: Path) -> bool:
    """Whether the last outermost part of a file, if the audio needs it, is longer than the file."""
    name = media_format(path)
    if name not in BOXES:
        return False
    size, at, kind = path.stat().st_size, 0, b""
    with path.open("rb") as stream:
        while at < size:
            stream.seek(at)
            kind, length = _box(name, stream.read(24))
            if length < 8:  # 0: up to the end
                return False
            at += length
    return at > size and kind in BOXES[name]


def _box(name: str, head: bytes) -> tuple[bytes, int]:
    """Kind and length of the outermost part that begins with these bytes."""
    if name == "avi":
        return head[:4], 8 + int.from_bytes(head[4:8], "little")
    if name == "asf":
        return head[:4], int.from_bytes(head[16:24], "little")
    length = int.from_bytes(head[:4], "big")
    return head[4:8], int.from_bytes(head[8:16], "big") if length == 1 else length
