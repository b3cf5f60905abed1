"""What a study of this size can show: the weight of one participant, and what it would miss.

A difference is called detectable where a paired test at 0.05, before any correction for the number
of comparisons, finds it in 80 % of such studies. Where the study has compared systems, the spread
that it observed is used: the discordance of decisions, the correlation of rankings. Where it has
not, two systems are assumed to disagree about every fifth participant, and to correlate by 0.5.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cogspeech.evaluation.comparison import PRIMARY_METRIC, Comparison
from cogspeech.evaluation.metrics import Scores, auroc_error, auroc_parts
from cogspeech.evaluation.paired_tests import DETECTABLE_Z, POWER, mcnemar_detectable

ASSUMED_DISCORDANCE = 0.20
ASSUMED_CORRELATION = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectable:
    """What one participant weighs, and the smallest differences that can be found."""

    n: int
    n_positive: int
    n_negative: int
    accuracy_point: float
    """What one participant changes in percent points of accuracy; among the positive ones, of
    sensitivity; among the negative ones, of specificity."""
    sensitivity_point: float
    specificity_point: float
    power: float
    accuracy: float | None
    """The smallest difference of accuracy; of several comparisons, the smallest of all. ``None``
    where not even the largest possible one would be found."""
    auroc: float | None
    is_assumed: bool
    """True: no comparison was made, so the spread is assumed."""


def detectable_differences(scores: Scores, comparisons: Sequence[Comparison]) -> Detectable:
    """For the participants of a study.

    Args:
        scores: of the primary system.
        comparisons: of the study, all metrics.
    """
    n, positive = scores.num_participants, int((scores.labels == 1).sum())
    # Two systems that never differ say nothing about two that do.
    alike = {c.b for c in comparisons if c.metric == PRIMARY_METRIC and c.low == c.high}
    spread = [c for c in comparisons if c.b not in alike]
    if spread:
        accuracy, auroc = (_smallest(spread, metric) for metric in ("accuracy", "auroc"))
    else:
        accuracy, auroc = _assumed_accuracy(scores), _assumed_auroc(scores)
    return Detectable(
        n=n,
        n_positive=positive,
        n_negative=n - positive,
        accuracy_point=100 / n,
        sensitivity_point=100 / positive,
        specificity_point=100 / (n - positive),
        power=POWER,
        accuracy=accuracy,
        auroc=auroc,
        is_assumed=not spread,
    )


def sentence(found: Detectable) -> str:
    """The one line that stands on every surface."""
    limits = []
    if found.accuracy is not None:
        limits.append(f"{100 * found.accuracy:.1f} points of accuracy")
    if found.auroc is not None:
        limits.append(f"{found.auroc:.2f} of AUROC")
    missed = (
        f"differences below {' or '.join(limits)} cannot be detected here"
        if limits
        else "no difference at all can be detected here"
    )
    basis = f"{100 * found.power:.0f} % power"
    if found.is_assumed:
        basis += f", if systems disagree about {100 * ASSUMED_DISCORDANCE:.0f} % of the people"
    return f"one participant = {found.accuracy_point:.1f} points of accuracy; {missed} ({basis})"


def _smallest(comparisons: Sequence[Comparison], metric: str) -> float | None:
    found = [c.detectable for c in comparisons if c.metric == metric and c.detectable is not None]
    return min(found, default=None)


def _assumed_accuracy(scores: Scores) -> float | None:
    worth = max(1, round(scores.num_participants / scores.variance_factor))
    return mcnemar_detectable(worth, ASSUMED_DISCORDANCE)


def _assumed_auroc(scores: Scores) -> float | None:
    _, *parts = auroc_parts(scores)
    one = auroc_error(*parts) * math.sqrt(scores.variance_factor)
    found = DETECTABLE_Z * one * math.sqrt(2 * (1 - ASSUMED_CORRELATION))
    return found if 0 < found <= 1 else None
