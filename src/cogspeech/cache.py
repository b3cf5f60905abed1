"""Content-addressed store of arrays: one safetensors file per key, written atomically.

A key is a digest of everything the content depends on, so an entry is never stale; it is either
right, missing, or damaged, and a damaged one is made again.

    ab/abcd....safetensors     an entry; its header holds its own digest and what it is
    people/DIGEST/abcd...      an empty file: the entry was made from this participant's recordings
    files/DIGEST               the sha256 of a checkpoint's file in one state
    bundles/DIGEST.json        a bundle that was trained here, where it lies, and on whom

Participants stand there as digests of their ids, never by name.
"""

import ctypes
import hashlib
import json
import math
import mmap
import os
import tempfile
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from cogspeech.errors import CacheError

SCHEMA_VERSION = 2
"""Of the entries; it is part of every key."""
LEFTOVER_AGE_S = 3600.0
"""A temporary file of that age has no writer any more."""
SETTLED_AFTER_S = 2.0
SMALLEST_MAP_BYTES = 1 << 16
CHUNK_BYTES = 1 << 22
"""Of a file that are written at a time."""
DIGEST_LETTERS = 64
TEMPORARY = ".tmp-"
HEADER = "cogspeech"


def cache_folder() -> Path:
    """The user's cache folder, or where ``COGSPEECH_CACHE`` says."""
    chosen = os.environ.get("COGSPEECH_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "cogspeech"


def content_key(**parts: Any) -> str:
    """A digest of json-able parts; the same parts in any order give the same key."""
    canonical = json.dumps({"schema": SCHEMA_VERSION, **parts}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def remembered_digest(path: Path) -> str:
    """`file_digest` of a large file, computed once for each state of the file.

    A state is place, size, and times of change down to the nanosecond; every write moves the change
    time (``ctime``), which programs cannot set. A file that changed a moment ago is not remembered:
    it may change again within one tick of the file system's clock.
    """
    status = path.stat()
    state = [str(path.resolve()), status.st_dev, status.st_ino, status.st_size]
    state += [status.st_mtime_ns, status.st_ctime_ns]
    note = cache_folder() / "files" / hashlib.sha256(json.dumps(state).encode()).hexdigest()
    with suppress(OSError):
        known = note.read_text(encoding="ascii")
        if len(known) == DIGEST_LETTERS:
            return known
    digest = file_digest(path)
    if time.time() - status.st_ctime > SETTLED_AFTER_S:
        write_atomically(note, digest.encode())
    return digest


def write_atomically(path: Path, content: bytes, *, is_durable: bool = False) -> None:
    """Writes a file that is either whole or absent, readable by its owner only.

    Temporary name in the same folder, fsync, rename: what a crash leaves is the old file or the
    new one.

    Args:
        path: where; its folder is made if missing.
        content: all of it.
        is_durable: the folder is synced too, so the new file survives a power cut from now on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
    try:
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest[:CHUNK_BYTES]) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        Path(temporary).replace(path)
        if is_durable:
            sync_folder(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Makes renames and removals in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the cache, as its header describes it."""

    key: str
    kind: str
    """What it holds: "audio", "text", "states", "samples"; "unreadable": its header is damaged."""
    maker: str
    """What made it, such as the name of an encoder."""
    schema: int
    num_bytes: int
    age_s: float


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
        self.folder = folder

    def read(self, key: str, *, maps: bool = False) -> dict[str, np.ndarray] | None:
        """The entry, or ``None`` where it is missing or damaged (a damaged one is removed).

        Args:
            key: from `content_key`.
            maps: large arrays stay on the disk: the system reads a page when it is touched and may
                drop it again. Writing to one changes a copy.
        """
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="numpy") as entry:
                digest = _header_of(entry).get("sha256")
                arrays = {name: entry.get_tensor(name) for name in entry.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError):
            arrays, digest = {}, None
        if digest is not None and digest == _digest(arrays):
            return _mapped(path, arrays) if maps else arrays
        path.unlink(missing_ok=True)
        return None

    def write(
        self,
        key: str,
        arrays: Mapping[str, np.ndarray],
        *,
        kind: str,
        maker: str,
        participant_id: str,
    ) -> None:
        """Stores an entry; several writers of one key leave one whole entry.

        Args:
            key: from `content_key`.
            arrays: what to keep.
            kind: what it is, for `entries`.
            maker: what made it, for `entries`.
            participant_id: whose recording it comes from, for `keys_of`.

        Raises:
            CacheError: the entry cannot be written.
        """
        whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        header = {
            "sha256": _digest(whole),
            "kind": kind,
            "maker": maker,
            "schema": SCHEMA_VERSION,
        }
        # One string: the library writes several in an order of its own, never twice the same.
        metadata = {HEADER: json.dumps(header)}
        try:
            self.link(key, participant_id)  # first: what nobody owns could not be forgotten
            write_atomically(self._path(key), save(whole, metadata=metadata))
        except OSError as error:
            raise CacheError(
                f"{self.folder}: cannot write the cache ({error.strerror}); make room, or set "
                "COGSPEECH_CACHE to another folder"
            ) from error

    def link(self, key: str, participant_id: str) -> None:
        """Remembers that an entry is made from a participant's recordings."""
        link = self._person(participant_id) / key
        if not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            link.touch(mode=0o600)

    def entries(self) -> Iterator[Entry]:
        """All entries, by key; reads headers only."""
        for path in sorted(self.folder.glob("??/*.safetensors")):
            try:
                status = path.stat()
            except FileNotFoundError:  # removed by somebody else
                continue
            header = _header(path)
            yield Entry(
                key=path.stem,
                kind=header.get("kind", "unreadable"),
                maker=header.get("maker", ""),
                schema=int(header.get("schema", 0)),
                num_bytes=status.st_size,
                age_s=time.time() - status.st_mtime,
            )

    def remove(self, keys: Iterable[str]) -> int:
        """Removes entries and the links to them; returns the bytes that were freed."""
        gone, freed = set(keys), 0
        for key in gone:
            path = self._path(key)
            if path.is_file():
                freed += path.stat().st_size
                path.unlink(missing_ok=True)
        for link in self.folder.glob("people/*/*"):
            if link.name in gone:
                link.unlink(missing_ok=True)
        for person in self.folder.glob("people/*"):
            with suppress(OSError):  # not empty
                person.rmdir()
        return freed

    def remove_leftovers(self) -> int:
        """Removes what killed writers left behind; returns how many files that were."""
        leftovers = [
            path
            for path in self.folder.glob(f"*/{TEMPORARY}*")
            if time.time() - path.stat().st_mtime > LEFTOVER_AGE_S
        ]
        for path in leftovers:
            path.unlink(missing_ok=True)
        return len(leftovers)

    def keys_of(self, participant_id: str) -> tuple[str, ...]:
        """The entries that were made from a participant's recordings."""
        person = self._person(participant_id)
        return tuple(sorted(link.name for link in person.iterdir())) if person.is_dir() else ()

    def remember_bundle(self, digest: str, place: Path, participant_ids: Iterable[str]) -> None:
        """Notes whom a bundle was trained on and where it lies."""
        note = {
            "place": str(place),
            "participants": sorted({_person_digest(name) for name in participant_ids}),
        }
        path = self.folder / "bundles" / f"{digest}.json"
        write_atomically(path, (json.dumps(note, indent=1) + "\n").encode())

    def bundles_of(self, participant_id: str) -> dict[str, str]:
        """The bundles trained on a participant: digest of the weights, and where it was written."""
        found = {}
        for path in sorted(self.folder.glob("bundles/*.json")):
            note = json.loads(path.read_text(encoding="utf-8"))
            if _person_digest(participant_id) in note["participants"]:
                found[path.stem] = note["place"]
        return found

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.safetensors"

    def _person(self, participant_id: str) -> Path:
        return self.folder / "people" / _person_digest(participant_id)


class _Mapped(np.ndarray[Any, Any]):
    """An array in a file; sent to another process, it is opened there and not copied."""

    place: tuple[str, str, int, tuple[int, ...]] | None

    def __array_finalize__(self, made_from: object) -> None:
        self.place = None  # of a part of one, or of what was computed from it

    def __reduce__(self) -> Any:
        return (_open_mapped, self.place) if self.place else np.asarray(self).__reduce__()


def _open_mapped(path: str, dtype: str, offset: int, shape: tuple[int, ...]) -> np.ndarray:
    """Unlike `numpy.memmap`, which keeps every file open: a process may open only so many.

    Raises:
        OSError: the file is gone, or the system has no more maps.
    """
    count = math.prod(shape)
    end = offset + count * np.dtype(dtype).itemsize
    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *(ctypes.c_int,) * 3, ctypes.c_long)
    with Path(path).open("rb") as stream:
        if os.fstat(stream.fileno()).st_size < end:
            raise OSError(f"{path}: is shorter than the array in it")
        allowed = mmap.PROT_READ | mmap.PROT_WRITE
        address = library.mmap(None, end, allowed, mmap.MAP_PRIVATE, stream.fileno(), 0)
    if address is None or address == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), f"{path}: cannot be mapped")
    pages = (ctypes.c_char * end).from_address(address)
    weakref.finalize(pages, library.munmap, ctypes.c_void_p(address), ctypes.c_size_t(end))
    array = np.frombuffer(memoryview(pages), dtype, count, offset).reshape(shape).view(_Mapped)
    array.place = (path, dtype, offset, shape)
    return array


def _mapped(path: Path, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The large ones among the arrays of an entry, which has just been verified, as maps."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        places = json.loads(stream.read(length))
    found = dict(arrays)
    for name, array in arrays.items():
        if array.nbytes >= SMALLEST_MAP_BYTES and os.name == "posix":
            offset = 8 + length + int(places[name]["data_offsets"][0])
            with suppress(OSError):  # the system has no more maps: this one stays in memory
                found[name] = _open_mapped(
                    str(path.resolve()), array.dtype.str, offset, array.shape
                )
    return found


def _person_digest(participant_id: str) -> str:
    return hashlib.sha256(
        f"participant {participant_id}".encode(errors="surrogatepass")
    ).hexdigest()


def _header(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, framework="numpy") as entry:
            return _header_of(entry)
    except (SafetensorError, OSError, ValueError):
        return {}


def _header_of(entry: Any) -> dict[str, Any]:
    header = json.loads((entry.metadata() or {}).get(HEADER, "{}"))
    return header if isinstance(header, dict) else {}


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
