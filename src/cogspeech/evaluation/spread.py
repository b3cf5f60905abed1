"""How far the runs of a system lie apart, and what its fits say together.

A run is one repeat with one seed. All of them are told: their mean, their standard deviation, the
lowest and the highest; nobody may report the best. The ensemble, the mean probability of the seeds,
is a system of its own with an interval of its own.

Seeds are averaged inside a repeat only. Other repeats have other folds, and answers of fits of
different folds are not on one scale (`cogspeech.evaluation.metrics`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from cogspeech.evaluation.metrics import METRICS, Scores, estimate_all, scores_of
from cogspeech.types import Estimate, Prediction, ScorePrediction

SPREAD_METRICS = ("auroc", "balanced_accuracy", "accuracy", "sensitivity", "specificity")
"""Those whose value needs no bootstrap, so that every run can have its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One metric over all runs. A standard deviation of a single thing is ``None``."""

    mean: float
    sd: float | None
    lowest: float
    highest: float
    sd_over_seeds: float | None
    """Same folds, other weights at the start: of the seeds of a repeat, averaged over repeats."""
    sd_over_repeats: float | None
    """Other folds: of the repeats, each the mean of its seeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemSpread:
    """Everything about the runs of one system."""

    n_participants: int
    n_repeats: int
    n_seeds: int
    runs: dict[str, Spread]
    ensemble: dict[str, Estimate] | None
    """``None`` where there is one seed, or a system without any: it would be the system itself."""


def spread_json(
    predictions: Sequence[Prediction | ScorePrediction], systems: Iterable[str], *, num_classes: int
) -> dict[str, Any]:
    """The spread of every system, json-able; none but for two classes."""
    of_two = [p for p in predictions if isinstance(p, Prediction)] if num_classes == 2 else []
    return {name: asdict(spread_of(of_two, name)) for name in systems} if of_two else {}


def spread_of(predictions: Sequence[Prediction], system: str) -> SystemSpread:
    """The runs of a system, and its seeds as one."""
    own = [p for p in predictions if p.system == system]
    scores = scores_of(own, system)
    repeats, seeds = (sorted({getattr(p, key) for p in own}) for key in ("repeat", "seed"))
    shape = (len(repeats), len(seeds))  # the runs of `scores_of` are sorted in this order
    runs = {name: _spread(_by_run(scores, METRICS[name], shape)) for name in SPREAD_METRICS}
    together = estimate_all(_seeds_as_one(scores, shape)) if len(seeds) > 1 else None
    return SystemSpread(
        n_participants=scores.num_participants,
        n_repeats=len(repeats),
        n_seeds=len(seeds),
        runs=runs,
        ensemble=together,
    )


def _by_run(
    scores: Scores, metric: Callable[[Scores], Estimate], shape: tuple[int, int]
) -> Float[np.ndarray, "repeat seed"]:
    values = [
        metric(replace(scores, probability=scores.probability[[run]], fold=scores.fold[[run]]))
        for run in range(len(scores.probability))
    ]
    return np.array([value.estimate for value in values]).reshape(shape)


def _spread(values: Float[np.ndarray, "repeat seed"]) -> Spread:
    repeats, seeds = values.shape
    return Spread(
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)) if values.size > 1 else None,
        lowest=float(values.min()),
        highest=float(values.max()),
        sd_over_seeds=float(values.std(axis=1, ddof=1).mean()) if seeds > 1 else None,
        sd_over_repeats=float(values.mean(axis=1).std(ddof=1)) if repeats > 1 else None,
    )


def _seeds_as_one(scores: Scores, shape: tuple[int, int]) -> Scores:
    probability = scores.probability.reshape(*shape, -1).mean(axis=1)
    return replace(scores, probability=probability, fold=scores.fold.reshape(*shape, -1)[:, 0])
