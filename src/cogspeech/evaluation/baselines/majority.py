"""``majority``: the same answer for everybody. What a useless system reaches."""

from typing import ClassVar

import numpy as np

from cogspeech.evaluation.base import (
    BASELINES,
    Baseline,
    FoldAnswers,
    FoldTask,
    both_parts,
    mean_score,
)
from cogspeech.types import Answers


@BASELINES.register("majority")
class Majority(Baseline):
    """The share of every class, and the mean score, of the training side, for every recording."""

    name = "majority"
    is_seeded = False
    tells_scores: ClassVar[bool] = True

    def fit_predict(self, task: FoldTask) -> FoldAnswers:
        """A constant."""
        cases, labels = both_parts(task)
        scores = task.train_scores + task.validation_scores
        mean = mean_score([case.recording for case in cases], scores) if scores else None
        shape = (len(task.test), 1)
        shares = np.bincount(labels, minlength=2) / len(labels) if labels else None
        return FoldAnswers(
            test=Answers(
                probabilities=None if shares is None else np.tile(shares, shape),
                scores=None if mean is None else np.full(len(task.test), mean),
            )
        )
