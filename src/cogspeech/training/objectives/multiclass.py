"""``multiclass``: any number of classes without an order."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from cogspeech.config import TargetSection
from cogspeech.training.objectives.base import OBJECTIVES, Objective, Targets
from cogspeech.training.objectives.parts import ClassLoss, ClassOptions, log_odds, refuse_unless
from cogspeech.types import Answers


@OBJECTIVES.register("multiclass")
class Multiclass(Objective):
    """Cross-entropy of a softmax over one output per class."""

    Options = ClassOptions

    def __init__(self, options: Any, target: TargetSection) -> None:
        refuse_unless(
            len(target.classes) >= 2,
            target.classes,
            objective="multiclass",
            expected="two or more names",
        )
        self.num_outputs = len(target.classes)
        self._loss = ClassLoss(target.classes, options)

    def fit(self, training: Targets) -> None:
        """Takes the class weights."""
        self._loss.fit(training)

    def loss(self, outputs: Float[Tensor, "batch output"], targets: Targets) -> Float[Tensor, ""]:
        """The weighted cross-entropy."""
        return self._loss(outputs.log_softmax(dim=1), targets)

    def answers(self, outputs: Float[Tensor, "recording output"]) -> Answers:
        """One probability per class."""
        return Answers(probabilities=outputs.double().cpu().softmax(dim=1).numpy())

    def evidence(self, outputs: Float[Tensor, "recording output"]) -> Float[Tensor, " recording"]:
        """The log-odds of any class but the first."""
        return log_odds(outputs.log_softmax(dim=1))
