"""Bootstrap over participants for any number of groups and for metrics on any scale."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from cogspeech.evaluation.intervals import BOOTSTRAP_DRAWS, BOOTSTRAP_SEED

Weights = Float[np.ndarray, "draw participant"]
Scale = Callable[[np.ndarray], np.ndarray]


def drawn_within(
    groups: Int[np.ndarray, " participant"], draws: int = BOOTSTRAP_DRAWS
) -> Float[np.ndarray, "draw participant"]:
    """How often each participant is drawn in each resample; every group keeps its size."""
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    counts = np.zeros((draws, len(groups)))
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        share = np.full(len(members), 1.0 / len(members))
        counts[:, members] = generator.multinomial(len(members), share, size=draws)
    return counts


def widened_interval(
    estimate: float,
    draws: Float[np.ndarray, " draw"],
    *,
    widen: float,
    inside: tuple[float, float],
    scale: tuple[Scale, Scale] | None = None,
) -> tuple[float, float]:
    """The middle 95 % of the resampled values, ``widen`` times as far from the estimate.

    Args:
        estimate: what the whole sample gives; the interval holds it.
        draws: what each resample gives.
        widen: the square root of `cogspeech.evaluation.metrics.variance_factor`.
        inside: the least and the largest value that the metric can have.
        scale: a function and its inverse between which the distances are taken.
    """
    there, back = scale or (np.asarray, np.asarray)
    middle = there(np.array([estimate]))
    ends = back(middle + widen * (np.quantile(there(draws), [0.025, 0.975]) - middle))
    low, high = max(inside[0], float(ends[0])), min(inside[1], float(ends[1]))
    return min(low, estimate), max(high, estimate)
