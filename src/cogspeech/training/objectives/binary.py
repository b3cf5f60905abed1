"""``binary``: two classes from one logit."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from cogspeech.config import TargetSection
from cogspeech.training.objectives.base import OBJECTIVES, Objective, Targets
from cogspeech.training.objectives.parts import ClassLoss, ClassOptions, logistic, refuse_unless
from cogspeech.types import Answers


@OBJECTIVES.register("binary")
class Binary(Objective):
    """Cross-entropy of one logit; above 0 it speaks for the second class."""

    Options = ClassOptions
    num_outputs = 1

    def __init__(self, options: Any, target: TargetSection) -> None:
        refuse_unless(
            len(target.classes) == 2, target.classes, objective="binary", expected="two names"
        )
        self._loss = ClassLoss(target.classes, options)

    def fit(self, training: Targets) -> None:
        """Takes the class weights."""
        self._loss.fit(training)

    def loss(self, outputs: Float[Tensor, "batch output"], targets: Targets) -> Float[Tensor, ""]:
        """The weighted cross-entropy."""
        return self._loss(logistic(outputs), targets)

    def answers(self, outputs: Float[Tensor, "recording output"]) -> Answers:
        """Two probabilities."""
        return Answers(probabilities=logistic(outputs.double().cpu()).exp().numpy())

    def evidence(self, outputs: Float[Tensor, "recording output"]) -> Float[Tensor, " recording"]:
        """The logit."""
        return outputs[:, 0]
