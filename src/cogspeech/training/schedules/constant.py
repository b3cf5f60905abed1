"""``constant``: the same learning rate to the end."""

from cogspeech.training.schedules.base import SCHEDULES, Schedule


@SCHEDULES.register("constant")
class Constant(Schedule):
    """Always the whole rate."""

    def share(self, progress: float) -> float:
        """1."""
        del progress
        return 1.0
