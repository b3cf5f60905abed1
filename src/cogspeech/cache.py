"""Content-addressed store of arrays: one safetensors file per key, written atomically.

A key is a digest of everything the content depends on, so an entry is never stale; it is either
right, missing, or damaged, and a damaged one is made again.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from cogspeech.errors import CacheError


def cache_folder() -> Path:
    """The user's cache folder, or where ``COGSPEECH_CACHE`` says."""
    chosen = os.environ.get("COGSPEECH_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "cogspeech"


def content_key(**parts: Any) -> str:
    """A digest of json-able parts; the same parts in any order give the same key."""
    canonical = json.dumps(parts, sort_keys=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file that is either whole or absent, readable by its owner only.

    Temporary name in the same folder, fsync, rename: what a crash leaves is the old file or the
    new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class ContentCache:
    """Arrays by content key.

    Args:
        folder: made if missing, for its owner only.

    Raises:
        CacheError: the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise CacheError(
                f"{folder}: cannot make the cache folder ({error.strerror}); "
                "set COGSPEECH_CACHE to a folder that can be written"
            ) from error
        self._folder = folder

    def read(self, key: str) -> dict[str, np.ndarray] | None:
        """The entry, or ``None`` where it is missing or damaged (a damaged one is removed)."""
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="numpy") as entry:
                digest = (entry.metadata() or {}).get("sha256")
                arrays = {name: entry.get_tensor(name) for name in entry.keys()}  # noqa: SIM118
        except (SafetensorError, OSError):
            arrays, digest = {}, None
        if digest is not None and digest == _digest(arrays):
            return arrays
        path.unlink(missing_ok=True)
        return None

    def write(self, key: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Stores an entry; several writers of one key leave one whole entry."""
        whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        write_atomically(self._path(key), save(whole, metadata={"sha256": _digest(whole)}))

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.safetensors"


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
