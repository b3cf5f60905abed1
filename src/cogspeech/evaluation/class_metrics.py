"""Metrics of more than two classes: one row of probabilities per participant, runs averaged.

The rules are those of `cogspeech.evaluation.metrics`: a participant's probabilities are the mean
over their recordings, every metric is computed per run and averaged over the runs, never the best,
and every interval is widened for training sides that the fits share. The decision is the most
probable class.

An AUROC is that of one class against the rest, among participants of one test fold; the macro AUROC
is their unweighted mean (Fawcett, 2006, "An introduction to ROC analysis", section 10). It depends
on how common the classes of the rest are, other than the pairwise M of Hand and Till (2001); in
return every class has a number that can be read alone, and the mean is theirs.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cogspeech.evaluation.intervals import logit_interval, wilson
from cogspeech.evaluation.metrics import METRICS, Scores, auroc_parts, variance_factor
from cogspeech.evaluation.resampling import Weights, drawn_within, widened_interval
from cogspeech.types import Estimate, Prediction

Counts = Float[np.ndarray, "draw true decided"]
CountMetric = Callable[[Counts], Float[np.ndarray, " draw"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScores:
    """The predictions of one system about any number of classes."""

    participants: tuple[str, ...]
    labels: Int[np.ndarray, " participant"]
    """Positions in the classes."""
    probabilities: Float[np.ndarray, "run participant class"]
    fold: Int[np.ndarray, "run participant"]

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return int(self.probabilities.shape[2])

    @property
    def decided(self) -> Int[np.ndarray, "run participant"]:
        """The most probable class, of equal ones the first."""
        decided: np.ndarray = self.probabilities.argmax(axis=2)
        return decided

    @property
    def variance_factor(self) -> float:
        """By how much shared training sides enlarge the variance."""
        return variance_factor(self.fold)

    def against_rest(self, label: int) -> Scores:
        """One class as the positive one of two."""
        return Scores(
            participants=self.participants,
            labels=(self.labels == label).astype(np.int64),
            probability=self.probabilities[:, :, label],
            fold=self.fold,
        )


def class_scores_of(predictions: Sequence[Prediction], system: str) -> ClassScores:
    """The predictions of one system by participant.

    Raises:
        ValueError: a run says nothing about one of the participants, or a prediction has no
            probability for every class.
    """
    own = [p for p in predictions if p.system == system]
    participants = tuple(sorted({p.participant_id for p in own}))
    runs = sorted({(p.repeat, p.seed) for p in own})
    sizes = {len(p.probabilities) for p in own}
    if len(sizes) != 1 or sizes == {0} or max(p.label for p in own) >= max(sizes):
        raise ValueError(f"system '{system}': expected a probability for every class in every row")
    column = {name: index for index, name in enumerate(participants)}
    row = {run: index for index, run in enumerate(runs)}
    total = np.zeros((len(runs), len(participants), sizes.pop()))
    count = np.zeros(total.shape[:2])
    fold = np.zeros(total.shape[:2], dtype=np.int64)
    labels = np.zeros(len(participants), dtype=np.int64)
    for p in own:
        place = row[p.repeat, p.seed], column[p.participant_id]
        total[place] += p.probabilities
        count[place] += 1
        fold[place] = p.fold
        labels[place[1]] = p.label
    if not count.all():
        raise ValueError(f"system '{system}': a run lacks predictions for some participants")
    return ClassScores(
        participants=participants,
        labels=labels,
        probabilities=total / count[:, :, None],
        fold=fold,
    )


def class_estimates(
    scores: ClassScores, classes: Sequence[str], *, is_ordered: bool
) -> dict[str, Estimate]:
    """Every metric of one system.

    Args:
        scores: from `class_scores_of`.
        classes: their names, for ``auroc_NAME``.
        is_ordered: whether they have an order, so that a miss by two classes is worse than by one.
    """
    counted = COUNTED | ORDERED if is_ordered else COUNTED
    return {
        "macro_auroc": _macro_auroc(scores),
        "balanced_accuracy": _balanced_accuracy(scores),
        "accuracy": _accuracy(scores),
        **_counted(scores, counted),
        **{
            f"auroc_{name}": METRICS["auroc"](scores.against_rest(label))
            for label, name in enumerate(classes)
        },
    }


def confusion(scores: ClassScores) -> tuple[tuple[Estimate, ...], ...]:
    """Of the participants of each class (rows): the share that is called each class (columns).

    The mean over the runs, with Wilson's interval; ``n`` is the size of the class.
    """
    found = []
    for label in range(scores.num_classes):
        decided = scores.decided[:, scores.labels == label]
        shares = [float((decided == called).mean()) for called in range(scores.num_classes)]
        found.append(tuple(_share(s, decided.shape[1], scores.variance_factor) for s in shares))
    return tuple(found)


def _share(share: float, n: int, factor: float) -> Estimate:
    low, high = wilson(share, n / factor)
    return Estimate(estimate=share, low=low, high=high, n=n)


def _accuracy(scores: ClassScores) -> Estimate:
    right = float((scores.decided == scores.labels).mean())
    return _share(right, len(scores.labels), scores.variance_factor)


def _balanced_accuracy(scores: ClassScores) -> Estimate:
    """The mean over the classes of the share told rightly; Wilson limits combined (MOVER).

    Zou and Donner (2008), as for two classes.
    """
    recalls = [row[label] for label, row in enumerate(confusion(scores))]
    value = sum(r.estimate for r in recalls) / len(recalls)
    down = math.hypot(*(r.estimate - r.low for r in recalls)) / len(recalls)
    up = math.hypot(*(r.high - r.estimate for r in recalls)) / len(recalls)
    return Estimate(estimate=value, low=value - down, high=value + up, n=len(scores.labels))


def _macro_auroc(scores: ClassScores) -> Estimate:
    """The mean of the AUROCs of each class against the rest, with DeLong's error of the mean.

    How far a participant moves the mean is the sum of how far they move each AUROC, once as one of
    the class and otherwise as one of the rest; the variance is the sum of the squares.
    """
    classes = range(scores.num_classes)
    values = []
    moved = np.zeros(len(scores.labels))
    for label in classes:
        value, of_class, of_rest = auroc_parts(scores.against_rest(label))
        is_class = scores.labels == label
        moved[is_class] += (of_class - of_class.mean()) / len(of_class)
        moved[~is_class] += (of_rest - of_rest.mean()) / len(of_rest)
        values.append(value)
    factor = scores.variance_factor
    estimate = sum(values) / len(values)
    low, high = logit_interval(
        estimate,
        float(np.sqrt(np.square(moved / len(values)).sum() * factor)),
        smaller_class=min(int((scores.labels == label).sum()) for label in classes) / factor,
    )
    return Estimate(estimate=estimate, low=low, high=high, n=len(scores.labels))


def _counted(
    scores: ClassScores, metrics: dict[str, tuple[CountMetric, tuple[float, float]]]
) -> dict[str, Estimate]:
    """Metrics of the confusion matrix, with a bootstrap of participants within class."""
    widen, n = math.sqrt(scores.variance_factor), len(scores.labels)
    whole = _runs_counted(scores, np.ones((1, n)))
    drawn = _runs_counted(scores, drawn_within(scores.labels))
    found = {}
    for name, (metric, inside) in metrics.items():
        value = float(np.mean([metric(counts)[0] for counts in whole]))
        draws = np.mean([metric(counts) for counts in drawn], axis=0)
        low, high = widened_interval(value, draws, widen=widen, inside=inside)
        found[name] = Estimate(estimate=value, low=low, high=high, n=n)
    return found


def _runs_counted(scores: ClassScores, weights: Weights) -> list[Counts]:
    """The confusion matrix of every draw, one array per run."""
    number = scores.num_classes
    cells = np.eye(number * number)
    return [
        (weights @ cells[scores.labels * number + decided]).reshape(-1, number, number)
        for decided in scores.decided
    ]


def _f1_of_classes(counts: Counts) -> Float[np.ndarray, " draw"]:
    hits = np.diagonal(counts, axis1=1, axis2=2)
    total = counts.sum(axis=1) + counts.sum(axis=2)
    f1: np.ndarray = (2 * hits / np.where(total > 0, total, 1.0)).mean(axis=1)
    return f1


def _mean_distance(counts: Counts) -> Float[np.ndarray, " draw"]:
    distance = np.abs(np.subtract.outer(*2 * [np.arange(counts.shape[1])]))
    mean: np.ndarray = (counts * distance).sum(axis=(1, 2)) / counts.sum(axis=(1, 2))
    return mean


def _kappa(counts: Counts) -> Float[np.ndarray, " draw"]:
    """Cohen's (1968) weighted kappa; a miss weighs the square of its distance."""
    penalty = np.square(np.subtract.outer(*2 * [np.arange(counts.shape[1])]))
    total = counts.sum(axis=(1, 2))
    by_chance = counts.sum(axis=2)[:, :, None] * counts.sum(axis=1)[:, None, :]
    expected = (by_chance * penalty).sum(axis=(1, 2)) / total
    # With two classes in the sample the truth alone makes the expected misses more than none.
    kappa: np.ndarray = 1.0 - (counts * penalty).sum(axis=(1, 2)) / expected
    return kappa


COUNTED: dict[str, tuple[CountMetric, tuple[float, float]]] = {
    "macro_f1": (_f1_of_classes, (0.0, 1.0)),
}
"""Metrics of the confusion matrix, with the least and the largest value they can have."""
ORDERED: dict[str, tuple[CountMetric, tuple[float, float]]] = {
    "class_distance": (_mean_distance, (0.0, math.inf)),
    "quadratic_kappa": (_kappa, (-1.0, 1.0)),
}
"""More of them, of classes with an order."""
