"""Everything that changes while a fit runs, item by item, as a checkpoint keeps it.

What is not here must follow from the study, the data and the seed alone. An item that is left out
makes a resumed fit differ: `tests/crash` leaves each of them out in turn and must notice.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from cogspeech.errors import CheckpointError
from cogspeech.training.averaging import MovingAverage
from cogspeech.training.checkpoint import Checkpoint
from cogspeech.training.history import EpochRecord
from cogspeech.training.processes import Processes
from cogspeech.training.schedules.base import Schedule

Content = Mapping[str, Any]
"""Tensors and json-able values by name."""
FINISHED = ("history", "best_epoch", "best_weights")
"""The items that are kept of a fit that has ended."""


class Item(NamedTuple):
    """One item of the state: how it is read, and how it is put back."""

    read: Callable[[], Content]
    restore: Callable[[Content], None]


@dataclass(slots=True, kw_only=True)
class Counts:
    """Where a fit is, and the best it has seen."""

    epoch: int = 0
    """Epochs that are over."""
    position: int = 0
    """Optimizer steps that are done in this epoch."""
    epoch_loss: float = 0.0
    """Sum over the recordings of this epoch so far."""
    history: list[EpochRecord] = field(default_factory=list)
    best_value: float | None = None
    """Of the monitored metric."""
    best_epoch: int = -1
    epochs_without: int = 0
    """Since the last improvement."""
    best_weights: dict[str, Tensor] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class FitState:
    """The objects that hold the state of a fit."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    scaler: torch.amp.GradScaler
    processes: Processes
    average: MovingAverage | None = None
    counts: Counts = field(default_factory=Counts)

    def items(self) -> dict[str, Item]:
        """All items by name."""
        counts = self.counts
        return {
            "weights": Item(self.model.state_dict, self._put_weights),
            "optimizer": Item(self._moments, self._put_moments),
            "schedule": Item(self.schedule.state, self.schedule.restore),
            "scaler": Item(self.scaler.state_dict, self._put_scaler),
            "average": Item(self._averaged, self._put_averaged),
            "random_torch": Item(self._random_torch, self._put_random_torch),
            "random_numpy": Item(self._random_numpy, self._put_random_numpy),
            "random_python": Item(self._random_python, self._put_random_python),
            "random_cuda": Item(self._random_cuda, self._put_random_cuda),
            **{
                name: _count(counts, name)
                for name in ("epoch", "position", "epoch_loss", "best_value", "best_epoch")
            },
            "patience": _count(counts, "epochs_without"),
            "history": Item(self._history, self._put_history),
            "best_weights": Item(lambda: counts.best_weights, self._put_best_weights),
        }

    def checkpoint(self, *, is_finished: bool) -> Checkpoint:
        """The state as it is now; every process has to ask, since each has random numbers."""
        tensors: dict[str, Tensor] = {}
        state: dict[str, Any] = {"is_finished": is_finished, "items": {}}
        for name, item in self.items().items():
            if is_finished and name not in FINISHED:
                continue
            plain = state["items"].setdefault(name, {})
            for key, value in item.read().items():
                if isinstance(value, Tensor):
                    tensors[f"{name}/{key}"] = value
                else:
                    plain[key] = value
        return Checkpoint(tensors=tensors, state=state)

    def restore(self, checkpoint: Checkpoint) -> bool:
        """Puts the state back; gives whether the fit is finished.

        Raises:
            CheckpointError: the checkpoint lacks something.
        """
        is_finished: bool = checkpoint.state["is_finished"]
        stored: dict[str, dict[str, Any]] = {
            name: dict(plain) for name, plain in checkpoint.state["items"].items()
        }
        for path, tensor in checkpoint.tensors.items():
            name, _, key = path.partition("/")
            stored[name][key] = tensor
        for name, item in self.items().items():
            if is_finished and name not in FINISHED:
                continue
            try:
                item.restore(stored[name])
            except (KeyError, RuntimeError, ValueError, IndexError) as error:
                raise CheckpointError(
                    f"a checkpoint does not hold the {name} of this fit; run without --resume"
                ) from error
        return is_finished

    def _put_weights(self, content: Content) -> None:
        self.model.load_state_dict(content)

    def _moments(self) -> Content:
        return {
            f"{index}.{name}": tensor
            for index, moments in self.optimizer.state_dict()["state"].items()
            for name, tensor in moments.items()
        }

    def _put_moments(self, content: Content) -> None:
        stored = self.optimizer.state_dict()
        stored["state"] = {}
        for path, tensor in content.items():
            index, _, name = path.partition(".")
            stored["state"].setdefault(int(index), {})[name] = tensor
        self.optimizer.load_state_dict(stored)

    def _put_scaler(self, content: Content) -> None:
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(dict(content))

    def _averaged(self) -> Content:
        average = self.average
        return {**average.weights, "/steps": average.num_steps} if average else {}

    def _put_averaged(self, content: Content) -> None:
        if self.average:
            weights = dict(content)
            self.average.restore(num_steps=weights.pop("/steps"), weights=weights)

    def _random_torch(self) -> Content:
        return _by_process(self.processes.gather(torch.get_rng_state()))

    def _put_random_torch(self, content: Content) -> None:
        torch.set_rng_state(content[str(self.processes.index)])

    def _random_numpy(self) -> Content:
        state: Any = np.random.get_state()  # noqa: NPY002  of plug-ins that draw from it
        _, keys, *rest = state
        return _by_process(self.processes.gather([keys.tolist(), *rest]))

    def _put_random_numpy(self, content: Content) -> None:
        keys, *rest = content[str(self.processes.index)]
        state = ("MT19937", np.array(keys, dtype=np.uint32), *rest)
        np.random.set_state(state)  # noqa: NPY002

    def _random_python(self) -> Content:
        return _by_process(self.processes.gather(random.getstate()))

    def _put_random_python(self, content: Content) -> None:
        version, numbers, gauss = content[str(self.processes.index)]
        random.setstate((version, tuple(numbers), gauss))

    def _random_cuda(self) -> Content:
        if self.processes.device.type != "cuda":
            return {}
        state = torch.cuda.get_rng_state(self.processes.device)
        return _by_process(self.processes.gather(state))

    def _put_random_cuda(self, content: Content) -> None:
        if self.processes.device.type == "cuda":
            state = content[str(self.processes.index)]
            torch.cuda.set_rng_state(state, self.processes.device)

    def _history(self) -> Content:
        return {"epochs": [astuple(record) for record in self.counts.history]}

    def _put_history(self, content: Content) -> None:
        names = EpochRecord.__slots__
        self.counts.history = [
            EpochRecord(**dict(zip(names, epoch, strict=True))) for epoch in content["epochs"]
        ]

    def _put_best_weights(self, content: Content) -> None:
        self.counts.best_weights = dict(content)


def seed_all(seed: int) -> None:
    """Every generator that a plug-in may draw from without asking."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch.manual_seed(seed)


def _count(counts: Counts, name: str) -> Item:
    """A plain number of the counts."""
    return Item(
        lambda: {"value": getattr(counts, name)},
        lambda content: setattr(counts, name, content["value"]),
    )


def _by_process(values: list[Any]) -> Content:
    return {str(index): value for index, value in enumerate(values)}
