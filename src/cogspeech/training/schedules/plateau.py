"""``plateau``: down by a factor whenever the monitored metric stands still."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cogspeech.settings import Settings
from cogspeech.training.schedules.base import SCHEDULES, Schedule


@SCHEDULES.register("plateau")
class Plateau(Schedule):
    """The whole rate until the monitored metric has not improved for some epochs."""

    class Options(Settings):
        """``{name: plateau, factor: 0.5, epochs: 3}``."""

        factor: float = Field(default=0.5, gt=0, lt=1)
        """What is left of the rate after each fall."""
        epochs: int = Field(default=3, ge=1)
        """Without an improvement, before a fall; fewer than ``training.patience``."""

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self._falls = 0
        self._epochs_without = 0

    def share(self, progress: float) -> float:
        """``factor ** falls``."""
        del progress
        share: float = self.options.factor**self._falls
        return share

    def observe(self, *, has_improved: bool) -> None:
        """Counts epochs without an improvement."""
        self._epochs_without = 0 if has_improved else self._epochs_without + 1
        if self._epochs_without == self.options.epochs:
            self._falls += 1
            self._epochs_without = 0

    def state(self) -> dict[str, Any]:
        """Both counts."""
        return {"falls": self._falls, "epochs_without": self._epochs_without}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Both counts."""
        self._falls, self._epochs_without = state["falls"], state["epochs_without"]
