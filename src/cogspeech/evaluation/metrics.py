"""Metrics of out-of-fold predictions: one number per participant, runs averaged, never the best.

A run is one repeat with one seed: it says something about every participant exactly once. A
participant's probability is the mean over their recordings; decisions fall at 0.5, which nobody
chose on these data. Every metric is computed per run and averaged over the runs.

AUROC and AUPRC compare only participants of the same test fold. Fits of different folds are not on
one scale: pooling them biases the area downwards, most of all where there is nothing to find
(Parker et al., 2007; Airola et al., 2011). Where every participant is a fold of their own, see
`Scores.comparable`.

The fits of a cross-validation share most of their training participants, so their results are not
independent. Every interval is widened for that with the factor of Nadeau and Bengio (2003), see
`Scores.variance_factor`; without it, 15 to 20 % of the intervals miss 0.5 where there is nothing to
find (docs/explanation/intervals.md). Where repeats show how much hangs on who was trained on, AUROC
and the accuracies are widened by no more than that, see `measured_factor`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from cogspeech.evaluation.intervals import (
    bca_interval,
    bootstrap_counts,
    bootstrap_error,
    logit_interval,
    measured_factor,
    wilson,
)
from cogspeech.types import Estimate, Prediction

THRESHOLD = 0.5
CHANCE = 0.5
"""The AUROC of whoever sees nothing."""
LOWER_IS_BETTER = frozenset({"brier", "mae", "rmse", "class_distance"})
"""Of every target's metrics."""
BETWEEN_OF_AUROC, BETWEEN_OF_ACCURACY = 3.0, 1.0
"""How much the variance between repeats counts in `measured_factor`."""
BLOCK_DRAWS = 1000
"""Resamples that are worked on at once, so that they stay in the processor's cache."""


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

    @property
    def variance_factor(self) -> float:
        """By how much shared training sides enlarge the variance."""
        return variance_factor(self.fold)

    @property
    def num_folds(self) -> int:
        """Into how many folds a run divides the participants, however the folds are numbered."""
        return num_folds(self.fold)

    @property
    def repeats(self) -> "tuple[Scores, ...]":
        """Each time the participants were divided anew, with all of its seeds."""
        _, repeat = np.unique(self.fold, axis=0, return_inverse=True)
        rows = (np.flatnonzero(repeat == number) for number in np.unique(repeat))
        return tuple(
            replace(self, probability=self.probability[own], fold=self.fold[own]) for own in rows
        )

    @property
    def comparable(self) -> Int[np.ndarray, "run participant"]:
        """Inside which groups participants may be compared: those of one test fold.

        Where every fold tests one participant, no fold has anybody to compare with, so all are
        compared; see `cogspeech.corpora.splits.plan_each_alone` for what makes that possible.
        """
        tested_alone = self.num_participants > 1 and all(
            len(np.unique(folds)) == self.num_participants for folds in self.fold
        )
        return np.zeros_like(self.fold) if tested_alone else self.fold

    @property
    def can_be_ranked(self) -> bool:
        """Whether every run has two participants of different classes who may be compared."""
        return all(
            set(fold[self.labels == 0].tolist()) & set(fold[self.labels == 1].tolist())
            for fold in self.comparable
        )


def num_folds(fold: Int[np.ndarray, "run participant"]) -> int:
    """Of the run with most; repeats may share the numbers of their folds or go on counting."""
    return max(len(np.unique(of_run)) for of_run in fold)


def variance_factor(fold: Int[np.ndarray, "run participant"]) -> float:
    """By how much shared training sides enlarge the variance: 1 + tested / trained on.

    With K folds that is 1 + K / (K - 1); with a single fold, a test set of its own, 1.
    """
    folds = num_folds(fold)
    return 1.0 + folds / (folds - 1) if folds > 1 else 1.0


