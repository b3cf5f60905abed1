"""``joint``: the class and a score at once, so that each helps to learn the other."""

from typing import Any

from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from cogspeech.config import TargetSection
from cogspeech.training.objectives.base import OBJECTIVES, Objective, Targets
from cogspeech.training.objectives.parts import (
    ClassLoss,
    ClassOptions,
    LogProbabilities,
    ScoreLoss,
    ScoreOptions,
    log_odds,
    logistic,
    points,
    refuse_unless,
)
from cogspeech.types import Answers


@OBJECTIVES.register("joint")
class Joint(Objective):
    """``(1 - weight) * loss of the classes + weight * loss of the score``.

    The last output is the score. A recording without one teaches its class only.
    """

    class Options(ClassOptions, ScoreOptions):
        """``{name: joint, score: mmse, weight: 0.5, ...}``."""

        score: str = "mmse"
        """Column of the score."""
        weight: float = Field(default=0.5, gt=0, lt=1)
        """Share of the score in the loss."""

    def __init__(self, options: Any, target: TargetSection) -> None:
        classes = target.classes
        refuse_unless(len(classes) >= 2, classes, objective="joint", expected="two or more names")
        self.num_outputs = (1 if len(classes) == 2 else len(classes)) + 1
        self.score_column = options.score
        self._weight = options.weight
        self._class_loss = ClassLoss(classes, options)
        self._score_loss = ScoreLoss(options.score, options)

    def fit(self, training: Targets) -> None:
        """Takes class weights and scale."""
        self._class_loss.fit(training)
        self.score_scale = self._score_loss.scale_of(training)

    def loss(self, outputs: Float[Tensor, "batch output"], targets: Targets) -> Float[Tensor, ""]:
        """The weighted sum."""
        of_classes = self._class_loss(_log_probabilities(outputs), targets)
        of_score = self._score_loss(outputs[:, -1], targets, self.score_scale)
        total: Tensor = (1.0 - self._weight) * of_classes + self._weight * of_score
        return total

    def answers(self, outputs: Float[Tensor, "recording output"]) -> Answers:
        """Probabilities and the score in its own unit."""
        outputs = outputs.double().cpu()
        return Answers(
            probabilities=_log_probabilities(outputs).exp().numpy(),
            scores=points(outputs[:, -1], self.score_scale).numpy(),
        )

    def evidence(self, outputs: Float[Tensor, "recording output"]) -> Float[Tensor, " recording"]:
        """The log-odds of any class but the first."""
        return log_odds(_log_probabilities(outputs))


def _log_probabilities(outputs: Float[Tensor, "batch output"]) -> LogProbabilities:
    of_classes = outputs[:, :-1]
    return logistic(of_classes) if of_classes.shape[1] == 1 else of_classes.log_softmax(dim=1)
