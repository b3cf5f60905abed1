"""Checkpoints of one fit: generations of one safetensors file each.

    step-00000420.safetensors    the newest; the one before it is kept, too
    lock                         who is training here

The header carries everything that is no tensor as json, and a sha256 over both. A file is written
under a temporary name, synced and renamed, then the folder is synced; only then is the oldest one
removed. Generations are ordered by the step in their name, never by time. Nothing is unpickled.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from cogspeech.cache import TEMPORARY, sync_folder, write_atomically
from cogspeech.errors import CheckpointError
from cogspeech.training.messages import warn

HEADER = "cogspeech"
FORMAT_VERSION = 1
KEPT = 2
"""Generations that stay: if the newest is damaged, the one before it serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The state of a fit: tensors by name, and everything else as json."""

    tensors: Mapping[str, Tensor]
    state: Mapping[str, Any]


class CheckpointFolder:
    """The generations of one fit.

    Args:
        folder: of this fit alone; made with the first checkpoint.
        identity: json-able facts that tell the fit from every other.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        self._identity = _as_stored(identity)

    def save(self, step: int, checkpoint: Checkpoint, *, is_last: bool = False) -> None:
        """Adds a generation and removes those that are no longer needed.

        Args:
            step: optimizer steps so far.
            checkpoint: the state after them.
            is_last: the fit is finished, so no other generation is kept.

        Raises:
            CheckpointError: it cannot be written; the generations before it are untouched.
        """
        path = self.folder / f"step-{step:08d}.safetensors"
        content = _encoded(checkpoint, self._identity)
        try:
            write_atomically(path, content, is_durable=True)
            older = [old for old in self._generations() if old != path]
            self._remove(older if is_last else older[KEPT - 1 :])
        except OSError as error:
            raise cannot_write(path, content, error) from error

    def load(self) -> Checkpoint | None:
        """The newest whole generation; ``None`` where there is none.

        A damaged one is passed over with a warning that names it.

        Raises:
            CheckpointError: a generation belongs to another fit; the message names the field.
        """
        damaged = 0
        for path in self._generations():
            try:
                found, identity = _decoded(path)
            except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
                damaged += 1
                warn(f"{path}: is damaged and passed over ({' '.join(str(error).split())[:120]})")
                continue
            self._refuse_other(path, identity)
            return found
        if damaged:
            warn(f"{self.folder}: has no whole checkpoint; this fit begins anew")
        return None

    def tidy(self, *, keeps_generations: bool) -> None:
        """Removes what killed writers left, and on request every generation.

        Only for who holds the lock.
        """
        self._remove(self.folder.glob(f"{TEMPORARY}*"))
        if not keeps_generations:
            self._remove(self._generations())

    def _generations(self) -> list[Path]:
        """Newest first. The names sort by step: they have the same length."""
        return sorted(self.folder.glob("step-*.safetensors"), reverse=True)

    def _remove(self, paths: Any) -> None:
        removed = list(paths)
        for path in removed:
            path.unlink(missing_ok=True)
        if removed:
            sync_folder(self.folder)

    def _refuse_other(self, path: Path, found: Mapping[str, Any]) -> None:
        there, here = dict(_leaves(found)), dict(_leaves(self._identity))
        for field in sorted({*there, *here}):
            if there.get(field) != here.get(field):
                raise CheckpointError(
                    f"{path}: belongs to another fit: {field} is {there.get(field)!r} there and "
                    f"{here.get(field)!r} here; use another --out, or run without --resume"
                )


def cannot_write(path: Path, content: bytes, error: OSError) -> CheckpointError:
    """What to say where a file of a fit cannot be written."""
    free = "an unknown number of"
    with suppress(OSError):
        free = f"{shutil.disk_usage(path.parent).free:,}"
    return CheckpointError(
        f"{path}: {len(content):,} bytes cannot be written ({error.strerror}, {free} bytes are "
        "free); the checkpoint before it is kept; make room and go on with --resume"
    )


def _encoded(checkpoint: Checkpoint, identity: Mapping[str, Any]) -> bytes:
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()
    }
    state = json.dumps(
        {"format": FORMAT_VERSION, "identity": identity, "state": checkpoint.state},
        sort_keys=True,
        allow_nan=False,
    )
    # One string: the library writes several in an order of its own, never twice the same.
    header = json.dumps({"sha256": _digest(tensors, state), "state": state})
    content: bytes = save(tensors, metadata={HEADER: header})
    return content


def _decoded(path: Path) -> tuple[Checkpoint, dict[str, Any]]:
    """A generation and its identity.

    Raises:
        ValueError: it is not what was written, or `SafetensorError`, `KeyError`, `OSError`.
    """
    with safe_open(path, framework="pt") as stored:
        header = json.loads((stored.metadata() or {})[HEADER])
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    if header["sha256"] != _digest(tensors, header["state"]):
        raise ValueError("its content does not have its digest")
    whole = json.loads(header["state"])
    if whole["format"] != FORMAT_VERSION:
        raise ValueError(f"it has format {whole['format']}, expected {FORMAT_VERSION}")
    return Checkpoint(tensors=tensors, state=whole["state"]), whole["identity"]


def _digest(tensors: Mapping[str, Tensor], state: str) -> str:
    digest = hashlib.sha256(state.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def _as_stored(identity: Mapping[str, Any]) -> dict[str, Any]:
    """As json gives it back: tuples are lists."""
    plain: dict[str, Any] = json.loads(json.dumps(identity))
    return plain


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
