"""``report.html`` from the files of a run folder, and from nothing else.

Everything that is read is checked first; everything that is shown is escaped: words, names and
identifiers are other people's text. The page asks nobody for anything and runs no script.
"""

import base64
import csv
import functools
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from pydantic import BaseModel, ConfigDict, JsonValue, PositiveInt, TypeAdapter

from cogspeech.audit.base import Severity, Verdict
from cogspeech.cache import write_atomically
from cogspeech.config import Study
from cogspeech.evaluation.comparison import Comparison
from cogspeech.evaluation.intervals import BOOTSTRAP_DRAWS
from cogspeech.evaluation.ledger import looks_sentence
from cogspeech.evaluation.metrics import THRESHOLD, Scores, scores_of
from cogspeech.evaluation.spread import SystemSpread
from cogspeech.reporting.figures import draw_figures
from cogspeech.reporting.flow import Flow, draw_flow
from cogspeech.reporting.reading import checked as _checked
from cogspeech.reporting.run_facts import read_flow
from cogspeech.reporting.training_curves import Histories, draw_training
from cogspeech.reporting.transcript_table import QualityRow, read_quality, transcript_table
from cogspeech.training.history import HISTORY, EpochRecord
from cogspeech.types import Estimate, Prediction

ReadT = TypeVar("ReadT")
_Facts = TypeAdapter(dict[str, JsonValue])
_Epoch = TypeAdapter(EpochRecord)

SIGNIFICANT = 0.05
SHOWN_PAUSE_S = 0.5
MOST_WORDS = 600
"""Of one recording; the rest is counted, not shown."""
MOST_NAMES = 12
"""Recordings that are named beside a finding; the rest is counted."""
TINTS = 4
"""Steps of the colour scale on each side of 0."""
LOWER_IS_GOOD = frozenset({"brier"})


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class _Probe(_Read):
    auroc: Estimate | None
    p_value: float | None
    verdict: Literal["clear", "shortcut", "not_applicable"]
    looks_at: str


class _Metrics(_Read):
    n_participants: PositiveInt
    n_recordings: int
    classes: tuple[str, str]
    primary: str
    systems: dict[str, dict[str, Estimate]]
    comparisons: tuple[Comparison, ...]
    probes: dict[str, _Probe]
    probe_rule: str
    spread: dict[str, SystemSpread] = {}
    test_set_looks: PositiveInt | None = None
    notice: str | None
    use: str


class _Finding(_Read):
    code: str
    severity: Severity
    recordings: tuple[str, ...]
    message: str
    accepted: str | None


class _Audit(_Read):
    verdict: Verdict
    n_recordings: int
    findings: tuple[_Finding, ...]


class _Share(_Read):
    """One word and what it did to the score."""

    word_index: int
    text: str
    start_s: float | None
    end_s: float | None
    pause_s: float
    attribution: float


