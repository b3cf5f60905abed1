"""``majority``: the same answer for everybody. What a useless system reaches."""

import numpy as np

from cogspeech.evaluation.base import (
    BASELINES,
    Baseline,
    FoldAnswers,
    FoldTask,
    both_parts,
    two_classes,
)


@BASELINES.register("majority")
class Majority(Baseline):
    """The share of the second class on the training side, for every recording."""

    name = "majority"
    is_seeded = False

    def fit_predict(self, task: FoldTask) -> FoldAnswers:
        """A constant."""
        _, labels = both_parts(task)
        return FoldAnswers(test=two_classes(np.full(len(task.test), np.mean(labels))))
