"""``ordinal``: classes in an order, such as control, MCI, dementia."""

from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from cogspeech.config import TargetSection
from cogspeech.training.objectives.base import OBJECTIVES, Objective, Targets
from cogspeech.training.objectives.parts import (
    ClassLoss,
    ClassOptions,
    LogProbabilities,
    refuse_unless,
)
from cogspeech.types import Answers


@OBJECTIVES.register("ordinal")
class Ordinal(Objective):
    """The likelihood of the continuation-ratio model, from one logit per step of the order.

    Output k is the logit of "beyond class k, given that class k is reached". Their products fall
    from step to step, so the steps never contradict each other. These are the conditional
    probabilities of CORN (Shi, Cao and Raschka, 2023, "Deep neural networks for rank-consistent
    ordinal regression based on conditional probabilities"), whose summed losses of one recording
    are minus the log-likelihood of its class.
    """

    Options = ClassOptions
    is_ordered: ClassVar[bool] = True

    def __init__(self, options: Any, target: TargetSection) -> None:
        refuse_unless(
            len(target.classes) >= 2,
            target.classes,
            objective="ordinal",
            expected="two or more names, from the least to the most impaired,",
        )
        self.num_outputs = len(target.classes) - 1
        self._loss = ClassLoss(target.classes, options)

    def fit(self, training: Targets) -> None:
        """Takes the class weights."""
        self._loss.fit(training)

    def loss(self, outputs: Float[Tensor, "batch output"], targets: Targets) -> Float[Tensor, ""]:
        """The weighted cross-entropy of the class probabilities."""
        return self._loss(_log_probabilities(outputs), targets)

    def answers(self, outputs: Float[Tensor, "recording output"]) -> Answers:
        """One probability per class."""
        return Answers(probabilities=_log_probabilities(outputs.double().cpu()).exp().numpy())

    def evidence(self, outputs: Float[Tensor, "recording output"]) -> Float[Tensor, " recording"]:
        """The first step: the log-odds of any class but the first."""
        return outputs[:, 0]


def _log_probabilities(outputs: Float[Tensor, "batch step"]) -> LogProbabilities:
    """``log P(k) = sum of log P(beyond j) for j < k, plus log P(not beyond k)``."""
    beyond = F.pad(F.logsigmoid(outputs).cumsum(dim=1), (1, 0))
    return torch.cat([beyond[:, :-1] + F.logsigmoid(-outputs), beyond[:, -1:]], dim=1)
