"""Measured against predicted scores, as figures."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from cogspeech.reporting.figures import (
    INK,
    MUTED,
    NEGATIVE,
    Drawing,
    counted,
    draw_axes,
    plain,
    short,
)
from cogspeech.types import ScorePrediction

LIMITS = 1.96
"""Deviations on each side of the mean difference: 95 % of differences that are normal."""


def draw_scores(
    scored: Sequence[ScorePrediction], primary: str, column: str | None, *, fewest: int = 1
) -> tuple[Drawing, ...]:
    """Measured against predicted scores, and how far they lie apart.

    Args:
        scored: of all systems; the figures are about the primary one.
        primary: its name.
        column: what the score is called.
        fewest: people that a mark must be about; above 1 marks are means, and only the first
            figure is drawn.
    """
    own = [p for p in scored if p.system == primary]
    if not own:
        return ()
    measured, predicted, people = mean_scores(own)
    name, runs = plain(column or "score"), len({(p.repeat, p.seed) for p in own})
    about = f"{plain(primary)}, n = {people} participants, {len(measured)} recordings."
    apart = predicted - measured
    if fewest > 1:
        return (_grouped(own, about, name, fewest),)
    middle, spread = float(apart.mean()), float(apart.std(ddof=1)) if len(apart) > 1 else 0.0
    about = f"{about} One mark per recording: the mean prediction of {counted(runs, 'run')}."
    return (
        draw_axes(
            "scores",
            f"Measured and predicted {name}",
            f"{about} On the dashed line both agree.",
            lambda axes: _agreement(axes, measured, predicted, name),
            height_in=4.1,
        ),
        draw_axes(
            "apart",
            f"How far the predicted {name} lies from the measured one",
            f"{about} Left to right: the mean of both. Above 0 the prediction is too high. Full "
            f"line: the mean difference, {middle:+.2f}; dashed lines: 95 % limits of agreement, "
            f"{middle - LIMITS * spread:+.2f} and {middle + LIMITS * spread:+.2f} (Bland and "
            "Altman, 1986). Marks that fall from left to right mean that low scores are predicted "
            "too high and high ones too low.",
            lambda axes: _differences(axes, (measured + predicted) / 2, apart, (middle, spread)),
            height_in=3.4,
        ),
    )


def _grouped(own: Sequence[ScorePrediction], about: str, name: str, fewest: int) -> Drawing:
    by_person: dict[str, list[tuple[float, float]]] = {}
    for each in own:
        by_person.setdefault(each.participant_id, []).append((each.score, each.predicted_score))
    people = np.array(sorted(tuple(np.mean(pairs, axis=0)) for pairs in by_person.values()))
    groups = [group.mean(axis=0) for group in np.array_split(people, max(1, len(people) // fewest))]
    measured, predicted = np.array(groups).T
    return draw_axes(
        "scores",
        f"Measured and predicted {name}",
        f"{about} One mark per {fewest} participants or more with similar measured scores: the "
        "mean of both. On the dashed line both agree.",
        lambda axes: _agreement(axes, measured, predicted, name),
        height_in=4.1,
    )


def mean_scores(
    scored: Sequence[ScorePrediction],
) -> tuple[Float[np.ndarray, " recording"], Float[np.ndarray, " recording"], int]:
    """Measured and mean predicted score of every recording, and how many people they are of."""
    said: dict[str, list[float]] = {}
    for prediction in scored:
        said.setdefault(prediction.recording_id, []).append(prediction.predicted_score)
    measured = {p.recording_id: p.score for p in scored}
    return (
        np.array([measured[name] for name in said]),
        np.array([np.mean(values) for values in said.values()]),
        len({p.participant_id for p in scored}),
    )


def _agreement(
    axes: Axes,
    measured: Float[np.ndarray, " recording"],
    predicted: Float[np.ndarray, " recording"],
    name: str,
) -> None:
    low, high = (float(end([measured, predicted])) for end in (np.min, np.max))
    room = 0.05 * (high - low) or 1.0
    ends = [low - room, high + room]
    axes.plot(ends, ends, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    _marks(axes, measured, predicted)
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    axes.set_aspect("equal")
    axes.set_xlabel(f"Measured {short(name)}")
    axes.set_ylabel(f"Predicted {short(name)}")


def _differences(
    axes: Axes,
    mean: Float[np.ndarray, " recording"],
    apart: Float[np.ndarray, " recording"],
    middle_and_spread: tuple[float, float],
) -> None:
    middle, spread = middle_and_spread
    axes.axhline(0.0, color=MUTED, linewidth=0.8)
    axes.axhline(middle, color=INK, linewidth=1.6)
    for side in (-1, 1):
        axes.axhline(middle + side * LIMITS * spread, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    _marks(axes, mean, apart)
    axes.set_xlabel("Mean of measured and predicted")
    axes.set_ylabel("Predicted minus measured")


def _marks(
    axes: Axes, x: Float[np.ndarray, " recording"], y: Float[np.ndarray, " recording"]
) -> None:
    axes.plot(x, y, color=NEGATIVE, marker="o", markersize=4.5, linestyle="none", alpha=0.7)
