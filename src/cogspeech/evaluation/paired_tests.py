"""Tests of two systems on the same participants. Numpy and scipy's distributions only.

Each takes plain numbers and gives a `PairedTest`: the difference, its 95 % interval, a two-sided p,
and the smallest true difference that such a test would have found in 80 % of studies like this.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import brentq
from scipy.stats import binom, nct, norm, t

from cogspeech.evaluation.intervals import Z, bootstrap_counts, wilson

ALPHA, POWER = 0.05, 0.80
DETECTABLE_Z = Z + float(norm.ppf(POWER))


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """What a paired test says."""

    test: str
    difference: float
    low: float
    high: float
    p_value: float
    detectable: float | None
    """``None`` where no difference at all would have been found in 80 % of studies."""


def mcnemar_p(only_a: int, only_b: int) -> float:
    """The two-sided exact McNemar test with the mid-p (Fagerland et al., 2013).

    Args:
        only_a: participants whom only the first system decides rightly.
        only_b: participants whom only the second one decides rightly.
    """
    discordant, fewer = only_a + only_b, min(only_a, only_b)
    exact = 2.0 * binom.cdf(fewer, discordant, 0.5) - binom.pmf(fewer, discordant, 0.5)
    return float(min(1.0, exact))


def mcnemar(only_a: int, only_b: int, n: int) -> PairedTest:
    """The difference of two accuracies on one test set, from the discordant participants.

    The interval is that of Bonett and Price (2012), which holds its coverage at small n.
    """
    difference = (only_a - only_b) / n
    centre_a, centre_b = (only_a + 1) / (n + 2), (only_b + 1) / (n + 2)
    centre = centre_a - centre_b
    half = Z * math.sqrt((centre_a + centre_b - centre**2) / (n + 2))
    return PairedTest(
        test="exact McNemar (mid-p)",
        difference=difference,
        low=max(-1.0, min(centre - half, difference)),
        high=min(1.0, max(centre + half, difference)),
        p_value=mcnemar_p(only_a, only_b),
        detectable=mcnemar_detectable(n, (only_a + only_b) / n),
    )


def mcnemar_power(difference: float, discordance: float, n: int) -> float:
    """How often `mcnemar_p` is at most 0.05: exact, over all numbers of discordant participants.

    Args:
        difference: of the two true accuracies.
        discordance: share of people whom one system decides rightly and the other wrongly; where
            it is smaller than the difference, the difference.
        n: participants.
    """
    discordance = max(discordance, abs(difference))
    if discordance == 0.0:
        return 0.0
    share = 0.5 + 0.5 * difference / discordance
    discordant = np.arange(1, n + 1)
    limits = _most_that_reject(n)
    tails = binom.cdf(limits, discordant, share) + binom.cdf(limits, discordant, 1.0 - share)
    return float(binom.pmf(discordant, n, discordance) @ tails)


@functools.cache
def _most_that_reject(n: int) -> Int[np.ndarray, " discordant"]:
    """For 1 to ``n`` discordant ones the largest smaller count that rejects; -1: none does."""
    discordant, counts = np.arange(1, n + 1)[:, None], np.arange(n)[None, :]
    mid_p = 2.0 * binom.cdf(counts, discordant, 0.5) - binom.pmf(counts, discordant, 0.5)
    rejects = (mid_p <= ALPHA) & (2 * counts < discordant)
    return np.asarray(rejects.sum(axis=1) - 1)


@functools.cache
def mcnemar_detectable(n: int, discordance: float) -> float | None:
    """The smallest difference of two accuracies that `mcnemar` finds with 80 % power."""
    if mcnemar_power(1.0, discordance, n) < POWER:
        return None
    return float(brentq(lambda d: mcnemar_power(d, discordance, n) - POWER, 0.0, 1.0, xtol=1e-4))


def delong(
    differences: tuple[Float[np.ndarray, " positive"], Float[np.ndarray, " negative"]],
    error: float,
    *,
    smaller_class: float,
) -> PairedTest:
    """The difference of two AUROCs (DeLong et al., 1988).

    Args:
        differences: of the participants' shares in the two areas, by class.
        error: the standard error of the difference, of which the correlation is a part.
        smaller_class: participants in the smaller class, or as many as it is worth. It counts
            where every participant differs by the same, so that the error is 0 and says nothing.
    """
    difference = float(differences[0].mean())
    low = high = difference
    p_value = 1.0
    if error > 0:
        low, high = difference - Z * error, difference + Z * error
        p_value = float(2 * norm.sf(abs(difference) / error))
    elif difference:
        low, high, p_value = _of_equal_differences(difference, smaller_class)
    return PairedTest(
        test="DeLong",
        difference=difference,
        low=max(-1.0, low),
        high=min(1.0, high),
        p_value=p_value,
        detectable=DETECTABLE_Z * error if 0 < DETECTABLE_Z * error <= 1 else None,
    )


def _of_equal_differences(difference: float, smaller_class: float) -> tuple[float, float, float]:
    """Interval and p where every participant of a class differs by the same.

    No resample shows any spread, so it is that of the signs of the smaller class.
    """
    half = 1.0 - wilson(1.0, smaller_class)[0]
    p_value = float(min(1.0, 2 * 0.5**smaller_class))
    return max(-1.0, difference - half), min(1.0, difference + half), p_value


def paired_bootstrap(
    parts: Float[np.ndarray, " participant"],
    labels: Int[np.ndarray, " participant"],
    *,
    widen: float,
) -> PairedTest:
    """The difference of two means over participants, resampled within the classes.

    Args:
        parts: what each participant adds to the difference; it is their sum.
        labels: the class of each.
        widen: the factor of the error for training sides that fits share.
    """
    difference = float(parts.sum())
    draws = bootstrap_counts(labels) @ parts
    # A resample varies less than a sample: by (n - 1) / n in each class.
    fewest = min(np.bincount(labels))
    spread = widen * math.sqrt(fewest / (fewest - 1)) if fewest > 1 else widen
    moved = difference + spread * (draws - difference)
    low, high = np.quantile(moved, [0.025, 0.975])
    tail = min((moved <= 0).sum(), (moved >= 0).sum())
    p_value = float(min(1.0, 2 * (tail + 1) / (len(moved) + 1)))
    if np.ptp(draws) < 1e-12 and abs(difference) > 1e-12:
        low, high, p_value = _of_equal_differences(difference, fewest / widen**2)
    error = float(moved.std())
    return PairedTest(
        test="participant bootstrap",
        difference=difference,
        low=float(min(low, difference)),
        high=float(max(high, difference)),
        p_value=p_value,
        detectable=DETECTABLE_Z * error if 0 < DETECTABLE_Z * error <= 1 else None,
    )


def corrected_resampled_t(
    difference: float,
    of_folds: Float[np.ndarray, " fold"],
    *,
    tested_over_trained: float,
) -> PairedTest:
    """The corrected resampled t-test (Nadeau and Bengio, 2003; Bouckaert and Frank, 2004).

    Fits of a cross-validation share training participants, so a plain t-test over folds rejects far
    too often. The variance of the mean is taken as (1 / J + tested / trained) times that of the
    folds, with J - 1 degrees of freedom.

    Args:
        difference: of the two estimates; of folds of one size, the mean of ``of_folds``.
        of_folds: the difference in each fold of each repeat, seeds averaged; at least two.
        tested_over_trained: participants a fold tests, over those it is trained on.
    """
    count = len(of_folds)
    variance = float(np.var(of_folds, ddof=1)) * (1.0 / count + tested_over_trained)
    error, degrees = math.sqrt(variance), count - 1
    if error < 1e-12:  # every fold differs by the same; nothing can be said of its spread
        return PairedTest(
            test="corrected resampled t", difference=difference, low=difference, high=difference,
            p_value=1.0 if abs(difference) < 1e-12 else min(1.0, 2 * 0.5**count), detectable=None,
        )  # fmt: skip
    half = float(t.ppf(0.975, degrees)) * error
    detectable = error * t_detectable(degrees)
    return PairedTest(
        test="corrected resampled t",
        difference=difference,
        low=max(-1.0, difference - half),
        high=min(1.0, difference + half),
        p_value=float(2 * t.sf(abs(difference) / error, degrees)),
        detectable=detectable if detectable <= 1 else None,
    )


@functools.cache
def t_detectable(degrees: int) -> float:
    """The difference, in standard errors, that a t-test finds with 80 % power."""
    limit = float(t.ppf(1 - ALPHA / 2, degrees))
    return float(brentq(lambda d: nct.sf(limit, degrees, d) - POWER, 0.0, 3.0 * limit))
