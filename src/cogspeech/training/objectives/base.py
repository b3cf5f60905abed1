"""What a fit makes small, and what the outputs of a model mean.

Axes: ``recording`` (or ``batch``), ``output`` (what a fusion gives per recording), ``class``.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor

from cogspeech.config import TargetSection, parse_options
from cogspeech.corpora.base import score_of
from cogspeech.errors import ConfigError
from cogspeech.registry import Registry
from cogspeech.settings import Component, Settings
from cogspeech.types import Answers, Corpus, Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What is known of recordings; an objective reads the side it is about."""

    labels: Int[Tensor, " recording"] | None = None
    """Positions in the classes."""
    scores: Float[Tensor, " recording"] | None = None
    """Such as MMSE points; of no meaning where `has_score` is false."""
    has_score: Bool[Tensor, " recording"] | None = None

    @classmethod
    def of(cls, labels: Sequence[int], scores: Sequence[float | None]) -> "Targets":
        """From the numbers of a part; a side without any is not known."""
        return cls(
            labels=torch.tensor(labels) if labels else None,
            scores=torch.tensor([score or 0.0 for score in scores]) if scores else None,
            has_score=torch.tensor([s is not None for s in scores]) if scores else None,
        )

    def rows(self, indices: Sequence[int], device: torch.device | str) -> "Targets":
        """Those of some recordings, on a device."""
        chosen = [
            side if side is None else side[list(indices)].to(device)
            for side in (self.labels, self.scores, self.has_score)
        ]
        return Targets(labels=chosen[0], scores=chosen[1], has_score=chosen[2])


class ScoreScale(Settings):
    """Mean and deviation of a score in a training part."""

    mean: Annotated[float, Field(allow_inf_nan=False)]
    deviation: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Objective(ABC):
    """Contract of all objectives: made from its own options and the target of the study.

    `num_outputs` and `answers` need no fit, but that of a score needs `score_scale`.
    """

    Options: ClassVar[type[Settings]]
    has_classes: ClassVar[bool] = True
    """False: the target is a number, and there are no classes."""
    is_ordered: ClassVar[bool] = False
    """True: the classes have an order."""
    num_outputs: int
    """What a fusion has to give per recording."""
    score_column: str | None = None
    """The column of the score, where there is one."""
    score_scale: ScoreScale | None = None
    """Set by `fit`, or from a bundle."""

    @abstractmethod
    def __init__(self, options: Any, target: TargetSection) -> None: ...

    @abstractmethod
    def fit(self, training: Targets) -> None:
        """Takes class weights and the scale of the score from the training part alone.

        Raises:
            TrainingError: a class is absent, or there is no score to learn.
        """

    @abstractmethod
    def loss(self, outputs: Float[Tensor, "batch output"], targets: Targets) -> Float[Tensor, ""]:
        """The mean over the batch."""

    @abstractmethod
    def answers(self, outputs: Float[Tensor, "recording output"]) -> Answers:
        """Probabilities of the classes, the score, or both; on the CPU in float64."""

    @abstractmethod
    def evidence(self, outputs: Float[Tensor, "recording output"]) -> Float[Tensor, " recording"]:
        """The one number that explanations take apart.

        The log-odds of any class but the first, or the score in deviations of the training part.
        """


OBJECTIVES: Registry[type[Objective]] = Registry("objective", "cogspeech.training.objectives")


def complete_target(target: TargetSection) -> TargetSection:
    """The target with an objective, and without classes where that tells a number.

    Raises:
        ConfigError: the objective or one of its options does not exist or does not fit.
    """
    objective, classes = _chosen(target), target.classes
    if not OBJECTIVES.get(objective.name).has_classes:
        if classes and "classes" in target.model_fields_set:
            raise ConfigError(
                f"objective {objective.name} tells a number; leave out target.classes, found "
                f"{', '.join(classes)}"
            )
        classes = ()
    completed = target.model_copy(update={"objective": objective, "classes": classes})
    _make(completed, objective)
    return completed


def build_objective(target: TargetSection) -> Objective:
    """The objective of a target, not fitted yet.

    Raises:
        ConfigError: the objective or one of its options does not exist or does not fit.
    """
    return _make(complete_target(target), _chosen(target))


def _make(target: TargetSection, chosen: Component) -> Objective:
    plugin = OBJECTIVES.get(chosen.name)
    options = parse_options(plugin.Options, chosen.options, where=f"objective {chosen.name}")
    return plugin(options, target)


def _chosen(target: TargetSection) -> Component:
    """Without an objective, two classes are ``binary`` and more are ``multiclass``."""
    default = "binary" if len(target.classes) == 2 else "multiclass"
    return target.objective or Component(name=default)


def scores_for(target: TargetSection, recordings: Sequence[Recording]) -> tuple[float | None, ...]:
    """The scores that the objective of a target learns from; none where it reads no score.

    Raises:
        CorpusError: a cell is no number.
    """
    column = build_objective(target).score_column
    return tuple(score_of(r, column, target) for r in recordings) if column else ()


def with_scores(corpus: Corpus, target: TargetSection) -> Corpus:
    """The corpus with the number that the target asks for in every recording that has it.

    Raises:
        CorpusError: a cell is no number.
    """
    scores = scores_for(target, corpus.recordings) or [None] * len(corpus.recordings)
    scored = zip(corpus.recordings, scores, strict=True)
    return replace(corpus, recordings=tuple(replace(r, score=score) for r, score in scored))
