"""The processes that ``torchrun`` or ``accelerate launch`` started; mostly, there is just this one.

Every process holds the whole model and takes its share of each step. Gradients are sums over the
recordings of the step divided by their number, so adding them over the processes gives the gradient
of one process, whatever the number of recordings that each of them has.
"""

from contextlib import AbstractContextManager
from typing import TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from torch import nn

ItemT = TypeVar("ItemT")


class Processes:
    """All processes that fit one model together, seen from one of them."""

    def __init__(self) -> None:
        self._state = PartialState(cpu=not torch.cuda.is_available())
        self.device: torch.device = self._state.device
        self.index: int = self._state.process_index
        self.count: int = self._state.num_processes

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.index == 0

    def wait(self) -> None:
        """Until all are here."""
        self._state.wait_for_everyone()

    def main_first(self) -> AbstractContextManager[None]:
        """The first process goes ahead, the others follow and find what it has made."""
        waiting: AbstractContextManager[None] = self._state.main_process_first()
        return waiting

    def gather(self, item: ItemT) -> list[ItemT]:
        """What every process has, by index."""
        return list(gather_object([item])) if self.count > 1 else [item]

    def is_any(self, flag: bool) -> bool:
        """Whether the flag is up in at least one process; the same answer in all."""
        return flag if self.count == 1 else self.sum(float(flag)) > 0

    def sum(self, number: float) -> float:
        """Over all processes; the same bits in all."""
        if self.count == 1:
            return number
        total = torch.tensor(number, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(total)
        return float(total)

    def add_gradients(self, model: nn.Module) -> None:
        """Replaces every gradient by its sum over the processes."""
        if self.count == 1:
            return
        parameters = [p for p in model.parameters() if p.requires_grad]
        flat = torch.cat(
            [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters]
        )
        torch.distributed.all_reduce(flat)
        parts = torch.split(flat, [p.numel() for p in parameters])
        for parameter, gradient in zip(parameters, parts, strict=True):
            parameter.grad = gradient.view_as(parameter)
