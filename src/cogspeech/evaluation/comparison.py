"""Paired comparisons of systems on the same participants, corrected for their number.

Which test is used follows from the protocol, never from the result:

- on one test set: exact McNemar on decisions, DeLong on AUROC, a participant bootstrap elsewhere;
- over repeated folds: the corrected resampled t-test;
- over folds that were dealt once, have one class only, or differ between the two: DeLong and the
  participant bootstrap, their error widened for the training sides that fits share.

One thing is asked of the result, and it can only withhold a claim: unless the AUROC interval of
both systems lies above 0.5, repeated folds must satisfy both of the last two, and the one with the
larger p is told. What a fit of noise owes to the participants hardly differs between folds, so the
t-test alone calls one of two blind systems better too often.

AUROC is the metric that is declared before: its comparisons are corrected among themselves. Those
of the other metrics are secondary: each is corrected for all comparisons there are.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from cogspeech.correction import holm
from cogspeech.evaluation.metrics import (
    LOWER_IS_BETTER,
    THRESHOLD,
    Scores,
    auroc_error,
    auroc_parts,
    is_above_chance,
    scores_of,
)
from cogspeech.evaluation.paired_tests import (
    PairedTest,
    corrected_resampled_t,
    delong,
    mcnemar,
    paired_bootstrap,
)
from cogspeech.types import Prediction

SIGNIFICANT = 0.05
PRIMARY_METRIC = "auroc"
WITHHELD = "the larger p of two tests, as not both are above chance"
COMPARED_METRICS = ("auroc", "accuracy", "balanced_accuracy", "brier")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A metric of ``a`` minus that of ``b``, with a 95 % interval and a two-sided p."""

    a: str
    b: str
    metric: str
    difference: float
    low: float
    high: float
    p_value: float
    p_adjusted: float
    test: str = "DeLong"
    n: int | None = None
    """Participants that both have decided."""
    detectable: float | None = None
    """Smaller true differences are found in less than 80 % of such studies, before any
    correction; ``None`` where none would be."""
    discordant: tuple[int, int] | None = None
    """Of accuracy: participants whom only ``a``, and whom only ``b``, decides rightly, by their
    mean probability over runs."""


def winner(comparison: Comparison) -> str | None:
    """Who is better, where the corrected test says that anybody is; else ``None``."""
    if comparison.p_adjusted > SIGNIFICANT or comparison.difference == 0:
        return None
    is_a = (comparison.difference > 0) != (comparison.metric in LOWER_IS_BETTER)
    return comparison.a if is_a else comparison.b


def compare_with_primary(
    predictions: Sequence[Prediction],
    primary: str,
    others: Sequence[str],
    metrics: Sequence[str] = COMPARED_METRICS,
) -> tuple[Comparison, ...]:
    """The primary system against each other one, in every compared metric; AUROC first."""
    first = scores_of(predictions, primary)
    return compare_scores(
        [(primary, first, other, scores_of(predictions, other)) for other in others], metrics
    )


def compare_scores(
    pairs: Sequence[tuple[str, Scores, str, Scores]],
    metrics: Sequence[str] = COMPARED_METRICS,
) -> tuple[Comparison, ...]:
    """One family of comparisons.

    Args:
        pairs: name and scores of the one, name and scores of the other, on the same participants.
        metrics: that are compared, AUROC among them.

    Raises:
        ValueError: the participants or labels of a pair differ.
    """
    found: list[tuple[str, str, str, Scores, Scores, PairedTest]] = []
    for metric in metrics:
        for name_a, a, name_b, b in pairs:
            if a.participants != b.participants or not np.array_equal(a.labels, b.labels):
                raise ValueError(f"'{name_a}' and '{name_b}' are not about the same participants")
            found.append((name_a, name_b, metric, a, b, _test(metric, a, b)))
    return tuple(
        Comparison(
            a=name_a,
            b=name_b,
            metric=metric,
            p_adjusted=adjusted,
            n=a.num_participants,
            discordant=_discordant(a, b) if metric == "accuracy" else None,
            **asdict(test),
        )
        for (name_a, name_b, metric, a, b, test), adjusted in zip(
            found, _adjusted([(f[2], f[-1].p_value) for f in found]), strict=True
        )
    )


def _adjusted(tests: Sequence[tuple[str, float]]) -> list[float]:
    of_all = holm([p for _, p in tests])
    of_primary = iter(holm([p for metric, p in tests if metric == PRIMARY_METRIC]))
    return [
        next(of_primary) if metric == PRIMARY_METRIC else adjusted
        for (metric, _), adjusted in zip(tests, of_all, strict=True)
    ]


def _test(metric: str, a: Scores, b: Scores) -> PairedTest:
    of_folds = _over_folds(metric, a, b)
    if of_folds is None:
        return _over_participants(metric, a, b)
    if is_above_chance(a) and is_above_chance(b):
        return of_folds
    found = max(of_folds, _over_participants(metric, a, b), key=lambda test: test.p_value)
    return replace(found, test=f"{found.test}; {WITHHELD}")


