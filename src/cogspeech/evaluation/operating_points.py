"""Sensitivity where specificity is held, and the other way round; predictive values.

A threshold is chosen on the validation part of a fit and applied to the test part of the same fit.
What it promised there it need not keep here: both the promised and the reached values are told.
Where nobody held a validation part back, the value is read off the ROC curve of the test
participants themselves; that describes them, and promises nothing for others.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from cogspeech.evaluation.intervals import bootstrap_counts, percentile_interval, wilson
from cogspeech.evaluation.metrics import BLOCK_DRAWS, THRESHOLD, Scores, scores_of
from cogspeech.types import Estimate, Prediction

HELD_VALUES = (0.80, 0.90, 0.95)
PREVALENCES = (0.01, 0.05, 0.10, 0.50)
Held = Literal["specificity", "sensitivity", "threshold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictiveValues:
    """What an answer means where a share of all people has the condition."""

    prevalence: float
    positive: Estimate | None
    """How many called positive have it; ``None`` where nobody is called positive."""
    negative: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """What a threshold reaches on participants that did not choose it."""

    system: str
    held: Held
    value: float
    """What the threshold was to hold; the threshold itself where that is fixed."""
    chosen_on: Literal["validation", "test", "beforehand"]
    """``test``: read off the ROC curve of the very participants; a description only."""
    threshold: float | None
    """The mean over fits; ``None`` where it is read off the curve."""
    sensitivity: Estimate
    specificity: Estimate
    predictive_values: tuple[PredictiveValues, ...] = ()


def operating_points(
    test: Sequence[Prediction], validation: Sequence[Prediction], system: str
) -> tuple[OperatingPoint, ...]:
    """Of one system: at 0.5, and where specificity and sensitivity are held at 80, 90 and 95 %.

    Args:
        test: out-of-fold predictions.
        validation: of the validation parts of the same fits; without any of this system, the
            values are read off the curve.
        system: its name.
    """
    scores = scores_of(test, system)
    points = [_at_half(scores, system)]
    held_back = [p for p in validation if p.system == system]
    fits = {(p.repeat, p.fold, p.seed) for p in test if p.system == system}
    is_held_back = fits <= _by_fit(held_back).keys()
    wanted: list[tuple[Held, float]] = [
        (held, value) for held in ("specificity", "sensitivity") for value in HELD_VALUES
    ]
    for held, value in wanted:
        if is_held_back:
            points.append(_chosen(test, held_back, system, held, value))
        elif scores.can_be_ranked:
            points.append(_read_off(scores, system, held, value))
    return tuple(points)


def _at_half(scores: Scores, system: str) -> OperatingPoint:
    called = scores.probability >= THRESHOLD
    return _point(
        scores, called, system=system, held="threshold", value=THRESHOLD, threshold=THRESHOLD
    )


def _point(
    scores: Scores,
    called: Bool[np.ndarray, "run participant"],
    *,
    system: str,
    held: Held,
    value: float,
    threshold: float,
) -> OperatingPoint:
    positive = scores.labels == 1
    sensitivity = _share(called[:, positive], scores)
    specificity = _share(~called[:, ~positive], scores)
    return OperatingPoint(
        system=system,
        held=held,
        value=value,
        chosen_on="beforehand" if held == "threshold" else "validation",
        threshold=threshold,
        sensitivity=sensitivity,
        specificity=specificity,
        predictive_values=tuple(
            predictive_values(sensitivity, specificity, prevalence) for prevalence in PREVALENCES
        ),
    )


def _share(is_right: Bool[np.ndarray, "run participant"], scores: Scores) -> Estimate:
    value, n = float(is_right.mean()), is_right.shape[1]
    low, high = wilson(value, n / scores.variance_factor)
    return Estimate(estimate=value, low=low, high=high, n=n)


def _chosen(
    test: Sequence[Prediction],
    held_back: Sequence[Prediction],
    system: str,
    held: Held,
    value: float,
) -> OperatingPoint:
    """One threshold per fit, from its own validation part."""
    thresholds: dict[tuple[int, int, int], float] = {}
    for fit, own in _by_fit(held_back).items():
        scores = scores_of(own, system)
        thresholds[fit] = threshold_for(scores.probability[0], scores.labels, held, value)
    scores = scores_of(test, system)
    runs = sorted({(p.repeat, p.seed) for p in test if p.system == system})
    limits = np.array(
        [
            [thresholds[repeat, int(fold), seed] for fold in folds]
            for (repeat, seed), folds in zip(runs, scores.fold, strict=True)
        ]
    )
    return _point(
        scores,
        scores.probability >= limits,
        system=system,
        held=held,
        value=value,
        threshold=float(np.mean(list(thresholds.values()))),
    )


def _by_fit(predictions: Sequence[Prediction]) -> Mapping[tuple[int, int, int], list[Prediction]]:
    fits: dict[tuple[int, int, int], list[Prediction]] = {}
    for p in predictions:
        fits.setdefault((p.repeat, p.fold, p.seed), []).append(p)
    return fits


def threshold_for(
    probability: Float[np.ndarray, " participant"],
    labels: Int[np.ndarray, " participant"],
    held: Held,
    value: float,
) -> float:
    """The threshold that holds at least ``value`` on these participants, and gives away least.

    It lies half way to the next probability that anybody got, so that it hangs on nobody alone.
    """
    ordered = np.unique(probability)
    if held == "specificity":
        own = np.sort(probability[labels == 0])
        last = own[math.ceil(value * len(own) - 1e-9) - 1]  # the highest to be called negative
        above = ordered[ordered > last]
        half_way = (last + above[0]) / 2 if len(above) else last
        return float(max(half_way, np.nextafter(last, 2.0)))  # above 1: nobody is called positive
    own = np.sort(probability[labels == 1])[::-1]
    last = own[math.ceil(value * len(own) - 1e-9) - 1]  # the lowest to be called positive
    below = ordered[ordered < last]
    return float((last + below[-1]) / 2) if len(below) else float(last)


def _read_off(scores: Scores, system: str, held: Held, value: float) -> OperatingPoint:
    """From the ROC curves of the folds, between their corners along straight lines."""
    found = float(_curve_value(scores, np.ones((1, scores.num_participants)), held, value)[0])
    draws = _curve_value(scores, bootstrap_counts(scores.labels), held, value)
    of_class = 1 if held == "specificity" else 0
    n, factor = int((scores.labels == of_class).sum()), scores.variance_factor
    if found in (0.0, 1.0) and np.ptp(draws) == 0:  # resamples of a perfect curve are perfect
        low, high = wilson(found, n / factor)
    else:
        low, high = percentile_interval(found, draws, widen=math.sqrt(factor))
    read = Estimate(estimate=found, low=low, high=high, n=n)
    fixed = Estimate(
        estimate=value, low=value, high=value, n=int((scores.labels != of_class).sum())
    )
    is_specificity = held == "specificity"
    return OperatingPoint(
        system=system,
        held=held,
        value=value,
        chosen_on="test",
        threshold=None,
        sensitivity=read if is_specificity else fixed,
        specificity=fixed if is_specificity else read,
    )


def _curve_value(
    scores: Scores, weights: Float[np.ndarray, "draw participant"], held: Held, value: float
) -> Float[np.ndarray, " draw"]:
    """The other rate where one is held, averaged over folds by their participants of its class."""
    blocks = np.array_split(weights, math.ceil(len(weights) / BLOCK_DRAWS))
    return np.concatenate([_curve_of_block(scores, block, held, value) for block in blocks])


def _curve_of_block(
    scores: Scores, weights: Float[np.ndarray, "draw participant"], held: Held, value: float
) -> Float[np.ndarray, " draw"]:
    by_participant = np.ascontiguousarray(weights.T)
    total, counted = np.zeros(len(weights)), np.zeros(len(weights))
    # Where sensitivity is held, the classes change places and the order turns round.
    turn, hit_label = (1.0, 1) if held == "specificity" else (-1.0, 0)
    for probability, fold in zip(scores.probability, scores.comparable, strict=True):
        for number in np.unique(fold):
            inside = np.flatnonzero(fold == number)
            turned = turn * probability[inside]
            limits = np.concatenate([[np.inf], np.unique(turned)[::-1]])
            is_called = (turned >= limits[:, None]).astype(weights.dtype)
            is_hit = scores.labels[inside] == hit_label
            drawn = by_participant[inside]
            hits, false = (is_called[:, side] @ drawn[side] for side in (is_hit, ~is_hit))
            has_rivals = false[-1] > 0  # nothing is held where nobody of the other class is
            total += has_rivals * _hits_at(hits, false, 1.0 - value)
            counted += has_rivals * hits[-1]
    return np.divide(total, counted, out=np.zeros_like(total), where=counted > 0)


def _hits_at(
    hits: Float[np.ndarray, "corner draw"], false: Float[np.ndarray, "corner draw"], rate: float
) -> Float[np.ndarray, " draw"]:
    """The hits where a curve reaches a false positive rate, along straight lines."""
    limit = rate * false[-1]
    place = (false <= limit + 1e-9).sum(axis=0) - 1  # the last corner within the limit
    after = np.minimum(place + 1, len(false) - 1)
    draw = np.arange(false.shape[1])
    step = false[after, draw] - false[place, draw]
    part = np.divide(limit - false[place, draw], step, out=np.zeros(len(draw)), where=step > 0)
    return np.asarray(hits[place, draw] + part * (hits[after, draw] - hits[place, draw]))


def predictive_values(
    sensitivity: Estimate, specificity: Estimate, prevalence: float
) -> PredictiveValues:
    """What an answer means at a prevalence, by Bayes' rule.

    Both hang on a ratio of two rates, whose interval combines theirs (Donner and Zou, 2012).
    """
    odds = prevalence / (1.0 - prevalence)
    false_alarm, miss = _rest(specificity), _rest(sensitivity)
    n = sensitivity.n + specificity.n
    return PredictiveValues(
        prevalence=prevalence,
        positive=_predictive_value(false_alarm, sensitivity, odds, n),
        negative=_predictive_value(miss, specificity, 1.0 / odds, n),
    )


def _rest(rate: Estimate) -> Estimate:
    return Estimate(estimate=1 - rate.estimate, low=1 - rate.high, high=1 - rate.low, n=rate.n)


def _predictive_value(wrong: Estimate, right: Estimate, odds: float, n: int) -> Estimate | None:
    """``1 / (1 + wrong / right / odds)``; ``None`` where nobody gets the answer."""
    if wrong.estimate == right.estimate == 0.0:
        return None
    weight = right.estimate * odds
    low, high = _ratio_interval(wrong, right)
    return Estimate(
        estimate=weight / (weight + wrong.estimate),
        low=odds / (odds + high) if math.isfinite(high) else 0.0,
        high=odds / (odds + low),
        n=n,
    )


def _ratio_interval(upper: Estimate, lower: Estimate) -> tuple[float, float]:
    """The interval of ``upper / lower`` from their own intervals (MOVER)."""
    product = upper.estimate * lower.estimate

    def gap(rate: Estimate, limit: float) -> float:
        return limit * (2 * rate.estimate - limit)

    from_low, to_high = gap(upper, upper.low), gap(lower, lower.high)
    below = product + math.sqrt(max(0.0, product**2 - from_low * to_high))
    from_high, to_low = gap(upper, upper.high), gap(lower, lower.low)
    above = product + math.sqrt(max(0.0, product**2 - from_high * to_low))
    low = from_low / below if below > 0 else 0.0
    return low, above / to_low if to_low > 0 else math.inf
