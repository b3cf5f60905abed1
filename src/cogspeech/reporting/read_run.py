"""A whole run folder, read and checked: what the report is made from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, JsonValue, PositiveInt, TypeAdapter

from cogspeech.audit.base import Severity, Verdict
from cogspeech.config import Study
from cogspeech.evaluation.comparison import Comparison
from cogspeech.evaluation.decision_curve import DecisionCurve
from cogspeech.evaluation.detectable import Detectable
from cogspeech.evaluation.metrics import Scores
from cogspeech.evaluation.operating_points import OperatingPoint
from cogspeech.evaluation.spread import SystemSpread
from cogspeech.evaluation.subgroups import Subgroups
from cogspeech.reporting.calibration import AbstentionRead, CalibrationRead
from cogspeech.reporting.flow import Flow
from cogspeech.reporting.outcomes import (
    binary_scores,
    needed_metrics,
    read_predictions,
    read_scored,
)
from cogspeech.reporting.reading import Part, checked
from cogspeech.reporting.run_facts import RunFacts, read_facts, read_flow
from cogspeech.reporting.shown_words import Attributions
from cogspeech.reporting.training_curves import Histories
from cogspeech.reporting.transcript_table import QualityRow, read_quality
from cogspeech.robustness.measure import Robustness
from cogspeech.training.history import HISTORY, EpochRecord
from cogspeech.types import Estimate, Prediction, ScorePrediction

_Facts = TypeAdapter(dict[str, JsonValue])
_Epoch = TypeAdapter(EpochRecord)


class ProbeRead(Part):
    """What a probe reached, and by which rule it is judged."""

    auroc: Estimate | None
    p_value: float | None
    verdict: Literal["clear", "shortcut", "not_applicable"]
    looks_at: str
    p_adjusted: float | None = None
    rule: str = ""
    """Empty, as the rest, in a run folder from before every probe had a rule of its own."""
    red_means: str = ""
    reason: str = ""


class MetricsRead(Part):
    """``metrics.json``."""

    n_participants: PositiveInt
    n_recordings: int
    classes: tuple[str, ...]
    """The negative one first; none where the target is a score."""
    score: str | None = None
    """The column of the score."""
    primary: str
    systems: dict[str, dict[str, Estimate]]
    confusion: dict[str, tuple[tuple[Estimate | None, ...], ...]] = Field(default={})
    """Of more than two classes: rows of the truth, columns of the decision; ``None``: not told."""
    not_applicable: dict[str, str] = Field(default={})
    terms: dict[str, str] = Field(default={})
    comparisons: tuple[Comparison, ...]
    configurations_tried: PositiveInt = 1
    detectable: Detectable | None = None
    operating_points: tuple[OperatingPoint, ...] = ()
    probes: dict[str, ProbeRead]
    probe_rule: str = ""
    """Of all probes in such a run folder."""
    calibration: CalibrationRead | None = None
    abstention: AbstentionRead | None = None
    decision_curve: tuple[DecisionCurve, ...] = ()
    spread: dict[str, SystemSpread] = Field(default={})
    test_set_looks: PositiveInt | None = None
    notice: str | None
    use: str
    subgroups: Subgroups | None = None
    robustness: Robustness | None = None


class FindingRead(Part):
    """A finding of the audit."""

    code: str
    severity: Severity
    recordings: tuple[str, ...]
    message: str
    accepted: str | None


class AuditRead(Part):
    """``audit.json``."""

    verdict: Verdict
    n_recordings: int
    findings: tuple[FindingRead, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeRun:
    """A run folder, read and checked."""

    metrics: MetricsRead
    predictions: tuple[Prediction, ...]
    """Empty where the target is a score without classes."""
    scored: tuple[ScorePrediction, ...]
    """Empty where the target has no score."""
    scores: Scores | None
    """Of the primary system: any class but the first, against the first."""
    attributions: Attributions
    flow: Flow | None
    """``None`` in a run folder without a ``corpus.json``."""
    quality: tuple[QualityRow, ...]
    """Empty in a run folder from before there was a ``quality.csv``."""
    audit: AuditRead
    study: Study
    study_yaml: str
    provenance: dict[str, JsonValue]
    facts: RunFacts | None
    """For cards and checklists; ``None`` in a run folder without a ``corpus.json``."""
    histories: Histories
    """Of the primary system; empty where the checkpoints are gone."""


def read_run(run_dir: Path) -> WholeRun:
    """Reads and checks every file.

    Raises:
        CogspeechError: a file is missing or not what `run` writes.
    """
    metrics = checked(run_dir / "metrics.json", _metrics)
    predictions = checked(
        run_dir / "predictions.csv", lambda text: read_predictions(text, metrics.classes)
    )
    return WholeRun(
        metrics=metrics,
        predictions=predictions,
        scored=checked(run_dir / "predictions.csv", read_scored) if metrics.score else (),
        scores=checked(
            run_dir / "predictions.csv", lambda _: binary_scores(predictions, metrics.primary)
        )
        if metrics.classes
        else None,
        attributions=checked(run_dir / "attributions.json", Attributions.model_validate_json),
        flow=read_flow(run_dir),
        quality=checked(run_dir / "quality.csv", read_quality)
        if (run_dir / "quality.csv").exists()
        else (),
        audit=checked(run_dir / "audit.json", AuditRead.model_validate_json),
        study=checked(
            run_dir / "study.yaml", lambda text: Study.model_validate(yaml.safe_load(text))
        ),
        study_yaml=checked(run_dir / "study.yaml", str),
        provenance=checked(run_dir / "provenance.json", _Facts.validate_json),
        facts=read_facts(run_dir) if (run_dir / "corpus.json").exists() else None,
        histories=_histories(run_dir / "checkpoints" / metrics.primary),
    )


def _metrics(text: str) -> MetricsRead:
    metrics = MetricsRead.model_validate_json(text)
    for system in (metrics.primary, *metrics.systems):
        for name in needed_metrics(metrics.classes):
            if name not in metrics.systems.get(system, ()):
                raise ValueError(f"every system, the primary among them, needs an {name}")
    if len(metrics.classes) == 1 or not (metrics.classes or metrics.score):
        raise ValueError("expected two classes or more, or none and a score")
    sizes = {len(part) for rows in metrics.confusion.values() for part in (rows, *rows)}
    if sizes - {len(metrics.classes)}:
        raise ValueError("expected confusion matrices of all classes")
    return metrics


def _histories(folder: Path) -> Histories:
    """By fold, those of every seed of the first repeat."""
    histories: dict[int, list[tuple[EpochRecord, ...]]] = {}
    for path in sorted(folder.glob(f"repeat0-fold*-seed*/{HISTORY}")):
        fold = int(path.parent.name.split("-")[1].removeprefix("fold"))
        histories.setdefault(fold, []).append(checked(path, _epochs))
    return dict(sorted(histories.items()))


def _epochs(text: str) -> tuple[EpochRecord, ...]:
    return tuple(_Epoch.validate_json(line) for line in text.splitlines())
