"""The files of a bundle, read as if an enemy had made them; nothing here knows torch.

In this order, each before the next begins: what kind of file it is, how large, what its first bytes
are, what its header says, its content. So a foreign file is refused before anything is allocated
for it, and nothing in it is ever run. safetensors checks the same layout again when it loads.
"""

import json
import math
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from cogspeech.errors import BundleError

WEIGHTS, DESCRIPTION, CARD = "model.safetensors", "bundle.json", "README.md"
FILES = (WEIGHTS, DESCRIPTION, CARD)
"""All that a bundle is; nothing else in its folder is opened."""
MAX_WEIGHT_BYTES = 1 << 32
"""Encoder layers that were trained lie beside the fusion."""
MAX_TEXT_BYTES = 1 << 20
MAX_HEADER_BYTES = 1 << 20
MAX_TENSORS = 2_000
MAX_DIMENSIONS = 8
MAX_JSON_DEPTH = 32
MAX_INTEGER_LETTERS = 20
HUB_FOLDER = re.compile(r"models--[^/]+/snapshots/[0-9a-f]{40}$")
DTYPES = {
    "F64": ("float64", 8),
    "F32": ("float32", 4),
    "F16": ("float16", 2),
    "BF16": ("bfloat16", 2),
    "I64": ("int64", 8),
    "I32": ("int32", 4),
    "U8": ("uint8", 1),
    "BOOL": ("bool", 1),
}
"""By the code of safetensors: the name, and the bytes of a number."""
MAGIC = {
    b"PK": "a zip archive, as torch.save and Keras write",
    b"\x1f\x8b": "a gzip archive",
    b"\x89HDF": "an HDF5 file",
    b"GGUF": "a GGUF file",
    b"\x80": "a pickle",
    **dict.fromkeys((b"(dp", b"(lp", b"cos\n", b"cposix\n", b"c__builtin__\n"), "a pickle"),
    b"\x93NUMPY": "a numpy array",
}
TAR_AT, TAR = 257, b"ustar"
PICKLED = (".pt", ".pth", ".bin", ".pkl", ".ckpt")
ONLY = "only .safetensors bundles are loaded and nothing is ever unpickled, see docs/bundles.md"


@dataclass(frozen=True, slots=True)
class TensorShape:
    """What a header says about one tensor."""

    dtype: str
    """Such as ``float32``."""
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


def refuse_foreign(folder: Path) -> None:
    """Refuses what is no folder of a bundle, by its first bytes where it is a file.

    Raises:
        BundleError: says what it is.
    """
    if folder.is_file():
        with _opened(folder, max_bytes=None) as (stream, _):
            what = _foreign(stream.read(512)) or "a file"
        raise BundleError(f"{folder}: is {what}; give the folder of a bundle: {ONLY}")
    if is_there(folder / DESCRIPTION):
        return
    pickled = sorted(p.name for p in folder.glob("*") if p.suffix in PICKLED)
    if pickled:
        raise BundleError(f"{folder}: holds '{shown(pickled[0])}', but no {DESCRIPTION}; {ONLY}")
    raise BundleError(
        f"{folder / DESCRIPTION}: no such bundle; give the 'model' folder of a run, made by "
        "'cogspeech run'"
    )


def is_there(path: Path) -> bool:
    """Whether there is anything of that name, be it a link to nowhere."""
    return os.path.lexists(path)


def hub_origin(folder: Path) -> str | None:
    """``owner/name@commit`` of a folder in the hub's cache."""
    found = HUB_FOLDER.search(folder.resolve().as_posix())
    if not found:
        return None
    name, _, commit = found[0].partition("/snapshots/")
    return f"{name.removeprefix('models--').replace('--', '/', 1)}@{commit}"


def read_description(path: Path) -> dict[str, Any]:
    """The content of ``bundle.json``.

    Stricter than json: one value a key, finite numbers, no number or nesting without measure, and
    text that can be written again.

    Raises:
        BundleError: it is anything else.
    """
    text = read_text(path)
    plain = parse_json(text, where=str(path))
    if not isinstance(plain, dict):
        raise BundleError(f"{path}: expected a json object of facts, found {_kind(plain)}")
    return plain