class _Attributions(_Read):
    meaning: str
    recordings: dict[str, tuple[_Share, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run folder, read and checked."""

    metrics: _Metrics
    predictions: tuple[Prediction, ...]
    scores: Scores
    """Of the primary system."""
    attributions: _Attributions
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShownWord:
    text: str
    tint: str
    title: str
    mark: str
    """What stands before it: a pause, or an ellipsis where words have no attribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShownRecording:
    recording_id: str
    label: str
    why: str
    probability: float
    is_right: bool
    words: tuple[_ShownWord, ...]
    shares: tuple[_Share, ...]


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
    metrics = _checked(run_dir / "metrics.json", _metrics)
    predictions = _checked(run_dir / "predictions.csv", _predictions)
    return _Run(
        metrics=metrics,
        predictions=predictions,
        scores=_checked(
            run_dir / "predictions.csv", lambda _: _scores(predictions, metrics.primary)
        ),
        attributions=_checked(run_dir / "attributions.json", _Attributions.model_validate_json),
        flow=read_flow(run_dir),
        quality=_checked(run_dir / "quality.csv", read_quality)
        if (run_dir / "quality.csv").exists()
        else (),
        audit=_checked(run_dir / "audit.json", _Audit.model_validate_json),
        study=_checked(
            run_dir / "study.yaml", lambda text: Study.model_validate(yaml.safe_load(text))
        ),
        study_yaml=_checked(run_dir / "study.yaml", str),
        provenance=_checked(run_dir / "provenance.json", _Facts.validate_json),
        histories=_histories(run_dir / "checkpoints" / metrics.primary),
    )


def _metrics(text: str) -> _Metrics:
    metrics = _Metrics.model_validate_json(text)
    if not all("auroc" in metrics.systems.get(s, ()) for s in (metrics.primary, *metrics.systems)):
        raise ValueError("every system, the primary among them, needs an auroc")
    return metrics


def _predictions(text: str) -> tuple[Prediction, ...]:
    rows = list(csv.DictReader(io.StringIO(text)))
    predictions = TypeAdapter(tuple[Prediction, ...]).validate_python(rows)
    if not all(0.0 <= p.probability <= 1.0 for p in predictions):
        raise ValueError("expected probabilities between 0 and 1")
    return predictions


def _histories(folder: Path) -> Histories:
    """By fold, those of every seed of the first repeat."""
    histories: dict[int, list[tuple[EpochRecord, ...]]] = {}
    for path in sorted(folder.glob(f"repeat0-fold*-seed*/{HISTORY}")):
        fold = int(path.parent.name.split("-")[1].removeprefix("fold"))
        histories.setdefault(fold, []).append(_checked(path, _epochs))
    return dict(sorted(histories.items()))


def _epochs(text: str) -> tuple[EpochRecord, ...]:
    return tuple(_Epoch.validate_json(line) for line in text.splitlines())


def _scores(predictions: Sequence[Prediction], system: str) -> Scores:
    if {p.label for p in predictions if p.system == system} != {0, 1}:
        raise ValueError(f"expected participants of both classes for system '{system}'")
    return scores_of(predictions, system)


@functools.cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("cogspeech.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"csp": _csp_hash, "signed": _signed, "sentence": _sentence}
    environment.filters["looks"] = looks_sentence
    return environment.get_template("report.html.j2")


def _page(run: _Run) -> str:
    metrics = run.metrics
    own = [p for p in run.predictions if p.system == metrics.primary]
    ranked = sorted(metrics.systems.items(), key=lambda item: (-item[1]["auroc"].estimate, item[0]))
    return _template().render(
        run=run,
        metrics=metrics,
        auroc=metrics.systems[metrics.primary]["auroc"],
        systems=dict(ranked),
        metric_names=list(dict.fromkeys(name for _, found in ranked for name in found)),
        comparisons=[(c, *_order(c)) for c in metrics.comparisons],
        drawings=draw_figures(
            {name: found["auroc"] for name, found in ranked},
            metrics.primary,
            run.scores,
            metrics.classes,
        )
        + draw_training(run.histories, metrics.primary),
        flow_drawing=draw_flow(run.flow) if run.flow else None,
        recordings=_shown_recordings(run, own),
        transcripts=transcript_table(run.quality, own) if run.quality else None,
        people=[int((run.scores.labels == label).sum()) for label in (0, 1)],
        files=[len({p.recording_id for p in own if p.label == label}) for label in (0, 1)],
        folds=len({p.fold for p in own}),
        repeats=len({p.repeat for p in own}),
        seeds=len({p.seed for p in own}),
        significant=SIGNIFICANT,
        draws=BOOTSTRAP_DRAWS,
        threshold=THRESHOLD,
        pause_s=SHOWN_PAUSE_S,
        most_names=MOST_NAMES,
        tints=[_tint(step, 1.0) for step in np.linspace(-1, 1, 2 * TINTS + 1)],
    )


def _order(comparison: Comparison) -> tuple[str, str] | tuple[None, None]:
    """Who won and who lost, where the corrected test says that anybody did."""
    if comparison.p_adjusted > SIGNIFICANT or comparison.difference == 0:
        return None, None
    a_won = (comparison.difference > 0) != (comparison.metric in LOWER_IS_GOOD)
    a, b = comparison.a, comparison.b
    return (a, b) if a_won else (b, a)


def _shown_recordings(run: _Run, own: Sequence[Prediction]) -> list[_ShownRecording]:
    """The highest, the middle and the lowest mean probability of each class."""
    explained = {key: shares for key, shares in run.attributions.recordings.items() if shares}
    values = [abs(share.attribution) for shares in explained.values() for share in shares]
    scale = float(np.quantile(values, 0.95)) if values else 0.0
    said: dict[str, list[float]] = {}
    for prediction in own:
        said.setdefault(prediction.recording_id, []).append(prediction.probability)
    label_of = {p.recording_id: p.label for p in own}
    shown = []
    for label in (1, 0):
        ranked = sorted(
            (float(np.mean(said[key])), key) for key in explained if label_of.get(key) == label
        )
        places = {0: "lowest", len(ranked) // 2: "middle", len(ranked) - 1: "highest"}
        for place, why in sorted(places.items() if ranked else (), reverse=True):
            probability, key = ranked[place]
            shown.append(
                _ShownRecording(
                    recording_id=key,
                    label=run.metrics.classes[label],
                    why=why,
                    probability=probability,
                    is_right=(probability >= THRESHOLD) == (label == 1),
                    words=_shown_words(explained[key][:MOST_WORDS], scale),
                    shares=explained[key],
                )
            )
    return shown


def _shown_words(shares: Sequence[_Share], scale: float) -> tuple[_ShownWord, ...]:
    words = []
    last_index = -1
    for share in shares:
        mark, times = "", ""
        if share.word_index > last_index + 1:
            mark = "…"
        elif share.pause_s >= SHOWN_PAUSE_S:
            mark = f"({share.pause_s:.1f} s)"
        if share.start_s is not None and share.end_s is not None:
            times = f", {share.start_s:.2f} s to {share.end_s:.2f} s"
        title = f"{_signed(share.attribution)}{times}"
        tint = _tint(share.attribution, scale)
        words.append(_ShownWord(text=share.text, tint=tint, title=title, mark=mark))
        last_index = share.word_index
    return tuple(words)


def _tint(value: float, scale: float) -> str:
    """One of nine style classes, ``n4`` to ``p4``; ``z`` is no tint."""
    step = round(max(-1.0, min(1.0, value / scale)) * TINTS) if scale > 0 else 0
    return f"{'p' if step > 0 else 'n'}{abs(step)}" if step else "z"


def _signed(value: float) -> str:
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def _sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _csp_hash(style: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
