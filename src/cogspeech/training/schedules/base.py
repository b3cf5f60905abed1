"""What a schedule is: a share of the learning rate for every moment of a fit.

``done`` counts epochs, with fractions, from 0 to ``max_epochs``. The warm-up is that of all
schedules: the rate rises in equal steps per epoch, then the schedule takes over.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from cogspeech.config import parse_options
from cogspeech.learning_sections import TrainingSection
from cogspeech.registry import Registry
from cogspeech.settings import Component, Settings


class Schedule(ABC):
    """Contract of all schedules; made from its own options."""

    Options: ClassVar[type[Settings]] = Settings

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def share(self, progress: float) -> float:
        """Of the highest learning rate, at a progress from 0 (after the warm-up) to 1 (the end)."""

    def observe(self, *, has_improved: bool) -> None:
        """Is told after every validation; most schedules do not care."""
        del has_improved

    def state(self) -> dict[str, Any]:
        """What a checkpoint has to keep, json-able."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes back what `state` gave."""
        del state


SCHEDULES: Registry[type[Schedule]] = Registry("schedule", "cogspeech.training.schedules")


def build_schedule(component: Component) -> Schedule:
    """A fresh schedule.

    Raises:
        ConfigError: the schedule or one of its options does not exist.
    """
    plugin = SCHEDULES.get(component.name)
    return plugin(
        parse_options(plugin.Options, component.options, where=f"schedule {component.name}")
    )


def learning_rate(schedule: Schedule, section: TrainingSection, done: float) -> float:
    """The learning rate after ``done`` epochs."""
    warm_epochs = section.warmup_fraction * section.max_epochs
    if done < warm_epochs:
        return section.learning_rate * min(1.0, (done + 1.0) / warm_epochs)
    progress = (done - warm_epochs) / max(section.max_epochs - warm_epochs, 1e-12)
    return section.learning_rate * schedule.share(min(1.0, progress))
