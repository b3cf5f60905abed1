"""Baselines that look at a fixed list of features of a recording."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from cogspeech.evaluation.base import (
    Baseline,
    FoldAnswers,
    FoldTask,
    both_parts,
    without_answers,
)
from cogspeech.evaluation.feature_model import Kind, fit_features
from cogspeech.types import Answers, Case


class FeatureBaseline(Baseline):
    """A linear classifier of what `vector` says, which is asked once per recording."""

    is_seeded = False
    kind: ClassVar[Kind] = "logistic"
    looks_at: ClassVar[str]
    """What it needs of a recording, as the end of "no recording has ..."."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Case, Float[np.ndarray, " feature"]]] = {}

    @abstractmethod
    def vector(self, case: Case) -> Float[np.ndarray, " feature"]:
        """The features of a recording in a fixed order; NaN where one is unknown.

        Args:
            case: without its label, its scores and its further columns, in training as in a test.
        """

    def why_not(self, cases: Sequence[Case]) -> str | None:
        """Nothing to look at in any recording."""
        return (
            None if np.isfinite(self._matrix(cases)).any() else f"no recording has {self.looks_at}"
        )

    def fit_predict(self, task: FoldTask) -> FoldAnswers:
        """Fits on the whole training side; nothing is chosen on the test cases."""
        cases, labels = both_parts(task)
        people = [case.recording.participant_id for case in cases]
        found = fit_features(
            self._matrix(cases), labels, people, self._matrix(task.test), kind=self.kind
        )
        return FoldAnswers(test=Answers(probabilities=found))

    def _matrix(self, cases: Sequence[Case]) -> Float[np.ndarray, "case feature"]:
        return np.stack([self._vector_of(case) for case in cases])

    def _vector_of(self, case: Case) -> Float[np.ndarray, " feature"]:
        """Kept for the other folds; the same recording with other words is another case."""
        seen = without_answers(case)
        kept = self._kept.get(case.recording.recording_id)
        if kept and _is_same(kept[0], seen):
            return kept[1]
        vector = self.vector(seen)
        self._kept[case.recording.recording_id] = (seen, vector)
        return vector


def _is_same(a: Case, b: Case) -> bool:
    return a.transcript is b.transcript and a.embedded is b.embedded and a.recording == b.recording


def in_order(features: Mapping[str, float], names: Sequence[str]) -> Float[np.ndarray, " feature"]:
    """Named features in the order of ``names``; NaN where one is unknown."""
    return np.array([features.get(name, np.nan) for name in names], dtype=np.float64)
