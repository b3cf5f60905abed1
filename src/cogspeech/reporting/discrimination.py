"""How well the primary system tells two classes apart, and every system beside it, as figures."""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes

from cogspeech.evaluation.metrics import THRESHOLD, Scores
from cogspeech.reporting.figures import (
    GUESSING,
    INK,
    MUTED,
    NEGATIVE,
    POSITIVE,
    Drawing,
    draw_axes,
    plain,
    short,
)
from cogspeech.types import Estimate

GRID = (np.arange(400) + 0.5) / 400
"""False-positive rates, and recalls, at which curves of folds are averaged."""
APART = 5
"""Fewest people of a class between two points of a curve that may be shared."""
TENTHS = np.linspace(0, 1, 11)


def draw_forest(aurocs: Mapping[str, Estimate], primary: str) -> Drawing:
    """The AUROC of every system with its interval.

    Args:
        aurocs: of all systems, in the order in which they shall stand.
        primary: the system that the report is about.
    """
    people = max(found.n for found in aurocs.values())
    return draw_axes(
        "forest",
        "AUROC of every system",
        f"Dot: AUROC. Bar: 95 % interval, n = {people} participants. "
        f"The dark diamond is {plain(primary)}. Dashed line: guessing (0.5).",
        lambda axes: _forest(axes, aurocs, primary),
        height_in=max(2.2, 0.85 + 0.27 * len(aurocs)),
    )


