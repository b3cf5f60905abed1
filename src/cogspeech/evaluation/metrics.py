"""Metrics of out-of-fold predictions: one number per participant, runs averaged, never the best.

A run is one repeat with one seed: it says something about every participant exactly once. A
participant's probability is the mean over their recordings; decisions fall at 0.5, which nobody
chose on these data. Every metric is computed per run and averaged over the runs.

AUROC and AUPRC compare only participants of the same test fold. Fits of different folds are not on
one scale: pooling them biases the area downwards, most of all where there is nothing to find
(Parker et al., 2007; Airola et al., 2011).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cogspeech.evaluation.intervals import (
    bootstrap_counts,
    logit_interval,
    percentile_interval,
    wilson,
)
from cogspeech.types import Estimate, Prediction

THRESHOLD = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The predictions of one system, one column per participant, one row per run."""

    participants: tuple[str, ...]
    labels: Int[np.ndarray, " participant"]
    probability: Float[np.ndarray, "run participant"]
    fold: Int[np.ndarray, "run participant"]

    @property
    def num_participants(self) -> int:
        """How many people there are."""
        return len(self.participants)


def scores_of(predictions: Sequence[Prediction], system: str) -> Scores:
    """The predictions of one system by participant.

    Raises:
        ValueError: a run says nothing about one of the participants.
    """
    own = [p for p in predictions if p.system == system]
    participants = tuple(sorted({p.participant_id for p in own}))
    runs = sorted({(p.repeat, p.seed) for p in own})
    column = {name: index for index, name in enumerate(participants)}
    row = {run: index for index, run in enumerate(runs)}
    total = np.zeros((len(runs), len(participants)))
    count = np.zeros_like(total)
    fold = np.zeros(total.shape, dtype=np.int64)
    labels = np.zeros(len(participants), dtype=np.int64)
    for p in own:
        place = row[p.repeat, p.seed], column[p.participant_id]
        total[place] += p.probability
        count[place] += 1
        fold[place] = p.fold
        labels[place[1]] = p.label
    if not count.all():
        raise ValueError(f"system '{system}': a run lacks predictions for some participants")
    return Scores(participants=participants, labels=labels, probability=total / count, fold=fold)


def auroc_parts(
    scores: Scores,
) -> tuple[float, Float[np.ndarray, " positive"], Float[np.ndarray, " negative"]]:
    """The AUROC and each participant's share in it (DeLong et al., 1988), averaged over runs.

    The shares of the positives have the AUROC as their mean, and so do those of the negatives.
    """
    is_positive = scores.labels == 1
    of_positives = np.zeros(int(is_positive.sum()))
    of_negatives = np.zeros(int((~is_positive).sum()))
    for probability, fold in zip(scores.probability, scores.fold, strict=True):
        positive, negative = probability[is_positive], probability[~is_positive]
        wins = (positive[:, None] > negative[None, :]) + 0.5 * (
            positive[:, None] == negative[None, :]
        )
        comparable = fold[is_positive][:, None] == fold[~is_positive][None, :]
        wins = wins * comparable / comparable.sum()
        of_positives += wins.sum(axis=1) * len(positive)
        of_negatives += wins.sum(axis=0) * len(negative)
    runs = len(scores.probability)
    of_positives, of_negatives = of_positives / runs, of_negatives / runs
    return float(of_positives.mean()), of_positives, of_negatives


def auroc_error(
    of_positives: Float[np.ndarray, " positive"], of_negatives: Float[np.ndarray, " negative"]
) -> float:
    """The standard error of an AUROC, or of a difference of two, from the participants' shares."""
    variance = sum(
        float(np.var(shares, ddof=1)) / len(shares) if len(shares) > 1 else 0.25
        for shares in (of_positives, of_negatives)
    )
    return float(np.sqrt(variance))


def _auroc(scores: Scores) -> Estimate:
    estimate, of_positives, of_negatives = auroc_parts(scores)
    low, high = logit_interval(
        estimate,
        auroc_error(of_positives, of_negatives),
        num_positive=len(of_positives),
        num_negative=len(of_negatives),
    )
    return Estimate(estimate=estimate, low=low, high=high, n=scores.num_participants)


