"""How answers about the same people change with the severity of a perturbation.

The participant is the unit. Everything is about the fits of the first repeat and seed, which never
saw the tested participants, and about decisions at the threshold of the study.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import t

from cogspeech.evaluation.gaps import Gap, gaps_between
from cogspeech.evaluation.intervals import Z, wilson
from cogspeech.evaluation.metrics import (
    METRICS,
    THRESHOLD,
    Scores,
    auroc_error,
    auroc_parts,
    scores_of,
)
from cogspeech.types import Estimate, Prediction

SHOWN_METRICS = ("auroc", "sensitivity", "specificity")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassEffect:
    """What happens to the participants of one class."""

    shift: Estimate
    """Mean change of the probability, with its sign."""
    flip_rate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One severity."""

    severity: str
    num_left_out: int
    """Recordings of which nothing was left; the clean answers they are compared with lack them
    too."""
    metrics: dict[str, Estimate]
    auroc_change: Estimate
    """Against the same participants unperturbed, paired."""
    mean_shift: Estimate
    """Mean absolute change of the probability."""
    flip_rate: Estimate
    """Share of participants whose decision changes."""
    by_class: tuple[ClassEffect, ClassEffect]
    """The negative class first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One perturbation: the clean recordings, then every severity that left both classes."""

    name: str
    does: str
    unit: str
    points: tuple[Point, ...]
    flip_gaps: tuple[Gap, ...]
    """Per severity, clean left out: the flip rate of the positive class minus that of the negative
    one; Holm's correction counts all severities of all perturbations."""


def can_be_told(answered: Sequence[Prediction]) -> bool:
    """Whether enough is left to rank participants of both classes."""
    return bool(answered) and scores_of(answered, answered[0].system).can_be_ranked


def point_of(severity: str, clean: Sequence[Prediction], answered: Sequence[Prediction]) -> Point:
    """The answers at one severity against the clean ones.

    Args:
        severity: its name.
        clean: about all recordings.
        answered: about those of which something was left, of both classes.
    """
    left = {p.recording_id for p in answered}
    system = clean[0].system
    before = scores_of([p for p in clean if p.recording_id in left], system)
    after = scores_of(answered, system)
    change = after.probability[0] - before.probability[0]
    is_flipped = (after.probability[0] >= THRESHOLD) != (before.probability[0] >= THRESHOLD)
    factor = after.variance_factor
    negative, positive = (
        ClassEffect(
            shift=_mean(change[after.labels == label], factor),
            flip_rate=_share(is_flipped[after.labels == label], factor),
        )
        for label in (0, 1)
    )
    return Point(
        severity=severity,
        num_left_out=len(clean) - len(answered),
        metrics={name: METRICS[name](after) for name in SHOWN_METRICS},
        auroc_change=_auroc_change(before, after),
        mean_shift=_mean(np.abs(change), factor, lowest=0.0),
        flip_rate=_share(is_flipped, factor),
        by_class=(negative, positive),
    )


def with_gaps(
    curves: Sequence[tuple[str, str, str, tuple[Point, ...]]],
) -> tuple[Curve, ...]:
    """Curves of name, description, unit and points, with what Holm's correction makes of all."""
    pairs = [
        (point.by_class[1].flip_rate, point.by_class[0].flip_rate)
        for *_, points in curves
        for point in points[1:]
    ]
    gaps = iter(gaps_between(pairs))
    return tuple(
        Curve(
            name=name,
            does=does,
            unit=unit,
            points=points,
            flip_gaps=tuple(next(gaps) for _ in points[1:]),
        )
        for name, does, unit, points in curves
    )


def _auroc_change(before: Scores, after: Scores) -> Estimate:
    """DeLong's paired difference, widened as every interval of shared training sides."""
    _, positives, negatives = auroc_parts(after)
    _, positives_before, negatives_before = auroc_parts(before)
    positives, negatives = positives - positives_before, negatives - negatives_before
    error = auroc_error(positives, negatives) * math.sqrt(after.variance_factor)
    change = float(positives.mean())
    return Estimate(
        estimate=change, low=change - Z * error, high=change + Z * error, n=after.num_participants
    )


def _mean(
    values: Float[np.ndarray, " participant"], factor: float, *, lowest: float = -1.0
) -> Estimate:
    """A mean over participants with Student's interval; that of one participant is everything."""
    n, mean = len(values), float(np.mean(values))
    half = 2.0
    if n > 1:
        half = float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) * math.sqrt(factor / n))
    return Estimate(estimate=mean, low=max(lowest, mean - half), high=min(1.0, mean + half), n=n)


def _share(is_so: np.ndarray, factor: float) -> Estimate:
    share = float(np.mean(is_so))
    low, high = wilson(share, len(is_so) / factor)
    return Estimate(estimate=share, low=low, high=high, n=len(is_so))