def draw_discrimination(
    scores: Scores, primary: str, classes: tuple[str, str], *, fewest: int = 1
) -> tuple[Drawing, ...]:
    """ROC and precision-recall curve, and where the participants lie.

    Args:
        scores: of the primary system.
        primary: its name.
        classes: the negative class first.
        fewest: of one participant on, or of how many, a mark may be about. Above 1 there is a
            histogram in place of a mark per participant, single runs are not drawn, and the
            points of a curve lie `APART` people from each other.
    """
    runs, people = scores.probability.shape
    about = f"{plain(primary)}, n = {people} participants"
    positives = int(scores.labels.sum())
    grids = [
        GRID if fewest == 1 else _coarse(count // APART)
        for count in (people - positives, positives)
    ]
    lines = (
        f"Thin lines: the {runs} runs (one repeat with one seed each), folds averaged inside a "
        "run. Thick line: their mean"
        if fewest == 1
        else f"The mean of {runs} runs, folds averaged inside a run, at points that lie at least "
        f"{APART} people apart"
    )
    area = "; the area under it is the {}" if fewest == 1 else ""
    return (
        draw_axes(
            "roc",
            "ROC curve",
            f"{about}. {lines}{area.format('AUROC')}. Dashed line: guessing.",
            lambda axes: _roc(axes, roc_curve(scores), grids[0], has_runs=fewest == 1),
        ),
        draw_axes(
            "precision-recall",
            "Precision and recall",
            f"{about}. {lines}{area.format('AUPRC')}. Dashed line: guessing, the share "
            f"of '{plain(classes[1])}' in this study. Elsewhere that share, and with it the "
            "precision, is another.",
            lambda axes: _precision_recall(axes, scores, grids[1], has_runs=fewest == 1),
        ),
        _participants(scores, about, classes, fewest),
    )


def _participants(scores: Scores, about: str, classes: tuple[str, str], fewest: int) -> Drawing:
    runs = len(scores.probability)
    if fewest == 1:
        return draw_axes(
            "participants",
            "Every participant",
            f"{about}. One mark per participant: the mean probability over {runs} runs. Decisions "
            f"fall at the dashed line ({THRESHOLD}).",
            lambda axes: _strips(axes, scores, classes),
        )
    return draw_axes(
        "participants",
        "Where the participants lie",
        f"{about}. The share of each class by mean probability over {runs} runs; bars are as wide "
        f"as it takes to hold {fewest} people or more. Decisions fall at the dashed line "
        f"({THRESHOLD}).",
        lambda axes: _histograms(axes, scores, classes, fewest),
    )


def _coarse(steps: int) -> Float[np.ndarray, " point"]:
    count = min(20, max(2, steps))
    return np.arange(1, count) / count


def roc_curve(scores: Scores) -> Float[np.ndarray, "run 400"]:
    """The true-positive rate at `GRID` for every run.

    Only participants of the same test fold are compared, each fold weighted by its pairs, so the
    area under the mean is the AUROC of `cogspeech.evaluation.metrics`.
    """
    return _averaged(scores, _roc_of_fold)


def precision_curve(scores: Scores) -> Float[np.ndarray, "run 400"]:
    """The precision at the recalls of `GRID` for every run.

    At a recall stands the precision where so many positives are called, ties called together, and
    each fold weighs as many as its positives: the area under the mean is the AUPRC of
    `cogspeech.evaluation.metrics`.
    """
    return _averaged(scores, _precision_of_fold)


_Curve = tuple[int, Float[np.ndarray, " 400"]]


def _roc_of_fold(labels: Int[np.ndarray, " own"], values: Float[np.ndarray, " own"]) -> _Curve:
    is_positive = labels == 1
    weight = int(is_positive.sum() * (~is_positive).sum())
    if not weight:
        return 0, np.zeros_like(GRID)
    cuts = np.append(np.unique(values)[::-1], -np.inf)
    called = values[None, :] > cuts[:, None]
    rates = (called[:, which].mean(axis=1) for which in (~is_positive, is_positive))
    return weight, np.interp(GRID, *rates)


def _precision_of_fold(
    labels: Int[np.ndarray, " own"], values: Float[np.ndarray, " own"]
) -> _Curve:
    hits = np.sort(values[labels == 1])[::-1]
    if not len(hits):
        return 0, np.zeros_like(GRID)
    found = (hits[None, :] >= hits[:, None]).sum(axis=1)
    seen = (values[None, :] >= hits[:, None]).sum(axis=1)
    return len(hits), (found / seen)[np.floor(GRID * len(hits)).astype(int)]


def _averaged(
    scores: Scores,
    of_fold: Callable[[Int[np.ndarray, " own"], Float[np.ndarray, " own"]], _Curve],
) -> Float[np.ndarray, "run 400"]:
    curves = np.zeros((len(scores.probability), len(GRID)))
    for run, (probability, fold) in enumerate(
        zip(scores.probability, scores.comparable, strict=True)
    ):
        total = 0
        for number in np.unique(fold):
            inside = fold == number
            weight, curve = of_fold(scores.labels[inside], probability[inside])
            curves[run] += weight * curve
            total += weight
        curves[run] /= max(1, total)
    return curves


def _forest(axes: Axes, aurocs: Mapping[str, Estimate], primary: str) -> None:
    axes.axvline(0.5, **GUESSING)
    for place, (name, found) in enumerate(aurocs.items()):
        colour, marker, size = (INK, "D", 6) if name == primary else (MUTED, "o", 5)
        axes.plot([found.low, found.high], [place, place], color=colour, linewidth=1.8)
        axes.plot([found.estimate], [place], marker=marker, color=colour, markersize=size)
    axes.set_yticks(range(len(aurocs)), [short(name) for name in aurocs])
    axes.set_ylim(len(aurocs) - 0.4, -0.6)
    axes.set_xlim(min([0.4, *(e.low - 0.03 for e in aurocs.values())]), 1.02)
    _no_left_axis(axes)
    axes.set_xlabel("AUROC (0.5 = guessing, 1 = perfect)")


def _roc(
    axes: Axes,
    curves: Float[np.ndarray, "run 400"],
    grid: Float[np.ndarray, " point"],
    *,
    has_runs: bool,
) -> None:
    axes.plot([0, 1], [0, 1], **GUESSING)
    x = np.concatenate([[0.0], grid, [1.0]])
    for curve in curves if has_runs else ():
        axes.plot(x, [0.0, *curve, 1.0], color=MUTED, linewidth=0.7, alpha=0.55)
    mean = np.interp(grid, GRID, curves.mean(axis=0))
    axes.plot(x, [0.0, *mean, 1.0], color=INK, linewidth=2.2)
    _unit_square(axes)
    axes.set_xlabel("False-positive rate (1 - specificity)")
    axes.set_ylabel("True-positive rate (sensitivity)")


def _precision_recall(
    axes: Axes, scores: Scores, grid: Float[np.ndarray, " point"], *, has_runs: bool
) -> None:
    axes.axhline(float(scores.labels.mean()), **GUESSING)
    curves = precision_curve(scores)
    for curve in curves if has_runs else ():
        axes.plot(GRID, curve, color=MUTED, linewidth=0.7, alpha=0.55)
    axes.plot(grid, np.interp(grid, GRID, curves.mean(axis=0)), color=INK, linewidth=2.2)
    _unit_square(axes)
    axes.set_xlabel("Recall (sensitivity)")
    axes.set_ylabel("Precision (positive predictive value)")


def _strips(axes: Axes, scores: Scores, classes: tuple[str, str]) -> None:
    mean = scores.probability.mean(axis=0)
    column = np.minimum((mean * 40).astype(int), 39)
    tallest = max(np.bincount(column[scores.labels == label]).max(initial=1) for label in (0, 1))
    step = min(0.11, 0.84 / tallest)
    for label, colour, marker in ((0, NEGATIVE, "o"), (1, POSITIVE, "D")):
        x, y = [], []
        for number in range(40):
            stack = np.sort(mean[(scores.labels == label) & (column == number)])
            x += list(stack)
            y += list(label + step * (np.arange(len(stack)) - (len(stack) - 1) / 2))
        axes.plot(x, y, color=colour, marker=marker, markersize=4.5, linestyle="none", alpha=0.8)
    _of_classes(axes, scores, classes, height=1.0, middle=0.0)


def merged_bins(values: Float[np.ndarray, " person"], fewest: int) -> tuple[list[float], list[int]]:
    """Bins over 0 to 1, edges at tenths, each with ``fewest`` values or more; edges and counts.

    Raises:
        ValueError: there are fewer values than that.
    """
    if len(values) < fewest:
        raise ValueError(f"expected {fewest} values or more, found {len(values)}")
    edges, counts, held = [0.0], [], 0
    for edge, count in zip(TENTHS[1:], np.histogram(values, bins=TENTHS)[0], strict=True):
        held += int(count)
        if held >= fewest:
            edges.append(float(edge))
            counts.append(held)
            held = 0
    edges[-1], counts[-1] = 1.0, counts[-1] + held
    return edges, counts


def _histograms(axes: Axes, scores: Scores, classes: tuple[str, str], fewest: int) -> None:
    mean = scores.probability.mean(axis=0)
    for label, colour in ((0, NEGATIVE), (1, POSITIVE)):
        edges, counts = merged_bins(mean[scores.labels == label], fewest)
        density = np.array(counts) / np.diff(edges) / sum(counts)
        heights = label + 0.85 * density / max(density)
        axes.stairs(heights, edges, baseline=label, fill=True, color=colour, alpha=0.75)
    _of_classes(axes, scores, classes, height=1.0, middle=0.4)


def _of_classes(
    axes: Axes, scores: Scores, classes: tuple[str, str], *, height: float, middle: float
) -> None:
    axes.axvline(THRESHOLD, **GUESSING)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(middle - 0.6, height + middle + 0.6)
    names = [f"{short(name)}\nn = {np.sum(scores.labels == i)}" for i, name in enumerate(classes)]
    axes.set_yticks([middle, height + middle], names)
    _no_left_axis(axes)
    axes.set_xlabel(f"Mean probability of '{short(classes[1])}'")


def _no_left_axis(axes: Axes) -> None:
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _unit_square(axes: Axes) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