def _measured(
    scores: Scores, value: Callable[[Scores], float], variance: float, between: float
) -> float:
    """The `measured_factor` of a metric, given its variance over participants."""
    of_repeats = [value(each) for each in scores.repeats]
    return measured_factor(of_repeats, variance, between=between, most=scores.variance_factor)


def scores_of(predictions: Sequence[Prediction], system: str) -> Scores:
    """The predictions of one system by participant.

    Of more than two classes this is the binary view: any class but the first, against the first.

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
        labels[place[1]] = p.label > 0
    if not count.all():
        raise ValueError(f"system '{system}': a run lacks predictions for some participants")
    return Scores(participants=participants, labels=labels, probability=total / count, fold=fold)


def auroc_parts(
    scores: Scores,
) -> tuple[float, Float[np.ndarray, " positive"], Float[np.ndarray, " negative"]]:
    """The AUROC and each participant's share in it, averaged over runs.

    The AUROC of a run is the mean over its comparable pairs, those of one test fold. A share is
    the AUROC plus how far the participant's own wins lie from the fold's mean (the structural
    components of DeLong et al., 1988, per fold), scaled so that the variance of the shares over
    their number is the sum of the folds' own variances.
    """
    is_positive = scores.labels == 1
    total = 0.0
    of_positives, of_negatives = np.zeros(is_positive.sum()), np.zeros((~is_positive).sum())
    for probability, fold in zip(scores.probability, scores.comparable, strict=True):
        auroc, positives, negatives = _run_parts(
            probability[is_positive],
            probability[~is_positive],
            fold[is_positive],
            fold[~is_positive],
        )
        total = total + auroc
        of_positives = of_positives + positives
        of_negatives = of_negatives + negatives
    runs = len(scores.probability)
    return total / runs, of_positives / runs, of_negatives / runs


def _run_parts(
    positive: Float[np.ndarray, " positive"],
    negative: Float[np.ndarray, " negative"],
    fold_of_positive: Int[np.ndarray, " positive"],
    fold_of_negative: Int[np.ndarray, " negative"],
) -> tuple[float, Float[np.ndarray, " positive"], Float[np.ndarray, " negative"]]:
    won = {}
    for fold in np.unique(fold_of_positive):
        rows, columns = fold_of_positive == fold, fold_of_negative == fold
        if columns.any():
            margin = positive[rows][:, None] - negative[columns][None, :]
            won[int(fold)] = (margin > 0) + 0.5 * (margin == 0)
    num_pairs = sum(wins.size for wins in won.values())
    # A whole number of half wins: exact at 0, 0.5 and 1.
    auroc = sum(wins.sum() for wins in won.values()) / num_pairs
    return (
        float(auroc),
        auroc + _shares(won, fold_of_positive, axis=1),
        auroc + _shares(won, fold_of_negative, axis=0),
    )


def _shares(
    won: Mapping[int, Float[np.ndarray, "_ _"]],
    fold_of_own: Int[np.ndarray, " own"],
    *,
    axis: int,
) -> Float[np.ndarray, " own"]:
    """How far each participant of a class lies from the others of the fold; ``axis``: the rivals.

    Who is alone of their class in a fold is set against the others who are alone in theirs. Where
    both sides of a fold are alone, each carries half of the variance.
    """
    share = np.zeros(len(fold_of_own))
    num_pairs = sum(wins.size for wins in won.values())
    weight = {f: wins.size * math.sqrt(0.5 if wins.size == 1 else 1.0) for f, wins in won.items()}
    alone = [fold for fold, wins in won.items() if wins.shape[1 - axis] == 1]
    middle = sum(weight[f] * won[f].mean() for f in alone) / (sum(weight[f] for f in alone) or 1)
    for fold, wins in won.items():
        is_alone = fold in alone
        count = len(alone) if is_alone else wins.shape[1 - axis]
        scale = weight[fold] / num_pairs / wins.shape[1 - axis] * len(share)
        margin = wins.mean(axis=axis) - (middle if is_alone else wins.mean())
        share[fold_of_own == fold] = margin * scale * math.sqrt(count / max(count - 1, 1))
    return share


def auroc_error(
    of_positives: Float[np.ndarray, " positive"], of_negatives: Float[np.ndarray, " negative"]
) -> float:
    """The standard error of an AUROC, or of a difference of two, from the participants' shares."""
    variance = sum(np.var(shares) / len(shares) for shares in (of_positives, of_negatives))
    return float(np.sqrt(variance))


