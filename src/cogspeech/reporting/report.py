"""``report.html`` from the files of a run folder, and from nothing else.

Everything that is read is checked first; everything that is shown is escaped: words, names and
identifiers are other people's text. The page asks nobody for anything and runs no script.
"""

import base64
import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from pydantic import Field, JsonValue, PositiveInt, TypeAdapter

from cogspeech.audit.base import Severity, Verdict
from cogspeech.cache import write_atomically
from cogspeech.config import Study
from cogspeech.evaluation.comparison import SIGNIFICANT, Comparison, winner
from cogspeech.evaluation.decision_curve import DecisionCurve
from cogspeech.evaluation.detectable import Detectable, sentence
from cogspeech.evaluation.estimates import by_metric, primary_metric
from cogspeech.evaluation.intervals import BOOTSTRAP_DRAWS
from cogspeech.evaluation.ledger import looks_sentence
from cogspeech.evaluation.metrics import THRESHOLD, Scores
from cogspeech.evaluation.operating_points import OperatingPoint
from cogspeech.evaluation.score_metrics import METRICS_OF_SCORES, Scored
from cogspeech.evaluation.spread import SystemSpread
from cogspeech.evaluation.subgroups import Subgroups
from cogspeech.reporting.calibration import AbstentionRead, CalibrationRead, draw_calibration
from cogspeech.reporting.figures import Drawing, draw_figures
from cogspeech.reporting.flow import Flow, draw_flow
from cogspeech.reporting.outcomes import (
    binary_scores,
    draw_scores,
    groups_of,
    needed_metrics,
    read_predictions,
    read_scored,
    shown_metrics,
    tint_of_share,
    two_names,
)
from cogspeech.reporting.reading import Part, checked
from cogspeech.reporting.robustness_curves import draw_robustness
from cogspeech.reporting.run_facts import read_flow
from cogspeech.reporting.shown_words import (
    SHOWN_PAUSE_S,
    TINTS,
    Attributions,
    shown_recordings,
    signed,
    tint,
)
from cogspeech.reporting.training_curves import Histories, draw_training
from cogspeech.reporting.transcript_table import QualityRow, read_quality, transcript_table
from cogspeech.robustness.measure import Robustness
from cogspeech.training.history import HISTORY, EpochRecord
from cogspeech.types import Estimate, Prediction, ScorePrediction

ReadT = TypeVar("ReadT")
_Facts = TypeAdapter(dict[str, JsonValue])
_Epoch = TypeAdapter(EpochRecord)

MOST_NAMES = 12
"""Recordings that are named beside a finding; the rest is counted."""


class _Probe(Part):
    auroc: Estimate | None
    p_value: float | None
    verdict: Literal["clear", "shortcut", "not_applicable"]
    looks_at: str
    p_adjusted: float | None = None
    rule: str = ""
    """Empty, as the rest, in a run folder from before every probe had a rule of its own."""
    red_means: str = ""
    reason: str = ""


class _Metrics(Part):
    n_participants: PositiveInt
    n_recordings: int
    classes: tuple[str, ...]
    """The negative one first; none where the target is a score."""
    score: str | None = None
    """The column of the score."""
    primary: str
    systems: dict[str, dict[str, Estimate]]
    confusion: dict[str, tuple[tuple[Estimate, ...], ...]] = Field(default={})
    """Of more than two classes: rows of the truth, columns of the decision."""
    not_applicable: dict[str, str] = Field(default={})
    terms: dict[str, str] = Field(default={})
    comparisons: tuple[Comparison, ...]
    configurations_tried: PositiveInt = 1
    detectable: Detectable | None = None
    operating_points: tuple[OperatingPoint, ...] = ()
    probes: dict[str, _Probe]
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


class _Finding(Part):
    code: str
    severity: Severity
    recordings: tuple[str, ...]
    message: str
    accepted: str | None


