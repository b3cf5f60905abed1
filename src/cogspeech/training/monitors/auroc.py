"""``auroc``: how often one of the second class is ranked above one of the first."""

from jaxtyping import Float
from scipy.stats import rankdata
from torch import Tensor

from cogspeech.errors import ConfigError
from cogspeech.training.monitors.base import MONITORS, Monitor
from cogspeech.training.objectives.base import Objective, Targets


@MONITORS.register("auroc")
class Auroc(Monitor):
    """The area under the ROC curve of two classes, from ranks (Hanley and McNeil, 1982)."""

    def value(
        self, objective: Objective, outputs: Float[Tensor, "recording output"], targets: Targets
    ) -> float:
        """Ties count one half."""
        probabilities = objective.answers(outputs).probabilities
        if probabilities is None or probabilities.shape[1] != 2 or targets.labels is None:
            raise ConfigError("training.monitor: auroc needs two classes; use loss")
        is_positive = targets.labels.numpy() == 1
        positive, negative = int(is_positive.sum()), int((~is_positive).sum())
        if not positive or not negative:
            raise ConfigError(
                "training.monitor: auroc needs both classes in every validation part; use loss"
            )
        ranks = rankdata(probabilities[:, 1])[is_positive].sum()
        return float((ranks - positive * (positive + 1) / 2) / (positive * negative))