def read_text(path: Path) -> str:
    """A small text file in UTF-8.

    Raises:
        BundleError: it is no regular file, too large or not UTF-8.
    """
    content = read_file(path, max_bytes=MAX_TEXT_BYTES)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BundleError(
            f"{path}: is not UTF-8 at byte {error.start}; copy the bundle again"
        ) from error


def read_file(path: Path, *, max_bytes: int) -> bytes:
    """The content of a regular file.

    Raises:
        BundleError: it is none, or too large.
    """
    with _opened(path, max_bytes=max_bytes) as (stream, size):
        return _whole(stream, size, path)


def parse_json(text: str, *, where: str) -> Any:
    """Json that means the same to every reader.

    Raises:
        BundleError: with the line where there is one.
    """
    try:
        plain = json.loads(
            text,
            object_pairs_hook=_each_once,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_integer,
        )
        _refuse_depth(plain)
        json.dumps(plain, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise BundleError(
            f"{where}:{error.lineno}: not valid json ({error.msg}); copy the bundle again"
        ) from error
    except RecursionError as error:
        raise BundleError(
            f"{where}: nested deeper than {MAX_JSON_DEPTH} levels; copy the bundle again"
        ) from error
    except UnicodeEncodeError as error:
        raise BundleError(
            f"{where}: holds half a surrogate pair, which is no letter; copy the bundle again"
        ) from error
    except ValueError as error:
        raise BundleError(f"{where}: {error}; copy the bundle again") from error
    return plain


def refuse_other_kinds(given: Any, read: Any, *, where: str, key: str = "") -> None:
    """Refuses values that were understood, but as values of another kind, such as "3" as 3.

    Args:
        given: a part of a description.
        read: the same part, as it would be written again.
        where: for the message.
        key: of the part.

    Raises:
        BundleError: names the first one.
    """
    if isinstance(given, dict) and isinstance(read, dict):
        pairs = [(name, given[name], read[name]) for name in given if name in read]
    elif isinstance(given, list) and isinstance(read, list):
        pairs = [(str(n), *both) for n, both in enumerate(zip(given, read, strict=False))]
    elif type(given) is type(read) or isinstance(given, dict | list) or isinstance(read, dict):
        return
    elif not (type(given) is int and type(read) is float):  # a whole number is a number
        raise BundleError(
            f"{where}: '{key}' is {_kind(given)}, expected {_kind(read)}; copy the bundle again"
        )
    else:
        return
    for name, one, other in pairs:
        refuse_other_kinds(one, other, where=where, key=f"{key}.{name}" if key else name)


def read_weights(path: Path, refuse_misfit: Callable[[Mapping[str, TensorShape]], None]) -> bytes:
    """The bytes of a safetensors file whose layout is sound.

    Args:
        path: of the file.
        refuse_misfit: is given what the header says, before any tensor is read; raises where that
            is not what is expected.

    Raises:
        BundleError: it is no such file, or its header lies about its content.
    """
    with _opened(path, max_bytes=MAX_WEIGHT_BYTES) as (stream, size):
        start = stream.read(512)
        length = int.from_bytes(start[:8], "little")
        if len(start) < 9 or start[8:9] != b"{" or length > size:
            what = _foreign(start) or "no safetensors file"
            raise BundleError(f"{path}: is {what}; {ONLY}")
        if length > MAX_HEADER_BYTES:
            raise BundleError(
                f"{path}: has a header of {length} bytes, expected at most {MAX_HEADER_BYTES}; "
                "copy the bundle again"
            )
        stream.seek(8)
        refuse_misfit(_shapes(stream.read(length), size - 8 - length, where=str(path)))
        stream.seek(0)
        return _whole(stream, size, path)


@contextmanager
def _opened(path: Path, *, max_bytes: int | None) -> Iterator[tuple[BinaryIO, int]]:
    """A regular file and its size, checked on what was opened, so nobody can swap it between."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(_followed(path), flags)
    except OSError as error:
        raise BundleError(
            f"{path}: cannot be opened ({error.strerror}); copy the bundle again"
        ) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise BundleError(f"{path}: is no regular file; copy the bundle again")
        if max_bytes is not None and not 0 < status.st_size <= max_bytes:
            raise BundleError(
                f"{path}: has {status.st_size} bytes, expected 1 to {max_bytes}; copy the bundle "
                "again"
            )
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            yield stream, status.st_size
    finally:
        os.close(descriptor)


def _whole(stream: BinaryIO, size: int, path: Path) -> bytes:
    content = stream.read(size + 1)
    if len(content) != size:
        raise BundleError(f"{path}: changed while it was read; try again")
    return content


def _followed(path: Path) -> Path:
    """The path itself, or the blob to which a file in the hub's cache links."""
    if not path.is_symlink():
        return path
    folder = path.parent.resolve()
    blobs = folder.parent.parent / "blobs"
    target = Path(os.path.realpath(path))  # of a ring, too
    if not HUB_FOLDER.search(folder.as_posix()) or target.parent != blobs:
        raise BundleError(f"{path}: is a link; copy the file itself (cp -L)")
    return target


def _foreign(start: bytes) -> str:
    if start[TAR_AT : TAR_AT + len(TAR)] == TAR:
        return "a tar archive, as early versions of torch.save wrote"
    return next((what for magic, what in MAGIC.items() if start.startswith(magic)), "")


def _shapes(header: bytes, num_bytes: int, *, where: str) -> dict[str, TensorShape]:
    """The tensors of a header, which lie one after the other and fill the file."""
    try:
        plain = parse_json(header.decode("utf-8"), where=f"{where}: its header")
    except UnicodeDecodeError as error:
        raise BundleError(f"{where}: its header is not UTF-8; copy the bundle again") from error
    plain.pop("__metadata__", None)  # never read
    if len(plain) > MAX_TENSORS:
        raise BundleError(
            f"{where}: holds {len(plain)} tensors, expected at most {MAX_TENSORS}; use a bundle "
            "made by 'cogspeech run'"
        )
    shapes, places = {}, []
    for name, entry in plain.items():
        shape, place = _shape(entry)
        if shape is None or place is None:
            raise BundleError(
                f"{where}: its header does not describe '{shown(name)}' soundly; copy the bundle "
                "again"
            )
        shapes[name] = shape
        places.append(place)
    end = 0
    for start, stop in sorted(places):
        if start != end:
            raise BundleError(
                f"{where}: tensors overlap or leave a hole at byte {min(start, end)} of the data; "
                "copy the bundle again"
            )
        end = stop
    if end != num_bytes:
        raise BundleError(
            f"{where}: has {num_bytes} bytes of data where its header describes {end}; copy the "
            "bundle again"
        )
    return shapes


def _shape(entry: Any) -> tuple[TensorShape | None, tuple[int, int] | None]:
    """An entry of a header and where its bytes lie; ``None`` where it contradicts itself."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        return None, None
    dtype, shape, place = entry["dtype"], entry["shape"], entry["data_offsets"]
    name, item_bytes = DTYPES.get(dtype if isinstance(dtype, str) else "", ("", 0))
    if not name:
        return None, None
    if not _are_counts(shape) or not _are_counts(place) or len(place) != 2:
        return None, None
    if len(shape) > MAX_DIMENSIONS or place[1] - place[0] != math.prod(shape) * item_bytes:
        return None, None
    return TensorShape(name, tuple(shape)), (place[0], place[1])


def _are_counts(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(type(n) is int and n >= 0 for n in numbers)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"has the key '{shown(twice)}' twice")
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"holds {text}, which is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"holds a number that is too large ({shown(text)})")
    return number


def _integer(text: str) -> int:
    if len(text) > MAX_INTEGER_LETTERS:
        raise ValueError(f"holds an integer of {len(text)} digits")
    return int(text)


def _refuse_depth(plain: Any) -> None:
    level = [plain]
    for _ in range(MAX_JSON_DEPTH + 1):
        inner = [item for item in level if isinstance(item, dict | list)]
        if not inner:
            return
        level = [v for item in inner for v in (item.values() if isinstance(item, dict) else item)]
    raise RecursionError


def _kind(plain: Any) -> str:
    kinds = {list: "a list", dict: "an object", str: "text", bool: "true or false"}
    return "nothing" if plain is None else kinds.get(type(plain), "a number")


def shown(text: str) -> str:
    """A foreign text as messages show it: short, and nothing that moves a cursor."""
    return "".join(sign if sign.isprintable() else "?" for sign in text[:60])
