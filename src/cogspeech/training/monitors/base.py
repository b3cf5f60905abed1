"""What a monitored metric is: one number of the validation part after every epoch."""

from abc import ABC, abstractmethod
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from cogspeech.registry import Registry
from cogspeech.training.objectives.base import Objective, Targets


class Monitor(ABC):
    """Contract of all monitored metrics."""

    is_lower_better: ClassVar[bool] = False

    @abstractmethod
    def value(
        self, objective: Objective, outputs: Float[Tensor, "recording output"], targets: Targets
    ) -> float:
        """The metric over the validation part.

        Raises:
            ConfigError: the target of the study has no such metric.
        """

    def is_better(self, value: float, best: float | None, min_change: float) -> bool:
        """Whether a value beats the best one by more than the minimum change."""
        if best is None:
            return True
        gain = best - value if self.is_lower_better else value - best
        return gain > min_change


MONITORS: Registry[type[Monitor]] = Registry("monitor", "cogspeech.training.monitors")
