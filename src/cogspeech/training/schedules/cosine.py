"""``cosine``: half a cosine down to zero (Loshchilov and Hutter, 2017)."""

import math

from cogspeech.training.schedules.base import SCHEDULES, Schedule


@SCHEDULES.register("cosine")
class Cosine(Schedule):
    """Slow at both ends."""

    def share(self, progress: float) -> float:
        """``(1 + cos(pi * progress)) / 2``."""
        return 0.5 * (1.0 + math.cos(math.pi * progress))
