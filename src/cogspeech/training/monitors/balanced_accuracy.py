"""``balanced_accuracy``: the mean over the classes of the share that is told rightly."""

import numpy as np
from jaxtyping import Float
from torch import Tensor

from cogspeech.errors import ConfigError
from cogspeech.training.monitors.base import MONITORS, Monitor
from cogspeech.training.objectives.base import Objective, Targets


@MONITORS.register("balanced_accuracy")
class BalancedAccuracy(Monitor):
    """Over the classes that the validation part has."""

    def value(
        self, objective: Objective, outputs: Float[Tensor, "recording output"], targets: Targets
    ) -> float:
        """Of the most probable class."""
        probabilities = objective.answers(outputs).probabilities
        if probabilities is None or targets.labels is None:
            raise ConfigError("training.monitor: balanced_accuracy needs classes; use loss")
        labels = targets.labels.numpy()
        is_right = probabilities.argmax(axis=1) == labels
        return float(np.mean([is_right[labels == label].mean() for label in np.unique(labels)]))
