"""What several objectives share: the loss of classes, and the loss of a score."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from cogspeech.errors import ConfigError, TrainingError
from cogspeech.settings import Settings
from cogspeech.training.objectives.base import ScoreScale, Targets

LogProbabilities = Float[Tensor, "batch class"]


class ClassOptions(Settings):
    """The options of every objective with classes."""

    class_weights: Literal["balanced", "none"] = "balanced"
    """``balanced``: every class of the training part carries the same total weight."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the truth that is spread evenly over all classes (Szegedy et al., 2016)."""


class ScoreOptions(Settings):
    """The options of every objective with a score."""

    loss: Literal["huber", "mse"] = "huber"
    """Of the standardised score; ``huber`` is linear beyond one deviation (Huber, 1964)."""


class ClassLoss:
    """Cross-entropy with class weights and label smoothing.

    Args:
        classes: their names, the negative class first.
        options: how classes are weighted.
    """

    def __init__(self, classes: Sequence[str], options: ClassOptions) -> None:
        self._classes = tuple(classes)
        self._options = options
        self._weight = torch.ones(len(classes))

    def fit(self, training: Targets) -> None:
        """Takes the weights from the labels of the training part."""
        labels = [] if training.labels is None else training.labels.tolist()
        counts = [labels.count(index) for index in range(len(self._classes))]
        if 0 in counts:
            found = ", ".join(f"{n} of '{c}'" for c, n in zip(self._classes, counts, strict=True))
            raise TrainingError(
                f"a training part has recordings {found}; every class is needed, use fewer folds "
                "or more participants"
            )
        if self._options.class_weights == "balanced":
            total = sum(counts)
            self._weight = torch.tensor([total / (len(counts) * count) for count in counts])

    def __call__(self, log_probabilities: LogProbabilities, targets: Targets) -> Float[Tensor, ""]:
        """The weighted mean over the batch."""
        if targets.labels is None:
            raise TrainingError("recordings have no label; expected one for each")
        smoothing = self._options.label_smoothing
        truth = F.one_hot(targets.labels, len(self._classes)).to(log_probabilities)
        truth = truth * (1.0 - smoothing) + smoothing / len(self._classes)
        weight = self._weight.to(log_probabilities)[targets.labels]
        return -(weight * (truth * log_probabilities).sum(dim=1)).mean()


class ScoreLoss:
    """Distance of one output from the score, in deviations of the training part.

    Args:
        column: of the score, for messages.
        options: which distance.
    """

    def __init__(self, column: str, options: ScoreOptions) -> None:
        self._column = column
        self._options = options

    def scale_of(self, training: Targets) -> ScoreScale:
        """Mean and deviation of the scores of the training part."""
        known = torch.empty(0)
        if training.scores is not None and training.has_score is not None:
            known = training.scores[training.has_score].double()
        if len(known) < 2 or not float(known.std()) > 0:
            raise TrainingError(
                f"a training part has {len(known)} recordings with a number in '{self._column}'; "
                "at least two that differ are needed"
            )
        return ScoreScale(mean=float(known.mean()), deviation=float(known.std(correction=0)))

    def __call__(
        self, outputs: Float[Tensor, " batch"], targets: Targets, scale: ScoreScale | None
    ) -> Float[Tensor, ""]:
        """The mean over the batch, to which a recording without a score adds nothing."""
        if targets.scores is None or targets.has_score is None or scale is None:
            raise TrainingError(f"recordings have no '{self._column}'; expected a number")
        wanted = (targets.scores - scale.mean) / scale.deviation
        distance = F.huber_loss if self._options.loss == "huber" else F.mse_loss
        each: Tensor = distance(outputs, wanted.to(outputs), reduction="none")
        return each.masked_fill(~targets.has_score, 0.0).mean()


def points(outputs: Float[Tensor, " recording"], scale: ScoreScale | None) -> Tensor:
    """Outputs in the unit of the score."""
    if scale is None:
        raise ValueError("the objective was not fitted")
    return outputs.double() * scale.deviation + scale.mean


def refuse_unless(fits: bool, classes: Sequence[str], *, objective: str, expected: str) -> None:
    """One line about a number of classes that an objective cannot tell.

    Raises:
        ConfigError: it does not fit.
    """
    if not fits:
        raise ConfigError(
            f"objective {objective}: expected {expected} in target.classes, found {len(classes)}"
        )


def log_odds(log_probabilities: LogProbabilities) -> Float[Tensor, " batch"]:
    """Of any class but the first."""
    return log_probabilities[:, 1:].logsumexp(dim=1) - log_probabilities[:, 0]


def logistic(outputs: Float[Tensor, "batch 1"]) -> LogProbabilities:
    """Two classes from one logit, which speaks for the second."""
    return torch.cat([F.logsigmoid(-outputs), F.logsigmoid(outputs)], dim=1)
