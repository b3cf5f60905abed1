"""``linear``: straight down to zero."""

from cogspeech.training.schedules.base import SCHEDULES, Schedule


@SCHEDULES.register("linear")
class Linear(Schedule):
    """From the whole rate to nothing."""

    def share(self, progress: float) -> float:
        """What is left of the way."""
        return 1.0 - progress
