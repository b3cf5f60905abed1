"""Do probabilities mean what they say? Measures of calibration, with the participant as the unit.

Intercept and slope are those of Cox (1958): the logit of the outcome against the logit of the
prediction. An intercept below 0 says that the probabilities are too high; a slope below 1 that they
are too extreme. Probabilities are held inside [1e-6, 1 - 1e-6] for them.

The calibration error of finitely many people is above 0 for perfect probabilities too, so it is
given only beside the mean of that null distribution and its p-value.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit, logit
from scipy.stats import t as student

from cogspeech.evaluation.intervals import BOOTSTRAP_SEED, bootstrap_counts
from cogspeech.evaluation.metrics import METRICS, Scores
from cogspeech.types import Estimate

BINS = 10
NULL_DRAWS = 1000
LEAST_SPREAD = 0.05
"""Deviation of the logits: below it answers are all but the same."""
HELD_INSIDE = 1e-6
BANDWIDTH = 0.15
"""Of the smooth curve, in probability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationError:
    """The expected calibration error, and what perfect probabilities would get."""

    estimate: float
    null_mean: float
    p_value: float
    bins: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """How well the probabilities of one system are calibrated."""

    brier: Estimate
    brier_skill: Estimate
    """One minus the Brier score over that of always saying the share of the second class."""
    intercept: Estimate
    slope: Estimate | None
    """``None`` where there is none: the classes do not overlap, or all probabilities are equal."""
    calibration_error: CalibrationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The share of the second class among people with a similar probability, with a 95 % band."""

    probability: Float[np.ndarray, " place"]
    share: Float[np.ndarray, " place"]
    low: Float[np.ndarray, " place"]
    high: Float[np.ndarray, " place"]


def measure_reliability(scores: Scores) -> Reliability:
    """Every measure, per run and averaged over the runs."""
    brier = METRICS["brier"](scores)
    prevalence = scores.labels.mean()
    of_prevalence = float(prevalence * (1 - prevalence))
    skill = (1.0 - v / of_prevalence for v in (brier.estimate, brier.high, brier.low))
    value, low, high = skill
    intercept, slope = measure_line(scores)
    return Reliability(
        brier=brier,
        brier_skill=Estimate(estimate=value, low=low, high=high, n=brier.n),
        intercept=intercept,
        slope=slope,
        calibration_error=measure_error(scores),
    )


def measure_line(scores: Scores) -> tuple[Estimate, Estimate | None]:
    """The intercept at a slope of 1, and the slope where there is one."""
    evidence = logit(np.clip(scores.probability, HELD_INSIDE, 1 - HELD_INSIDE))
    ones = np.ones(scores.num_participants)
    intercept = _coefficient(scores, [(ones[:, None], row) for row in evidence])
    if not all(_has_slope(row, scores.labels) for row in evidence):
        return intercept, None
    lines = [(np.stack([ones, row], axis=1), np.zeros(len(row))) for row in evidence]
    return intercept, _coefficient(scores, lines)


Design = tuple[Float[np.ndarray, "participant column"], Float[np.ndarray, " participant"]]
"""Columns and offset of a logistic regression."""


def _coefficient(scores: Scores, designs: list[Design]) -> Estimate:
    """The last coefficient, averaged over runs.

    Its variance is that of the participants' influences (the sandwich), averaged over runs first,
    since the runs share the participants; wider for shared training sides.
    """
    n, total, influence = scores.num_participants, 0.0, np.zeros(scores.num_participants)
    for columns, offset in designs:
        found, bread = fit_logistic(columns, offset, scores.labels)
        residual = scores.labels - expit(columns @ found + offset)
        total += float(found[-1])
        influence += (columns * residual[:, None]) @ bread[-1]
    runs, free = len(designs), n - designs[0][0].shape[1]
    error = math.sqrt(np.sum((influence / runs) ** 2) * n / free * scores.variance_factor)
    half = float(student.ppf(0.975, free)) * error
    value = total / runs
    return Estimate(estimate=value, low=value - half, high=value + half, n=n)


def fit_logistic(
    columns: Float[np.ndarray, "participant column"],
    offset: Float[np.ndarray, " participant"],
    labels: Int[np.ndarray, " participant"],
) -> tuple[Float[np.ndarray, " column"], Float[np.ndarray, "column column"]]:
    """Maximum likelihood by Newton's steps, halved until they gain; and the inverse information."""

    def loss(at: Float[np.ndarray, " column"]) -> float:
        value = columns @ at + offset
        return float(np.sum(np.logaddexp(0.0, value) - labels * value))

    found = np.zeros(columns.shape[1])
    for _ in range(100):
        share = expit(columns @ found + offset)
        information = (columns * (share * (1 - share))[:, None]).T @ columns
        step = np.linalg.solve(information, columns.T @ (labels - share))
        while loss(found + step) > loss(found) + 1e-12:
            step /= 2
        found = found + step
        if np.abs(step).max() < 1e-10:
            break
    return found, np.linalg.inv(information)


