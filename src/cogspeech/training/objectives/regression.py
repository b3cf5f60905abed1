"""``regression``: a number, such as the points of the MMSE."""

from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor

from cogspeech.config import TargetSection
from cogspeech.training.objectives.base import OBJECTIVES, Objective, Targets
from cogspeech.training.objectives.parts import ScoreLoss, ScoreOptions, points
from cogspeech.types import Answers


@OBJECTIVES.register("regression")
class Regression(Objective):
    """One output: the target column, standardised by the training part."""

    Options = ScoreOptions
    has_classes: ClassVar[bool] = False
    num_outputs = 1

    def __init__(self, options: Any, target: TargetSection) -> None:
        self.score_column = target.column
        self._loss = ScoreLoss(target.column, options)

    def fit(self, training: Targets) -> None:
        """Takes the scale."""
        self.score_scale = self._loss.scale_of(training)

    def loss(self, outputs: Float[Tensor, "batch output"], targets: Targets) -> Float[Tensor, ""]:
        """The mean distance in deviations."""
        return self._loss(outputs[:, 0], targets, self.score_scale)

    def answers(self, outputs: Float[Tensor, "recording output"]) -> Answers:
        """The score in its own unit."""
        return Answers(scores=points(outputs[:, 0].cpu(), self.score_scale).numpy())

    def evidence(self, outputs: Float[Tensor, "recording output"]) -> Float[Tensor, " recording"]:
        """The score in deviations."""
        return outputs[:, 0]
