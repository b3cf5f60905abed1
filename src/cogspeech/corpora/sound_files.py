"""WAV, FLAC, OGG, Opus and MP3 through libsndfile, which would read what is left of a cut-off file.

What the library does not notice is checked here: a WAV shorter than its header, an Ogg stream
without its last page or with a damaged one, an MP3 shorter than its Xing header. Further formats
of the library are refused, for nobody checks them. Files are read from their start only: seeking
in an MP3 gives a wrong first frame.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import soundfile
from jaxtyping import Float

from cogspeech.corpora import decoding
from cogspeech.corpora.decoding import AudioInfo, Decoder, breaks_off
from cogspeech.errors import AudioError

BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32,
        "FLOAT": 32, "DOUBLE": 64}  # fmt: skip
CODINGS = {name: "float" if name in ("FLOAT", "DOUBLE") else "PCM" for name in BITS}
"""The number of bits is told apart from them."""
FORMATS = ("WAV", "WAVEX", "RF64", "AIFF", "FLAC", "OGG", "MP3")
CHUNKS: dict[bytes, tuple[Literal["little", "big"], bytes]] = {
    b"RIFF": ("little", b"data"),
    b"RF64": ("little", b"data"),
    b"RIFX": ("big", b"data"),
    b"FORM": ("big", b"SSND"),
}
"""Byte order and name of the chunk of samples, by the first bytes of a WAV or AIFF file."""
UNKNOWN_BYTES = (range(0x7FFF_0000, 0x8000_0001), range(0xFFFF_0000, 1 << 32))
"""Sizes that stand for "unknown" in the header of a WAV file that was written as a stream."""
UNKNOWN_FRAMES = 1 << 62
"""From this number on, a FLAC file was written as a stream."""
OGG_LAST_PAGE = 0x04
REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class SoundFile(Decoder):
    """A file that libsndfile reads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def identity(self) -> str:
        """Of the library inside."""
        return f"libsndfile {soundfile.__libsndfile_version__}"

    def info(self) -> AudioInfo:
        """The header; of an MP3 that does not know its length, after decoding it once."""
        xing = _xing_header(self._path)
        if xing and xing.share < 0.99:  # libmpg123 would print a warning of its own
            raise breaks_off(self._path, xing.share * xing.duration_s, xing.duration_s)
        header = self._header()
        rate = header.samplerate
        info = AudioInfo(
            sample_rate_hz=rate,
            num_channels=header.channels,
            duration_s=header.frames / rate if rate else 0.0,
            codec=f"{header.format} {CODINGS.get(header.subtype, header.subtype)}",
            bits_per_sample=BITS.get(header.subtype),
        )
        share = _share_of_samples(self._path)
        if share is not None and share < 1 and info.duration_s:
            # libsndfile has already cut the number of frames down to what is there.
            raise breaks_off(self._path, info.duration_s, info.duration_s / max(share, 1e-9))
        if header.format == "OGG" and (time_stamp := _ogg_break(self._path)) is not None:
            raise breaks_off(
                self._path, time_stamp / (48_000 if header.subtype == "OPUS" else rate)
            )
        if header.format == "MP3" and xing is None:
            num_frames, problem = self._readable()
            if problem:
                raise breaks_off(self._path, num_frames / rate) from problem
            return replace(info, duration_s=num_frames / rate)
        return info

    def _header(self) -> Any:
        """What libsndfile says, if it is of use."""
        not_readable = AudioError(
            f"audio file '{self._path}' is not readable as WAV, FLAC, OGG or MP3; convert it"
        )
        try:
            header = soundfile.info(os.fsencode(self._path))
        except (soundfile.SoundFileError, TypeError) as error:  # TypeError: a name ending in .raw
            raise not_readable from error
        if header.format not in FORMATS:
            raise not_readable
        if header.frames >= UNKNOWN_FRAMES:
            raise AudioError(
                f"audio file '{self._path}' does not say how long it is; export it again"
            )
        return header

    def blocks(self) -> Iterator[Float[np.ndarray, "frame channel"]]:
        """All samples; fewer or more than the header promises are an error."""
        info = self.info()
        num_frames = max(1, decoding.BLOCK_SAMPLES // info.num_channels)
        expected = round(info.duration_s * info.sample_rate_hz)
        decoded = 0
        try:
            for block in self._decoded(num_frames):
                decoded += len(block)
                yield block
        except soundfile.SoundFileError as error:
            at_s = self._readable()[0] / info.sample_rate_hz  # the block that failed is lost whole
            raise breaks_off(self._path, at_s, info.duration_s) from error
        if decoded != expected:
            raise breaks_off(self._path, decoded / info.sample_rate_hz, info.duration_s)

    def _decoded(self, num_frames: int) -> Iterator[Float[np.ndarray, "frame channel"]]:
        with soundfile.SoundFile(os.fsencode(self._path)) as stream:
            # Not `stream.blocks`: it fills up what the decoder could not give.
            while len(block := stream.read(num_frames, dtype="float32", always_2d=True)):
                yield block

    def _readable(self) -> tuple[int, soundfile.SoundFileError | None]:
        """How many frames can be decoded, and what stops it before the end."""
        num_frames = 0
        try:
            for block in self._decoded(1 << 10):
                num_frames += len(block)
        except soundfile.SoundFileError as error:
            return num_frames, error
        return num_frames, None


def _share_of_samples(path: Path) -> float | None:
    """How much of the samples of a WAV or AIFF file is there; ``None``: it does not say."""
    with path.open("rb") as stream:
        kind = stream.read(4)
        if kind not in CHUNKS:
            return None
        order, samples = CHUNKS[kind]
        stream.seek(12)
        size_64 = 0  # of RF64, whose chunk of samples says "unknown"
        while len(head := stream.read(8)) == 8:
            size, start = int.from_bytes(head[4:], order), stream.tell()
            if head[:4] == samples:
                found = path.stat().st_size - start
                is_known = size and not any(size in unknown for unknown in UNKNOWN_BYTES)
                size = size if is_known else size_64
                return min(1.0, found / size) if size else None
            if head[:4] == b"ds64":
                size_64 = int.from_bytes(stream.read(16)[8:], order)
            stream.seek(start + size + size % 2)
    return None


def _ogg_break(path: Path) -> int | None:
    """The time stamp of the last page before an Ogg file breaks off; ``None``: it is whole.

    It is whole if every page agrees with its checksum up to the one that is marked as the last of
    each stream (RFC 3533). A damaged page would be left out, and later words heard too early.
    """
    time_stamp, streams = 0, set()
    with path.open("rb") as file:
        while True:
            head = file.read(27)
            head += file.read(head[26]) if len(head) == 27 else b""
            page = head + file.read(sum(head[27:]))
            checksum = int.from_bytes(page[22:26], "little")
            if page[:4] != b"OggS" or checksum != _ogg_checksum(page):
                return time_stamp
            time_stamp = max(time_stamp, int.from_bytes(page[6:14], "little", signed=True))
            streams.add(page[14:18])
            if page[5] & OGG_LAST_PAGE:
                streams.remove(page[14:18])
                if not streams:
                    return None


def _ogg_checksum(page: bytes) -> int:
    """That of zlib, but with all bits the other way round and nothing inverted."""
    without = page[:22] + bytes(4) + page[26:]
    reversed_sum = zlib.crc32(without.translate(REVERSED_BITS), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{reversed_sum:032b}"[::-1], 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class _XingHeader:
    """What the first frame of an MP3 says about the whole file."""

    duration_s: float
    share: float
    """Of the bytes it promises, how many are there."""


def _xing_header(path: Path) -> _XingHeader | None:
    """The Xing (or Info) header; ``None``: no MP3, or one that does not know its length."""
    with path.open("rb") as stream:
        start = _skip_id3(stream)
        frame = stream.read(256)
    at = max(frame.find(b"Xing"), frame.find(b"Info"))
    if frame[:1] != b"\xff" or at < 0 or len(frame) < at + 16:
        return None
    flags, num_frames, num_bytes = struct.unpack(">3I", frame[at + 4 : at + 16])
    version, rate_index = frame[1] >> 3 & 3, frame[2] >> 2 & 3
    if not flags & 1 or version == 1 or rate_index == 3:  # no number of frames, or not valid
        return None
    rate_hz = (44_100, 48_000, 32_000)[rate_index] // {3: 1, 2: 2, 0: 4}[version]
    samples_per_frame = 1152 if version == 3 else 576
    share = (path.stat().st_size - start) / num_bytes if flags & 2 and num_bytes else 1.0
    return _XingHeader(duration_s=num_frames * samples_per_frame / rate_hz, share=min(1.0, share))


def _skip_id3(stream: BinaryIO) -> int:
    """Moves to the first byte after an ID3v2 tag; its length has 7 bits a byte."""
    head = stream.read(10)
    length = 0
    if head[:3] == b"ID3" and len(head) == 10:
        for byte in head[6:]:
            length = length << 7 | byte & 0x7F
        length += 10
    return stream.seek(length)
