"""``loss``: what the fit makes small, on the validation part."""

from jaxtyping import Float
from torch import Tensor

from cogspeech.training.monitors.base import MONITORS, Monitor
from cogspeech.training.objectives.base import Objective, Targets


@MONITORS.register("loss")
class Loss(Monitor):
    """The smoothest of all metrics: every recording counts, also one that is right already."""

    is_lower_better = True

    def value(
        self, objective: Objective, outputs: Float[Tensor, "recording output"], targets: Targets
    ) -> float:
        """The mean over the recordings."""
        return float(objective.loss(outputs, targets))