Weights = Float[np.ndarray, "draw participant"]
WeightedMetric = Callable[[Scores, Weights], Float[np.ndarray, " draw"]]


def _bootstrapped(metric: WeightedMetric) -> Callable[[Scores], Estimate]:
    """A metric of weighted participants, with a bootstrap interval over participants."""

    def estimate(scores: Scores) -> Estimate:
        value = float(metric(scores, np.ones((1, scores.num_participants)))[0])
        low, high = percentile_interval(value, metric(scores, bootstrap_counts(scores.labels)))
        return Estimate(estimate=value, low=low, high=high, n=scores.num_participants)

    return estimate


def _auprc(scores: Scores, weights: Weights) -> Float[np.ndarray, " draw"]:
    """Average precision inside each fold, weighted by the fold's positives."""
    total = np.zeros(len(weights))
    positives = np.zeros(len(weights))
    for probability, fold in zip(scores.probability, scores.fold, strict=True):
        for number in np.unique(fold):
            inside = fold == number
            order = np.argsort(-probability[inside], kind="stable")
            ranked = probability[inside][order]
            drawn = weights[:, inside][:, order]
            hit = drawn * scores.labels[inside][order]
            # Equal probabilities share the precision at the end of their tie.
            end = np.searchsorted(-ranked, -ranked, side="right") - 1
            seen = drawn.cumsum(axis=1)[:, end]
            precision = hit.cumsum(axis=1)[:, end] / np.where(seen > 0, seen, 1.0)
            total += (hit * precision).sum(axis=1)
            positives += hit.sum(axis=1)
    return total / np.where(positives > 0, positives, 1.0)


def _rates(
    scores: Scores, weights: Weights
) -> tuple[Float[np.ndarray, "draw run"], Float[np.ndarray, "draw run"]]:
    """Sensitivity and specificity of every run."""
    decided = (scores.probability >= THRESHOLD).astype(float)  # (run, participant)
    positive = weights * scores.labels
    negative = weights * (1 - scores.labels)
    sensitivity = positive @ decided.T / positive.sum(axis=1, keepdims=True)
    specificity = negative @ (1.0 - decided).T / negative.sum(axis=1, keepdims=True)
    return sensitivity, specificity


def _balanced_accuracy(scores: Scores, weights: Weights) -> Float[np.ndarray, " draw"]:
    sensitivity, specificity = _rates(scores, weights)
    return np.asarray((sensitivity + specificity).mean(axis=1) / 2)


def _f1(scores: Scores, weights: Weights) -> Float[np.ndarray, " draw"]:
    decided = (scores.probability >= THRESHOLD).astype(float)
    hits = (weights * scores.labels) @ decided.T
    called = weights @ decided.T
    real = (weights * scores.labels).sum(axis=1, keepdims=True)
    return np.asarray((2 * hits / (called + real)).mean(axis=1))


def _brier(scores: Scores, weights: Weights) -> Float[np.ndarray, " draw"]:
    squared = np.square(scores.probability - scores.labels).mean(axis=0)
    return np.asarray(weights @ squared / weights.sum(axis=1))


def _proportion(of_class: int | None) -> Callable[[Scores], Estimate]:
    """The share of right decisions, among all or one class, with Wilson's interval."""

    def estimate(scores: Scores) -> Estimate:
        right = (scores.probability >= THRESHOLD) == (scores.labels == 1)
        chosen = (
            np.ones_like(scores.labels, bool) if of_class is None else scores.labels == of_class
        )
        value, n = float(right[:, chosen].mean()), int(chosen.sum())
        low, high = wilson(value, n)
        return Estimate(estimate=value, low=low, high=high, n=n)

    return estimate


METRICS: dict[str, Callable[[Scores], Estimate]] = {
    "auroc": _auroc,
    "auprc": _bootstrapped(_auprc),
    "balanced_accuracy": _bootstrapped(_balanced_accuracy),
    "accuracy": _proportion(None),
    "sensitivity": _proportion(1),
    "specificity": _proportion(0),
    "f1": _bootstrapped(_f1),
    "brier": _bootstrapped(_brier),
}


def estimate_all(scores: Scores) -> dict[str, Estimate]:
    """Every metric of one system."""
    return {name: metric(scores) for name, metric in METRICS.items()}