class _Audit(Part):
    verdict: Verdict
    n_recordings: int
    findings: tuple[_Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run folder, read and checked."""

    metrics: _Metrics
    predictions: tuple[Prediction, ...]
    """Empty where the target is a score without classes."""
    scored: tuple[ScorePrediction, ...]
    """Empty where the target has no score."""
    scores: Scores | None
    """Of the primary system: any class but the first, against the first."""
    attributions: Attributions
    flow: Flow | None
    """``None`` in a run folder from before there was a ``corpus.json``."""
    quality: tuple[QualityRow, ...]
    """Empty in a run folder from before there was a ``quality.csv``."""
    audit: _Audit
    study: Study
    study_yaml: str
    provenance: dict[str, JsonValue]
    histories: Histories
    """Of the primary system; empty where the checkpoints are gone."""


def write_report(run_dir: Path) -> Path:
    """Makes ``report.html`` anew from the other files of the run folder; gives its path.

    Raises:
        CogspeechError: a file is missing or not what `run` writes.
    """
    run = _read(run_dir)
    path = run_dir / "report.html"
    write_atomically(path, _page(run).encode())
    return path


def _read(run_dir: Path) -> _Run:
    metrics = checked(run_dir / "metrics.json", _metrics)
    predictions = checked(
        run_dir / "predictions.csv", lambda text: read_predictions(text, metrics.classes)
    )
    return _Run(
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
        audit=checked(run_dir / "audit.json", _Audit.model_validate_json),
        study=checked(
            run_dir / "study.yaml", lambda text: Study.model_validate(yaml.safe_load(text))
        ),
        study_yaml=checked(run_dir / "study.yaml", str),
        provenance=checked(run_dir / "provenance.json", _Facts.validate_json),
        histories=_histories(run_dir / "checkpoints" / metrics.primary),
    )


def _metrics(text: str) -> _Metrics:
    metrics = _Metrics.model_validate_json(text)
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


@functools.cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("cogspeech.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"csp": _csp_hash, "signed": signed, "sentence": _sentence}
    environment.filters["looks"] = looks_sentence
    return environment.get_template("report.html.j2")


def _page(run: _Run) -> str:
    metrics = run.metrics
    own: list[Scored] = [p for p in run.predictions or run.scored if p.system == metrics.primary]
    groups, names = groups_of(own, metrics.classes), two_names(metrics.classes, metrics.score)
    ranked = by_metric(metrics.systems, primary_metric(metrics.classes))
    return _template().render(
        run=run,
        metrics=metrics,
        primary_estimates=metrics.systems[metrics.primary],
        names=names,
        primary_metric=primary_metric(metrics.classes),
        systems=ranked,
        metric_names=shown_metrics(ranked, metrics.classes),
        score_metrics=tuple(METRICS_OF_SCORES),
        tint_of_share=tint_of_share,
        comparisons=[(c, *_order(c)) for c in metrics.comparisons],
        drawings=_drawings(run, names),
        recordings=shown_recordings(run.attributions, own, metrics.classes),
        calibration_drawings=_calibration_drawings(run, names),
        detectable=sentence(metrics.detectable) if metrics.detectable else None,
        robustness_drawings=draw_robustness(metrics.robustness, names),
        flow_drawing=draw_flow(run.flow) if run.flow else None,
        transcripts=transcript_table(run.quality, own) if run.quality else None,
        groups=groups,
        people=[group.people for group in groups],
        folds=len({p.fold for p in own}),
        repeats=len({p.repeat for p in own}),
        seeds=len({p.seed for p in own}),
        significant=SIGNIFICANT,
        draws=BOOTSTRAP_DRAWS,
        threshold=THRESHOLD,
        pause_s=SHOWN_PAUSE_S,
        most_names=MOST_NAMES,
        tints=[tint(step, 1.0) for step in np.linspace(-1, 1, 2 * TINTS + 1)],
    )


def _drawings(run: _Run, names: tuple[str, str]) -> tuple[Drawing, ...]:
    metrics = run.metrics
    of_classes: tuple[Drawing, ...] = ()
    if run.scores:
        aurocs = {
            name: found["auroc"] for name, found in by_metric(metrics.systems, "auroc").items()
        }
        of_classes = draw_figures(aurocs, metrics.primary, run.scores, names)
    return (
        *of_classes,
        *draw_scores(run.scored, metrics.primary, metrics.score),
        *draw_training(run.histories, metrics.primary),
    )


def _calibration_drawings(run: _Run, names: tuple[str, str]) -> tuple[Drawing, ...]:
    if run.scores is None or len(run.metrics.classes) != 2:
        return ()
    own = [p for p in run.predictions if p.system == run.metrics.primary]
    return draw_calibration(own, run.scores, run.metrics.decision_curve, names)


def _order(comparison: Comparison) -> tuple[str, str] | tuple[None, None]:
    """Who won and who lost, where the corrected test says that anybody did."""
    won = winner(comparison)
    if won is None:
        return None, None
    return won, comparison.b if won == comparison.a else comparison.a


def _sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _csp_hash(style: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
