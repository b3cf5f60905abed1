"""One trainer per folder: the kernel's file lock, which ends with its process."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cogspeech.errors import CheckpointError

LOCK = "lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder for this process alone.

    The kernel frees the lock when the process ends, however it ends: there are no stale locks.

    Raises:
        CheckpointError: somebody else holds it; the message names process and machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CheckpointError(
                f"{folder}: {_holder(path)} is training here; wait for it, end it, or choose "
                "another --out"
            ) from error
        note = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, note.encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _holder(path: Path) -> str:
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        return f"process {int(note['pid'])} on {note['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
