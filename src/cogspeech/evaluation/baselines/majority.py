"""``majority``: the same answer for everybody. What a useless system reaches."""

import numpy as np
from jaxtyping import Float

from cogspeech.evaluation.base import BASELINES, Baseline, FoldTask, both_parts


@BASELINES.register("majority")
class Majority(Baseline):
    """The share of the second class on the training side, for every recording."""

    name = "majority"
    is_seeded = False

    def fit_predict(self, task: FoldTask) -> Float[np.ndarray, " test"]:
        """A constant."""
        _, labels = both_parts(task)
        return np.full(len(task.test), np.mean(labels))
