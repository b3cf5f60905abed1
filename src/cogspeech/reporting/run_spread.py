"""The single runs of every system and the single folds of the primary one, as figures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes

from cogspeech.evaluation.metrics import Scores, auroc_parts, scores_of
from cogspeech.reporting.figures import (
    GUESSING,
    INK,
    MUTED,
    Drawing,
    draw_axes,
    plain,
    short,
)
from cogspeech.types import Prediction

SIDESTEP = 0.32
"""How far marks of a row may lie from its middle, in rows."""


def draw_spread(
    predictions: Sequence[Prediction], systems: Sequence[str], primary: str, *, fewest: int = 1
) -> tuple[Drawing, ...]:
    """Every run of every system, and every test fold of the primary one.

    Args:
        predictions: of two classes.
        systems: in the order in which they shall stand.
        primary: the system that the report is about.
        fewest: people of a class; folds in which there may be fewer are not drawn.
    """
    scores = {name: scores_of(predictions, name) for name in systems}
    runs = {name: _of_runs(found) for name, found in scores.items()}
    own = scores[primary]
    drawings = [
        draw_axes(
            "runs",
            "Every run of every system",
            f"n = {own.num_participants} participants. One mark per run (a repeat with a seed), "
            "upright line: their mean, which is the AUROC of this report. How far marks of a row "
            "lie apart is luck of folds and seeds alone. Dashed line: guessing.",
            lambda axes: _rows(axes, runs, primary),
            height_in=max(2.2, 0.85 + 0.27 * len(runs)),
        )
    ]
    folds = _of_folds(own)
    if len(folds) > 1 and _fewest_of_a_class(own) >= fewest:
        size = own.num_participants / max(len(np.unique(own.fold)), 1)
        drawings.append(
            draw_axes(
                "folds",
                "Every fold of the primary system",
                f"{plain(primary)}. One mark per test fold and run, each with about {size:.0f} "
                "participants; upright line: the mean. So few people tell little: the folds of an "
                "honest study lie far apart. Dashed line: guessing.",
                lambda axes: _rows(axes, folds, ""),
                height_in=max(2.2, 0.85 + 0.27 * len(folds)),
            )
        )
    return tuple(drawings)


def _of_runs(scores: Scores) -> list[float]:
    return [auroc_parts(_run(scores, run))[0] for run in range(len(scores.probability))]


def _run(scores: Scores, run: int) -> Scores:
    return replace(scores, probability=scores.probability[[run]], fold=scores.fold[[run]])


def _of_folds(scores: Scores) -> dict[str, list[float]]:
    """By fold, the AUROC of every run; none where a fold tests one class, or one participant."""
    found: dict[str, list[float]] = {}
    for values, fold in zip(scores.probability, scores.fold, strict=True):
        for number in np.unique(fold):
            inside = fold == number
            positive = values[inside & (scores.labels == 1)]
            negative = values[inside & (scores.labels == 0)]
            if len(positive) and len(negative):
                margin = positive[:, None] - negative[None, :]
                won = float(((margin > 0) + 0.5 * (margin == 0)).mean())
                found.setdefault(f"fold {number + 1}", []).append(won)
    return found


def _fewest_of_a_class(scores: Scores) -> int:
    """Over all test folds."""
    return min(
        int(((fold == number) & (scores.labels == label)).sum())
        for fold in scores.fold
        for number in np.unique(fold)
        for label in (0, 1)
    )


def _rows(axes: Axes, rows: Mapping[str, Sequence[float]], primary: str) -> None:
    axes.axvline(0.5, **GUESSING)
    for place, (name, values) in enumerate(rows.items()):
        colour = INK if name == primary or not primary else MUTED
        step = np.linspace(-SIDESTEP, SIDESTEP, len(values)) if len(values) > 1 else [0.0]
        axes.plot(values, place + np.asarray(step), color=colour, marker="o", markersize=4,
                  linestyle="none", alpha=0.6)  # fmt: skip
        mean = float(np.mean(values))
        axes.plot([mean, mean], [place - 0.42, place + 0.42], color=colour, linewidth=2)
    axes.set_yticks(range(len(rows)), [short(name) for name in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(min([0.4, *(value - 0.03 for of in rows.values() for value in of)]), 1.02)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("AUROC (0.5 = guessing, 1 = perfect)")
