"""``majority``: the same answer for everybody. What a useless system reaches."""

import numpy as np

from cogspeech.evaluation.base import BASELINES, Baseline, FoldAnswers, FoldTask, both_parts
from cogspeech.types import Answers


@BASELINES.register("majority")
class Majority(Baseline):
    """The share of each class on the training side, for every recording."""

    name = "majority"
    is_seeded = False

    def fit_predict(self, task: FoldTask) -> FoldAnswers:
        """A constant."""
        _, labels = both_parts(task)
        shares = np.bincount(labels) / len(labels)
        return FoldAnswers(test=Answers(probabilities=np.tile(shares, (len(task.test), 1))))
