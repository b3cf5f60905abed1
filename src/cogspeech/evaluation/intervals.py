"""95 % intervals with the participant as the unit. Numpy and scipy's distributions only."""

import functools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import binom, norm, t

Z = float(norm.ppf(0.975))
BOOTSTRAP_DRAWS = 10_000
BOOTSTRAP_SEED = 20_111
FEWEST_REPEATS = 3
"""From which on the spread between repeats says something."""


def wilson(proportion: float, n: float | int) -> tuple[float, float]:
    """Wilson's (1927) score interval of a proportion of ``n`` participants, or of as good as ``n``.

    Unlike the textbook interval it stays inside [0, 1] and keeps its coverage at small n.
    """
    centre = (proportion + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(proportion * (1 - proportion) / n + Z**2 / (4 * n**2))
    # At 0 and 1 rounding would leave the limit a hair inside.
    return float(min(max(0.0, centre - half), proportion)), float(
        max(min(1.0, centre + half), proportion)
    )


def logit_interval(
    auroc: float, standard_error: float, *, smaller_class: float | int
) -> tuple[float, float]:
    """The interval of an AUROC on the logit scale, which keeps it inside (0, 1).

    At 0 or 1 the standard error is 0 and says nothing; then the interval is Wilson's for the
    smaller class, as if its participants had been ranked rightly one by one.
    """
    if auroc in (0.0, 1.0):
        return wilson(auroc, smaller_class)
    half = Z * standard_error / (auroc * (1.0 - auroc))
    middle = np.log(auroc / (1.0 - auroc))
    low, high = 1.0 / (1.0 + np.exp(-(middle + np.array([-half, half]))))
    return float(low), float(high)


def measured_factor(
    of_repeats: Sequence[float], variance: float, *, between: float, most: float
) -> float:
    """By how much shared training sides enlarge a variance, where repeats show that it is less.

    The factor of Nadeau and Bengio (2003) is the same for every learner and every signal. What it
    stands for is how much a result hangs on who was trained on. Dealing the folds anew changes just
    that, so it is seen as the variance between repeats: the factor is 1 + ``between`` times that
    variance over the one of the participants. ``between`` was set with two learners and checked
    with others (docs/explanation/intervals.md).

    It serves AUROC and accuracies only. A fit that leans towards a class, or whose answers have
    another scale, does so in every repeat, which moves the sensitivity, the specificity, F1, the
    precision and the Brier score unseen.

    Args:
        of_repeats: the metric in each repeat, seeds averaged.
        variance: of the metric over participants.
        between: how much the variance between repeats counts.
        most: the factor of Nadeau and Bengio, which also counts with fewer than three repeats.

    Returns:
        Between 1 and ``most``.
    """
    if len(of_repeats) < FEWEST_REPEATS or variance <= 0:
        return most
    return min(most, 1.0 + between * float(np.var(of_repeats, ddof=1)) / variance)


def bootstrap_counts(
    labels: Int[np.ndarray, " participant"], draws: int = BOOTSTRAP_DRAWS
) -> Float[np.ndarray, "draw participant"]:
    """How often each participant is drawn in each resample; classes keep their sizes.

    The same labels get the same resamples, so two systems are compared on the same ones.
    """
    return _counts(tuple(labels.tolist()), draws)


@functools.lru_cache(maxsize=4)  # the systems of a study share their participants
def _counts(labels: tuple[int, ...], draws: int) -> Float[np.ndarray, "draw participant"]:
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    counts = np.zeros((draws, len(labels)), dtype=np.float32)  # whole numbers, so exact
    for label in (0, 1):
        members = np.flatnonzero(np.array(labels) == label)
        share = np.full(len(members), 1.0 / len(members))
        counts[:, members] = generator.multinomial(len(members), share, size=draws)
    counts.flags.writeable = False
    return counts


def percentile_interval(
    estimate: float, draws: Float[np.ndarray, " draw"], *, widen: float
) -> tuple[float, float]:
    """The middle 95 % of the resampled values, ``widen`` times as far from the estimate.

    Holds the estimate and stays inside [0, 1].
    """
    low, high = estimate + widen * (np.quantile(draws, [0.025, 0.975]) - estimate)
    return float(max(0.0, min(low, estimate))), float(min(1.0, max(high, estimate)))


def bootstrap_error(
    draws: Float[np.ndarray, " draw"], *, smaller_class: int, groups: int = 1
) -> float:
    """The standard error from resamples, enlarged for small samples as t is against z.

    Args:
        draws: the metric in each resample.
        smaller_class: participants in the smaller class.
        groups: within each of which the metric is computed, such as test folds, before the mean is
            taken: a resample of m people varies by (m - 1) / m of what m people do.
    """
    size = max(smaller_class, 2)
    in_group = max(smaller_class / groups, 2.0)
    enlarge = np.sqrt(in_group / (in_group - 1)) * t.ppf(0.975, 2 * size - 2) / Z
    return float(draws.std() * enlarge)


def bca_interval(
    estimate: float,
    draws: Float[np.ndarray, " draw"],
    without_each: Float[np.ndarray, " participant"],
    *,
    smaller_class: int,
    widen: float,
) -> tuple[float, float]:
    """The bias-corrected and accelerated bootstrap interval (Efron, 1987) of a value in [0, 1].

    Its levels are moved outwards for small samples (Hesterberg, 2015): a resample varies less than
    a sample.

    Args:
        estimate: of all participants.
        draws: the value in each resample.
        without_each: the value without each participant.
        smaller_class: participants in the smaller class. Where every resample is a perfect 0 or 1
            the interval is Wilson's for them, as in `logit_interval`.
        widen: how many times as far from the estimate the limits lie.
    """
    if estimate in (0.0, 1.0) and np.ptp(draws) == 0:
        return wilson(estimate, smaller_class / widen**2)
    size = max(smaller_class, 2)
    level = norm.cdf(-np.sqrt(size / (size - 1)) * t.ppf(0.975, 2 * size - 2))
    below = np.mean(draws < estimate) + 0.5 * np.mean(draws == estimate)
    bias = norm.ppf(np.clip(below, 0.5 / len(draws), 1 - 0.5 / len(draws)))
    apart = without_each.mean() - without_each
    spread = np.sum(apart**2) ** 1.5
    acceleration = np.sum(apart**3) / (6 * spread) if spread > 0 else 0.0
    points = bias + norm.ppf([level, 1 - level])
    limits = np.quantile(draws, norm.cdf(bias + points / (1 - acceleration * points)))
    low, high = estimate + widen * (limits - estimate)
    return float(max(0.0, min(low, estimate))), float(min(1.0, max(high, estimate)))


def median_interval(values: Float[np.ndarray, " participant"]) -> tuple[float, float] | None:
    """The interval of a median that inverts the sign test; needs no shape of the distribution.

    Its ends are the k-th smallest and largest value, with the largest k that keeps 95 %; ``None``
    with fewer than six values, which cannot.
    """
    below = int(np.sum(binom.cdf(np.arange(len(values)), len(values), 0.5) <= 0.025))
    if below == 0:
        return None
    ordered = np.sort(values)
    return float(ordered[below - 1]), float(ordered[len(values) - below])
