"""The report on calibration, abstention and the decision curve: what is read, and two figures."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

from cogspeech.evaluation.decision_curve import DecisionCurve
from cogspeech.evaluation.metrics import Scores, scores_of
from cogspeech.evaluation.reliability import BANDWIDTH, Curve, Reliability, reliability_curve
from cogspeech.reporting.figures import (
    INK,
    MUTED,
    NEGATIVE,
    POSITIVE,
    Drawing,
    counted,
    draw_page,
    plain,
    short,
)
from cogspeech.reporting.reading import Part
from cogspeech.types import Estimate, Prediction


class _Stretch(Part):
    median: float
    smallest: float
    largest: float


class _Calibrated(Part):
    fits: int
    stretch: _Stretch | None
    before: Reliability | None
    after: Reliability


class CalibrationRead(Part):
    """The key ``calibration`` of ``metrics.json``."""

    method: Literal["temperature", "platt", "none"]
    systems: dict[str, _Calibrated]


class _Abstained(Part):
    reason: str | None
    kind: Literal["class_conditional", "marginal"] | None
    coverage: Estimate | None = None
    coverage_of_classes: dict[str, Estimate] = Field(default={})
    abstained: Estimate | None = None
    abstained_of_classes: dict[str, Estimate] = Field(default={})
    neither: Estimate | None = None
    error_among_decided: Estimate | None = None


class AbstentionRead(Part):
    """The key ``abstention`` of ``metrics.json``."""

    coverage: float
    statement: str
    systems: dict[str, _Abstained]


def draw_calibration(
    own: Sequence[Prediction],
    scores: Scores,
    curves: Sequence[DecisionCurve],
    classes: tuple[str, str],
    *,
    fewest: int = 1,
) -> tuple[Drawing, ...]:
    """The reliability of the primary system and its decision curves.

    Args:
        own: its predictions, which may know the probabilities before calibration.
        scores: the same by participant.
        curves: as read.
        classes: the negative class first.
        fewest: people that a mark may be about; above 1 nobody has one.
    """
    name, positive = plain(own[0].system), plain(classes[1])
    runs = counted(len(scores.probability), "run")
    about = f"{name}, n = {scores.num_participants} participants, {runs}"
    raw = [replace(p, probability=p.probability_raw) for p in own if p.probability_raw is not None]
    before = reliability_curve(scores_of(raw, own[0].system)) if raw else None
    drawings = [
        draw_page(
            "reliability",
            "Do the probabilities mean what they say?",
            f"{about}. Among participants with a similar probability: the share that really is "
            f"'{positive}' (local linear regression, bandwidth {BANDWIDTH}, over the middle 95 % "
            "of the probabilities). On the dashed line both agree. Grey: 95 % band."
            + (" Dotted: before calibration." if before else "")
            + (" Marks at the edges: one per participant, mean over runs." if fewest == 1 else ""),
            lambda figure: _reliability(
                figure.subplots(), scores, before, classes[1], has_people=fewest == 1
            ),
            height_in=3.7,
        )
    ]
    if curves:
        shares = " and ".join(f"{100 * curve.prevalence:.3g} %" for curve in curves)
        drawings.append(
            draw_page(
                "decision-curve",
                "Is acting on the answers worth it?",
                f"{about}. Net benefit: right alarms per 100 people, less false alarms weighted by "
                "the odds of the threshold, if a prevalence of "
                f"{shares} of '{positive}' is supposed. Dark: acting at a probability above the "
                "threshold, with a 95 % band. Dashed: acting on everybody. Zero: on nobody. Where "
                "the band holds one of these lines, the answers are not shown to help.",
                lambda figure: _decision_curves(figure, curves),
                height_in=3.0,
            )
        )
    return tuple(drawings)


def _reliability(
    axes: Axes, scores: Scores, before: Curve | None, positive: str, *, has_people: bool
) -> None:
    after = reliability_curve(scores)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.fill_between(after.probability, after.low, after.high, color=MUTED, alpha=0.3, linewidth=0)
    if before:
        axes.plot(
            before.probability,
            before.share,
            color=INK,
            linewidth=1.2,
            linestyle=(0, (1, 2)),
        )
    axes.plot(after.probability, after.share, color=INK, linewidth=2.2)
    mean = scores.probability.mean(axis=0)
    for label, colour, place in ((0, NEGATIVE, -0.05), (1, POSITIVE, 1.05)) if has_people else ():
        people = mean[scores.labels == label]
        axes.plot(
            people,
            np.full(len(people), place),
            color=colour,
            marker="|",
            markersize=7,
            linestyle="none",
        )
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.1, 1.1)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_xlabel("Predicted probability")
    axes.set_ylabel(f"Share of '{short(positive)}'")


def _decision_curves(figure: Figure, curves: Sequence[DecisionCurve]) -> None:
    panels = figure.subplots(1, len(curves), squeeze=False)[0]
    for axes, curve in zip(panels, curves, strict=True):
        thresholds = np.array(curve.thresholds)
        value, low, high, everybody = (
            100 * np.array(line)
            for line in (curve.net_benefit, curve.low, curve.high, curve.treat_all)
        )
        axes.axhline(0.0, color=MUTED, linewidth=1)
        axes.plot(thresholds, everybody, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.fill_between(thresholds, low, high, color=MUTED, alpha=0.3, linewidth=0)
        axes.plot(thresholds, value, color=INK, linewidth=1.8)
        top = 100 * curve.prevalence
        axes.set_ylim(-0.35 * top, 1.1 * top)
        axes.set_xlim(0, 1 if curve.prevalence > 0.3 else 0.6)
        axes.set_title(f"prevalence {top:.3g} %", fontsize=9, loc="left", pad=3)
    figure.supxlabel("Threshold probability", fontsize=9)
    figure.supylabel("Net benefit per 100 people", fontsize=9)
