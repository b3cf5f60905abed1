"""Bodies of requests into private files: counted, timed, and told by their first bytes."""

import asyncio
import fcntl
import os
import secrets
import shutil
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from fastapi import Request
from starlette.requests import ClientDisconnect

from cogspeech.corpora.media_files import media_format
from cogspeech.delivery.service.limits import Limits
from cogspeech.delivery.service.refusals import Refusal

PREFIX, UNLOCKED = "cogspeech-serve-", "cogspeech-begins-"
BEGINS_S = 60.0
"""A folder without a lock of that age has no process any more."""
MAGIC_BYTES = 16
CONTAINERS = {b"RIFF": b"WAVE", b"RIFX": b"WAVE", b"RF64": b"WAVE", b"FORM": b"AIF"}
STARTS = (b"fLaC", b"OggS", b"ID3")
MP3_FRAMES = (b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2", b"\xff\xe3", b"\xff\xe2")


class PrivateFolder:
    """A folder for uploads that only this user can enter; it ends with the service.

    A service that was killed leaves one behind; the next one to start removes it.

    Args:
        base: where; by default the system's folder for temporary files.
    """

    def __init__(self, base: Path | None = None) -> None:
        base = base or Path(tempfile.gettempdir())
        _remove_ownerless(base)
        made = Path(tempfile.mkdtemp(prefix=UNLOCKED, dir=base))
        self._lock = os.open(made / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path = made.rename(base / made.name.replace(UNLOCKED, PREFIX))

    def new(self, name: str) -> Path:
        """An empty folder in it."""
        folder = self.path / name
        folder.mkdir(mode=0o700)
        return folder

    def close(self) -> None:
        """Removes it and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_ownerless(base: Path) -> None:
    """The janitor: folders of services that were killed."""
    for folder in base.glob("cogspeech-*"):
        try:
            status = folder.lstat()
        except FileNotFoundError:  # its owner has removed or renamed it meanwhile
            continue
        if folder.is_symlink() or not folder.is_dir() or status.st_uid != os.getuid():
            continue
        begins = folder.name.startswith(UNLOCKED) and time.time() - status.st_mtime > BEGINS_S
        if begins or (folder.name.startswith(PREFIX) and not _is_locked(folder / "lock")):
            shutil.rmtree(folder, ignore_errors=True)


def _is_locked(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def new_id() -> str:
    """A name that nobody can guess."""
    return secrets.token_urlsafe(16)


def is_audio(path: Path) -> bool:
    """Whether the first bytes are those of a container that is read here."""
    with path.open("rb") as stream:
        head = stream.read(MAGIC_BYTES)
    inside = CONTAINERS.get(head[:4])
    if inside is not None and head[8:].startswith(inside):
        return True
    if head.startswith(STARTS) or head[:2] in MP3_FRAMES:
        return True
    return find_spec("av") is not None and media_format(path) is not None


class Receiver:
    """Takes bodies, a limited number at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open = 0

    async def audio(self, request: Request, path: Path) -> int:
        """Writes the recording; returns its bytes.

        Raises:
            Refusal: 413, 415, 408, 400 or 503.
            ClientDisconnect: the client is gone.
        """
        kind = request.headers.get("content-type", "application/octet-stream").partition(";")[0]
        if kind.strip().lower() != "application/octet-stream" and not kind.lower().startswith(
            "audio/"
        ):
            raise _no_audio()
        size = await self._take(request, path, self._limits.body_bytes, checks_magic=True)
        if not is_audio(path):  # shorter than the first bytes that are looked at
            raise _no_audio()
        return size

    async def words(self, request: Request, path: Path) -> int:
        """Writes a words file; returns its bytes.

        Raises:
            Refusal: 413, 408, 400 or 503.
            ClientDisconnect: the client is gone.
        """
        return await self._take(request, path, self._limits.words_bytes, checks_magic=False)

    async def _take(self, request: Request, path: Path, limit: int, *, checks_magic: bool) -> int:
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 18 or int(length) > limit:
            raise _too_large(limit)
        if self._open >= self._limits.uploads:
            raise Refusal(503, "busy", "too many uploads at this moment", retry_after_s=5)
        self._open += 1
        try:
            return await self._write(request, path, limit, checks_magic=checks_magic)
        finally:
            self._open -= 1

    async def _write(self, request: Request, path: Path, limit: int, *, checks_magic: bool) -> int:
        limits, clock = self._limits, asyncio.get_running_loop()
        began, received = clock.time(), 0
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as stream:
            more = True
            while more:
                try:
                    async with asyncio.timeout_at(began + _patience_s(received, limits)):
                        message = await request.receive()
                except TimeoutError:
                    raise _too_slow(limits) from None
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                before, received = received, received + len(message.get("body", b""))
                if received > limit:
                    raise _too_large(limit)
                stream.write(message.get("body", b""))
                if checks_magic and before < MAGIC_BYTES <= received and not is_audio(path):
                    raise _no_audio()
                more = message.get("more_body", False)
        if not received:
            raise Refusal(400, "empty_body", "the body is empty; send the file as the body")
        return received


def _patience_s(received: int, limits: Limits) -> float:
    """Seconds after its first one in which a body has to come further than it has."""
    at_slowest_s = max(limits.slow_after_s, received / limits.slowest_bytes_per_s)
    return min(limits.receive_s + received / limits.extending_bytes_per_s, at_slowest_s)


def _no_audio() -> Refusal:
    formats = "WAV, AIFF, FLAC, OGG, Opus or MP3"
    media = " or one of the containers of the extra 'media'" if find_spec("av") else ""
    return Refusal(
        415, "not_audio", f"expected {formats}{media}, as audio/* or application/octet-stream"
    )


def _too_large(limit: int) -> Refusal:
    return Refusal(413, "too_large", f"the body may have {limit:,} bytes at most")


def _too_slow(limits: Limits) -> Refusal:
    return Refusal(
        408,
        "too_slow",
        f"the body has to arrive at {limits.slowest_bytes_per_s:,} bytes per second or more, and "
        f"within {limits.receive_s:g} s if it comes slower than "
        f"{limits.extending_bytes_per_s:,} bytes per second",
    )