def _over_folds(metric: str, a: Scores, b: Scores) -> PairedTest | None:
    """The corrected resampled t-test; ``None`` where there are not the same repeated folds."""
    if len(a.repeats) < 2 or a.num_folds < 2:
        return None
    of_a, of_b = (fold_values(scores, metric) for scores in (a, b))
    if not of_a or of_a.keys() != of_b.keys():
        return None
    return corrected_resampled_t(
        _difference(metric, a, b),
        np.array([of_a[part] - of_b[part] for part in of_a]),
        tested_over_trained=1.0 / (a.num_folds - 1),
    )


def _over_participants(metric: str, a: Scores, b: Scores) -> PairedTest:
    """The paired test over people, widened where fits share training sides."""
    widen = math.sqrt(max(a.variance_factor, b.variance_factor))
    is_decided_once = len(a.probability) == len(b.probability) == 1
    if metric == "accuracy" and widen == 1.0 and is_decided_once:
        return mcnemar(*_discordant(a, b), a.num_participants)
    found = (
        _delong(a, b, widen)
        if metric == "auroc"
        else paired_bootstrap(_parts(metric, a) - _parts(metric, b), a.labels, widen=widen)
    )
    return replace(found, test=f"{found.test}, widened") if widen > 1.0 else found


def _delong(a: Scores, b: Scores, widen: float) -> PairedTest:
    (_, positive_a, negative_a), (_, positive_b, negative_b) = auroc_parts(a), auroc_parts(b)
    parts = positive_a - positive_b, negative_a - negative_b
    smaller = min(map(len, parts)) / widen**2
    return delong(parts, widen * auroc_error(*parts), smaller_class=smaller)


def _difference(metric: str, a: Scores, b: Scores) -> float:
    if metric == "auroc":
        return auroc_parts(a)[0] - auroc_parts(b)[0]
    return float((_parts(metric, a) - _parts(metric, b)).sum())


def _parts(metric: str, scores: Scores) -> Float[np.ndarray, " participant"]:
    """What each participant adds to a metric, the runs averaged; the metric is their sum."""
    if metric == "brier":
        squared: np.ndarray = np.square(scores.probability - scores.labels).mean(axis=0)
        return np.asarray(squared / scores.num_participants)
    right: np.ndarray = _is_right(scores.probability, scores.labels).mean(axis=0)
    if metric == "accuracy":
        return np.asarray(right / scores.num_participants)
    class_sizes = np.bincount(scores.labels, minlength=2)[scores.labels]
    return np.asarray(right / (2.0 * class_sizes))


def _is_right(
    probability: Float[np.ndarray, "*run participant"], labels: Int[np.ndarray, " participant"]
) -> Bool[np.ndarray, "*run participant"]:
    return np.asarray((probability >= THRESHOLD) == (labels == 1))


def _discordant(a: Scores, b: Scores) -> tuple[int, int]:
    right_a, right_b = (_is_right(s.probability[0], s.labels) for s in (a, b))
    return int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())


Part = tuple[str, ...]


def fold_values(scores: Scores, metric: str) -> dict[Part, float]:
    """A metric in each test fold of each repeat, seeds averaged; empty where a fold has one class.

    A fold is known by the participants it tests: runs with the same folds are seeds of one repeat.
    """
    value = FOLD_METRICS[metric]
    found: dict[Part, list[float]] = {}
    for probability, fold in zip(scores.probability, scores.fold, strict=True):
        for number in np.unique(fold):
            inside = fold == number
            labels = scores.labels[inside]
            if len(np.unique(labels)) < 2:
                return {}
            part = tuple(np.array(scores.participants)[inside].tolist())
            found.setdefault(part, []).append(value(probability[inside], labels))
    return {part: float(np.mean(values)) for part, values in found.items()}


FoldMetric = Callable[[Float[np.ndarray, " participant"], Int[np.ndarray, " participant"]], float]


def _auroc_of(
    probability: Float[np.ndarray, " participant"], labels: Int[np.ndarray, " participant"]
) -> float:
    margin = probability[labels == 1][:, None] - probability[labels == 0][None, :]
    return float(((margin > 0) + 0.5 * (margin == 0)).mean())


def _accuracy_of(
    probability: Float[np.ndarray, " participant"], labels: Int[np.ndarray, " participant"]
) -> float:
    return float(_is_right(probability, labels).mean())


def _balanced_accuracy_of(
    probability: Float[np.ndarray, " participant"], labels: Int[np.ndarray, " participant"]
) -> float:
    right = _is_right(probability, labels)
    return float((right[labels == 1].mean() + right[labels == 0].mean()) / 2)


def _brier_of(
    probability: Float[np.ndarray, " participant"], labels: Int[np.ndarray, " participant"]
) -> float:
    return float(np.square(probability - labels).mean())


FOLD_METRICS: dict[str, FoldMetric] = {
    "auroc": _auroc_of,
    "accuracy": _accuracy_of,
    "balanced_accuracy": _balanced_accuracy_of,
    "brier": _brier_of,
}
