"""Checkpoints: one safetensors file whose header carries the rest of the state as json.

A single file under a temporary name, synced and renamed, is either the old or the new checkpoint.
Nothing is ever unpickled.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from cogspeech.cache import write_atomically
from cogspeech.errors import CheckpointError


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Tensors by name, and a json-able state; ``state["identity"]`` says which fit it is of."""

    tensors: dict[str, Tensor]
    state: dict[str, Any]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors under ``prefix.``, without it."""
        start = f"{prefix}."
        return {
            name.removeprefix(start): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(start)
        }


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint atomically."""
    tensors = {name: tensor.contiguous().cpu() for name, tensor in checkpoint.tensors.items()}
    state = json.dumps(checkpoint.state, sort_keys=True, allow_nan=False)
    write_atomically(path, save(tensors, metadata={"state": state}))


def load_checkpoint(path: Path, *, identity: dict[str, Any]) -> Checkpoint | None:
    """The checkpoint of a fit, or ``None`` where there is none yet.

    Raises:
        CheckpointError: it cannot be read, or it belongs to another fit; the message names the
            field that differs.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as stored:
            state = json.loads((stored.metadata() or {})["state"])
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            found = state["identity"]
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path}: not a readable checkpoint; remove it, or run without --resume"
        ) from error
    for field in sorted({*identity, *found}):
        if identity.get(field) != found.get(field):
            raise CheckpointError(
                f"{path}: belongs to another fit: {field} is {found.get(field)!r} there and "
                f"{identity.get(field)!r} here; use another --out, or run without --resume"
            )
    return Checkpoint(tensors=tensors, state=state)