def _has_slope(evidence: Float[np.ndarray, " participant"], labels: Int[np.ndarray, " p"]) -> bool:
    """Whether a slope exists: each class reaches into the other (Albert and Anderson, 1984).

    And whether it says anything: answers that hardly differ may have any slope.
    """
    if evidence.std() < LEAST_SPREAD:
        return False
    negative, positive = evidence[labels == 0], evidence[labels == 1]
    return bool(positive.min() < negative.max() and negative.min() < positive.max())


def measure_error(scores: Scores) -> CalibrationError:
    """The calibration error over equal bins, and its distribution under perfect calibration.

    In a null draw every participant has the second class with the probability of each run; the
    runs share one random number per participant, as they share the participants.
    """
    runs, n = scores.probability.shape
    uniform = np.random.default_rng(BOOTSTRAP_SEED).random((NULL_DRAWS, n))
    found, null = 0.0, np.zeros(NULL_DRAWS)
    for probability in scores.probability:
        place = np.minimum((probability * BINS).astype(int), BINS - 1)
        inside = np.eye(BINS)[place]
        found += float(np.abs((scores.labels - probability) @ inside).sum()) / n
        null += np.abs(((uniform < probability) - probability) @ inside).sum(axis=1) / n
    # A draw that equals what was found, but for rounding, is as extreme.
    reached = int(np.sum(null >= found - 1e-9))
    return CalibrationError(
        estimate=found / runs,
        null_mean=float(null.mean()) / runs,
        p_value=(1 + reached) / (1 + NULL_DRAWS),
        bins=BINS,
        n=n,
    )


def reliability_curve(scores: Scores, places: int = 41) -> Curve:
    """A local linear regression of the class on the probability, averaged over runs.

    It spans the middle 95 % of the probabilities; the band is that of a bootstrap of participants
    within class, widened for shared training sides.
    """
    low, high = np.quantile(scores.probability, [0.025, 0.975])
    grid = np.linspace(low, high, places)
    draws = np.vstack([np.ones((1, scores.num_participants)), bootstrap_counts(scores.labels)])
    total = np.zeros((len(draws), places))
    for probability in scores.probability:
        total += _local_linear(draws, probability, scores.labels, grid)
    share = total / len(scores.probability)
    widen = math.sqrt(scores.variance_factor)
    limits = share[0] + widen * (np.quantile(share[1:], [0.025, 0.975], axis=0) - share[0])
    return Curve(
        probability=grid,
        share=share[0],
        low=np.clip(np.minimum(limits[0], share[0]), 0.0, 1.0),
        high=np.clip(np.maximum(limits[1], share[0]), 0.0, 1.0),
    )


def _local_linear(
    draws: Float[np.ndarray, "draw participant"],
    probability: Float[np.ndarray, " participant"],
    labels: Int[np.ndarray, " participant"],
    grid: Float[np.ndarray, " place"],
) -> Float[np.ndarray, "draw place"]:
    away = probability[:, None] - grid
    kernel = np.exp(-0.5 * (away / BANDWIDTH) ** 2)
    s0, s1, s2 = (draws @ (kernel * away**power) for power in (0, 1, 2))
    t0, t1 = (draws @ (labels[:, None] * kernel * away**power) for power in (0, 1))
    # A little of a flat line: people at one place have no slope.
    ridge = 1e-3 * BANDWIDTH**2 * s0
    share = ((s2 + ridge) * t0 - s1 * t1) / ((s2 + ridge) * s0 - s1**2)
    return np.asarray(np.clip(share, 0.0, 1.0))
