"""What perturbations do to the answers: a figure per perturbation."""

import functools
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cogspeech.reporting.figures import INK, MUTED, NEGATIVE, POSITIVE, Drawing, draw_page
from cogspeech.robustness.curves import Curve
from cogspeech.robustness.measure import Robustness
from cogspeech.types import Estimate

HEIGHT_IN = 4.4
SIDESTEP = 0.09
"""By how much the classes stand beside each other, in steps of severity."""


def draw_robustness(found: Robustness | None, classes: tuple[str, str]) -> tuple[Drawing, ...]:
    """Every curve; nothing where the study asked for none."""
    return tuple(_drawing(curve, classes) for curve in (found.curves if found else ()))


def _drawing(curve: Curve, classes: tuple[str, str]) -> Drawing:
    people = curve.points[0].metrics["auroc"].n
    negative, positive = ("".join(filter(str.isprintable, name)) for name in classes)
    return draw_page(
        f"robustness-{curve.name}",
        curve.name,
        f"It {curve.does}. Above: AUROC; dashed: guessing. Below: share of participants whose "
        f"decision changes, circles: {negative}, diamonds: {positive}. Bars are 95 % intervals "
        f"over n = {people} participants, fewer where nothing was left of a recording.",
        functools.partial(_panels, curve=curve),
        height_in=HEIGHT_IN,
    )


def _panels(figure: Figure, *, curve: Curve) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    places = range(len(curve.points))
    upper.axhline(0.5, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    _bars(upper, [p.metrics["auroc"] for p in curve.points], INK, "o")
    upper.set_ylim(-0.02, 1.02)
    upper.set_ylabel("AUROC")
    for label, colour, marker in ((0, NEGATIVE, "o"), (1, POSITIVE, "D")):
        flips = [p.by_class[label].flip_rate for p in curve.points]
        _bars(lower, flips, colour, marker, step=SIDESTEP * (2 * label - 1))
    lower.set_ylim(-0.02, 1.02)
    lower.set_ylabel("decision changed")
    lower.set_xticks(places, [point.severity for point in curve.points])
    lower.set_xlim(-0.4, len(curve.points) - 0.6)
    lower.set_xlabel(curve.unit)


def _bars(
    axes: Axes, found: Sequence[Estimate], colour: str, marker: str, *, step: float = 0.0
) -> None:
    x = [place + step for place in range(len(found))]
    axes.plot(x, [e.estimate for e in found], color=colour, linewidth=1.2, alpha=0.7)
    axes.plot(x, [e.estimate for e in found], color=colour, linestyle="none", marker=marker,
              markersize=4.5)  # fmt: skip
    for place, estimate in zip(x, found, strict=True):
        axes.plot([place, place], [estimate.low, estimate.high], color=colour, linewidth=1.4)