def _auroc(scores: Scores) -> Estimate:
    """On the logit scale; an interval that holds 0.5 keeps the whole factor.

    So no measured factor ever makes a result better, or worse, than chance.
    """
    estimate, *parts = auroc_parts(scores)
    error = auroc_error(*parts)

    def interval(factor: float) -> tuple[float, float]:
        smaller = min(map(len, parts)) / factor
        return logit_interval(estimate, error * math.sqrt(factor), smaller_class=smaller)

    low, high = interval(scores.variance_factor)
    if not low <= CHANCE <= high:
        low, high = interval(
            _measured(scores, lambda own: auroc_parts(own)[0], error**2, BETWEEN_OF_AUROC)
        )
    return Estimate(estimate=estimate, low=low, high=high, n=scores.num_participants)


Weights = Float[np.ndarray, "draw participant"]
WeightedMetric = Callable[[Scores, Weights], Float[np.ndarray, " draw"]]


def _bootstrapped(metric: WeightedMetric) -> Callable[[Scores], Estimate]:
    """A metric of weighted participants, with a bootstrap interval over participants."""

    def estimate(scores: Scores) -> Estimate:
        value = float(metric(scores, np.ones((1, scores.num_participants)))[0])
        draws = metric(scores, bootstrap_counts(scores.labels))
        low, high = bca_interval(
            value,
            draws,
            metric(scores, 1.0 - np.eye(scores.num_participants)),
            smaller_class=int(np.bincount(scores.labels).min()),
            widen=math.sqrt(scores.variance_factor),
        )
        return Estimate(estimate=value, low=low, high=high, n=scores.num_participants)

    return estimate


def _auprc(scores: Scores) -> Estimate:
    """Average precision, with the interval on the logit scale (Boyd et al., 2013).

    A resample of a small fold holds its best ranked participants twice and has a higher precision,
    so the resamples tell the spread and not the place.
    """
    value = float(_precision(scores, np.ones((1, scores.num_participants)))[0])
    smaller = int(np.bincount(scores.labels).min())
    draws = _precision(scores, bootstrap_counts(scores.labels))
    error = bootstrap_error(draws, smaller_class=smaller, groups=num_folds(scores.comparable))
    low, high = logit_interval(
        value,
        error * math.sqrt(scores.variance_factor),
        smaller_class=smaller / scores.variance_factor,
    )
    return Estimate(estimate=value, low=low, high=high, n=scores.num_participants)


def _precision(scores: Scores, weights: Weights) -> Float[np.ndarray, " draw"]:
    """Average precision inside each fold, weighted by the fold's positives."""
    blocks = np.array_split(weights, math.ceil(len(weights) / BLOCK_DRAWS))
    return np.concatenate([_precision_of_block(scores, block) for block in blocks])


def _precision_of_block(scores: Scores, weights: Weights) -> Float[np.ndarray, " draw"]:
    by_participant = np.ascontiguousarray(weights.T)
    total, positives = np.zeros(len(weights)), np.zeros(len(weights))
    for probability, fold in zip(scores.probability, scores.comparable, strict=True):
        for number in np.unique(fold):
            inside = np.flatnonzero(fold == number)
            drawn = by_participant[inside]
            is_hit = scores.labels[inside] == 1
            hits = drawn[is_hit]
            # Who is ranked as high as each positive; equal ones share the end of their tie.
            ranked = probability[inside] >= probability[inside][is_hit][:, None]
            seen = ranked.astype(weights.dtype) @ drawn
            found = ranked[:, is_hit].astype(weights.dtype) @ hits
            # Nobody is seen only where the positive itself was not drawn: then its hits are 0.
            total += (hits * found / np.maximum(seen, 1.0)).sum(axis=0)
            positives += hits.sum(axis=0)
    return total / np.where(positives > 0, positives, 1.0)


