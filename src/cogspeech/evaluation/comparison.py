"""Paired comparisons of systems on the same participants, corrected for their number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import norm

from cogspeech.correction import holm
from cogspeech.evaluation.intervals import Z
from cogspeech.evaluation.metrics import auroc_error, auroc_parts, scores_of
from cogspeech.types import Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The AUROC of ``a`` minus that of ``b``, with a 95 % interval and a two-sided p."""

    a: str
    b: str
    metric: str
    difference: float
    low: float
    high: float
    p_value: float
    p_adjusted: float


def compare_with_primary(
    predictions: Sequence[Prediction], primary: str, others: Sequence[str]
) -> tuple[Comparison, ...]:
    """The primary system against each other one: DeLong's paired test, Holm's correction.

    The error is widened for training sides that the fits share (Nadeau and Bengio, 2003).
    """
    scores = scores_of(predictions, primary)
    widen = math.sqrt(scores.variance_factor)
    _, positives_a, negatives_a = auroc_parts(scores)
    found = []
    for other in others:
        _, positives_b, negatives_b = auroc_parts(scores_of(predictions, other))
        difference = float((positives_a - positives_b).mean())
        error = widen * auroc_error(positives_a - positives_b, negatives_a - negatives_b)
        p_value = float(2 * norm.sf(abs(difference) / error)) if error > 0 else 1.0
        found.append((other, difference, error, p_value))
    adjusted = holm([p_value for *_, p_value in found])
    return tuple(
        Comparison(
            a=primary,
            b=other,
            metric="auroc",
            difference=difference,
            low=difference - Z * error,
            high=difference + Z * error,
            p_value=p_value,
            p_adjusted=p_adjusted,
        )
        for (other, difference, error, p_value), p_adjusted in zip(found, adjusted, strict=True)
    )
