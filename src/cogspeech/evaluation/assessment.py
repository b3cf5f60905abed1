"""Everything that the answers of a study's systems show, put together: stage 6 on one page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cogspeech.config import Study
from cogspeech.evaluation.base import PROBES, ProbeTask
from cogspeech.evaluation.comparison import (
    COMPARED_METRICS,
    PRIMARY_METRIC,
    Comparison,
    compare_with_primary,
)
from cogspeech.evaluation.deciding import Decided
from cogspeech.evaluation.decision_measures import measure_decisions
from cogspeech.evaluation.detectable import Detectable, detectable_differences
from cogspeech.evaluation.estimates import estimate_systems, training_means_of
from cogspeech.evaluation.metrics import scores_of
from cogspeech.evaluation.operating_points import OperatingPoint, operating_points
from cogspeech.evaluation.probing import ProbeResult, run_probes
from cogspeech.evaluation.subgroups import Subgroups, evaluate_subgroups
from cogspeech.types import Case, Estimate, Progress, no_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What the answers show. Only two classes have all of it."""

    metrics: dict[str, dict[str, Estimate]]
    comparisons: tuple[Comparison, ...]
    probes: tuple[ProbeResult, ...]
    decisions: dict[str, Any]
    """Calibration, abstention and decision curve."""
    detectable: Detectable | None = None
    operating_points: tuple[OperatingPoint, ...] = ()
    subgroups: Subgroups | None = None
    """Of the primary system."""


def assess(
    study: Study,
    decided: Decided,
    systems: Sequence[str],
    task: ProbeTask,
    *,
    is_ordered: bool,
    progress: Progress = no_progress,
) -> Assessment:
    """Estimates, comparisons, probes, and what else the target allows.

    Args:
        study: whose target, evaluation, seed and probes count.
        decided: the answers of all systems.
        systems: their names, the primary one first.
        task: the recordings and folds, and fits of the primary system that can be asked again.
        is_ordered: whether the classes have an order.
        progress: is told about every probe.
    """
    answered, classes, (primary, *others) = decided.answered, study.target.classes, systems
    # Of more classes, accuracy is about all of them, and a comparison about two sides.
    compared = COMPARED_METRICS if len(classes) == 2 else (PRIMARY_METRIC,)
    found = Assessment(
        metrics=estimate_systems(
            answered,
            systems,
            classes=classes,
            is_ordered=is_ordered,
            training_means=training_means_of(task.cases, task.plan),
        ),
        comparisons=compare_with_primary(answered.test, primary, others, compared)
        if answered.test
        else (),
        probes=run_probes(probe_names(study), task, progress=progress),
        decisions=measure_decisions(decided, study, systems=systems),
    )
    return _of_two_classes(found, decided, primary, task.cases) if len(classes) == 2 else found


def _of_two_classes(
    found: Assessment, decided: Decided, primary: str, cases: Sequence[Case]
) -> Assessment:
    answered = decided.answered
    scores = scores_of(answered.test, primary)
    return replace(
        found,
        detectable=detectable_differences(scores, found.comparisons),
        operating_points=operating_points(answered.test, answered.validation, primary),
        subgroups=evaluate_subgroups(scores, [case.recording for case in cases]),
    )


def probe_names(study: Study) -> tuple[str, ...]:
    """The probes of a study."""
    return PROBES.names() if study.probes == "all" else study.probes