def _balanced_accuracy(scores: Scores) -> Estimate:
    """The mean of sensitivity and specificity; their Wilson limits combined (MOVER).

    Zou and Donner (2008): the distance of each limit is the root of the summed squared distances.
    """
    shares = [
        (_right_share(scores, label), int((scores.labels == label).sum())) for label in (0, 1)
    ]
    value = sum(share for share, _ in shares) / 2
    factor = _measured(
        scores,
        lambda own: (_right_share(own, 0) + _right_share(own, 1)) / 2,
        sum(share * (1 - share) / n for share, n in shares) / 4,
        BETWEEN_OF_ACCURACY,
    )
    limits = [wilson(share, n / factor) for share, n in shares]
    down, up = (
        math.hypot(*(share - limit[side] for (share, _), limit in zip(shares, limits, strict=True)))
        for side in (0, 1)
    )
    return Estimate(
        estimate=value, low=value - down / 2, high=value + up / 2, n=scores.num_participants
    )


def _f1(scores: Scores, weights: Weights) -> Float[np.ndarray, " draw"]:
    decided = (scores.probability >= THRESHOLD).astype(weights.dtype)
    is_real = scores.labels == 1
    hits = weights[:, is_real] @ decided[:, is_real].T
    called = weights @ decided.T
    real = weights[:, is_real].sum(axis=1, keepdims=True)
    return np.asarray((2 * hits / (called + real)).mean(axis=1))


def _brier(scores: Scores, weights: Weights) -> Float[np.ndarray, " draw"]:
    squared = np.square(scores.probability - scores.labels).mean(axis=0)
    return np.asarray(weights @ squared / weights.sum(axis=1))


def _right_share(scores: Scores, of_class: int | None = None) -> float:
    """The share of right decisions, among all or one class, the runs averaged."""
    right = (scores.probability >= THRESHOLD) == (scores.labels == 1)
    return float((right if of_class is None else right[:, scores.labels == of_class]).mean())


def _accuracy(scores: Scores) -> Estimate:
    value, n = _right_share(scores), scores.num_participants
    factor = _measured(scores, _right_share, value * (1 - value) / n, BETWEEN_OF_ACCURACY)
    low, high = wilson(value, n / factor)
    return Estimate(estimate=value, low=low, high=high, n=n)


def _of_class(label: int) -> Callable[[Scores], Estimate]:
    """The share of right decisions in one class, with Wilson's interval."""

    def estimate(scores: Scores) -> Estimate:
        value, n = _right_share(scores, label), int((scores.labels == label).sum())
        low, high = wilson(value, n / scores.variance_factor)
        return Estimate(estimate=value, low=low, high=high, n=n)

    return estimate


METRICS: dict[str, Callable[[Scores], Estimate]] = {
    "auroc": _auroc,
    "auprc": _auprc,
    "balanced_accuracy": _balanced_accuracy,
    "accuracy": _accuracy,
    "sensitivity": _of_class(1),
    "specificity": _of_class(0),
    "f1": _bootstrapped(_f1),
    "brier": _bootstrapped(_brier),
}


def estimate_all(scores: Scores) -> dict[str, Estimate]:
    """Every metric of one system."""
    return {name: metric(scores) for name, metric in METRICS.items()}


def is_above_chance(scores: Scores) -> bool:
    """The whole interval of the AUROC lies above 0.5."""
    return METRICS["auroc"](scores).low > CHANCE
