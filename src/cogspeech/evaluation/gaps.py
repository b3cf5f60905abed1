"""Differences between groups that share no participant."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import norm

from cogspeech.correction import holm
from cogspeech.evaluation.intervals import Z
from cogspeech.types import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """An estimate of one group minus that of another, with a 95 % interval and a two-sided p."""

    difference: float
    low: float
    high: float
    n: int
    """Participants of both groups."""
    p_value: float
    p_adjusted: float


def gaps_between(pairs: Sequence[tuple[Estimate, Estimate]]) -> tuple[Gap, ...]:
    """The first of every pair minus the second; Holm's correction counts all pairs.

    The intervals of the two estimates are combined (MOVER; Zou and Donner, 2008): the distance of
    each limit is the root of the summed squared distances, so a gap keeps the shape of Wilson's and
    of logit intervals. p comes from the distance of the limit on the side of 0 and is below 0.05
    exactly where the interval leaves 0 out.
    """
    found = [_difference(*pair) for pair in pairs]
    adjusted = holm([p_value for *_, p_value in found])
    return tuple(
        Gap(
            difference=difference,
            low=low,
            high=high,
            n=first.n + second.n,
            p_value=p_value,
            p_adjusted=p_adjusted,
        )
        for (first, second), (difference, low, high, p_value), p_adjusted in zip(
            pairs, found, adjusted, strict=True
        )
    )


def _difference(a: Estimate, b: Estimate) -> tuple[float, float, float, float]:
    difference = a.estimate - b.estimate
    down = math.hypot(a.estimate - a.low, b.high - b.estimate)
    up = math.hypot(a.high - a.estimate, b.estimate - b.low)
    error = (down if difference > 0 else up) / Z
    p_value = float(2 * norm.sf(abs(difference) / error)) if error > 0 else float(not difference)
    return difference, difference - down, difference + up, p_value
