"""The run folder: every file of a finished study but the report, which is made from these.

``metrics.json``, ``predictions.csv``, ``attributions.json``, ``audit.json``, ``quality.csv``,
``corpus.json``, ``splits.json``, ``dropped.csv`` if somebody was, ``study.yaml``,
``provenance.json``, ``model/``; ``checkpoints/`` is written while training. What goes into a paper
is made from these by `cogspeech.reporting.paper`.
"""

import csv
import datetime
import io
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from cogspeech.audit.audit import Audit, audit_json
from cogspeech.cache import write_atomically
from cogspeech.config import AuditSection, Study, as_plain, study_hash, without_place
from cogspeech.corpora.splits import SplitPlan
from cogspeech.errors import CogspeechError
from cogspeech.evaluation.assessment import Assessment
from cogspeech.evaluation.estimates import confusion_json, primary_metric
from cogspeech.evaluation.probing import probes_json
from cogspeech.evaluation.spread import spread_json
from cogspeech.explanation.base import EXPLAINERS, word_json
from cogspeech.registry import installed_plugins
from cogspeech.reporting.characteristics import characteristics_of
from cogspeech.reporting.flow import flow_of
from cogspeech.robustness.measure import Robustness
from cogspeech.training.bundle import Bundle, save_bundle
from cogspeech.training.objectives.base import build_objective
from cogspeech.transcripts.quality import Quality, quality_csv
from cogspeech.transcripts.transcribe import makers_of
from cogspeech.types import (
    RESEARCH_STATEMENT,
    Attribution,
    Corpus,
    Estimate,
    Prediction,
    ScorePrediction,
)

LIBRARIES = ("accelerate", "numpy", "safetensors", "scikit-learn", "scipy", "soundfile", "soxr",
             "torch", "transformers")  # fmt: skip
BEGUN_STUDY = "study.json"
PREDICTION_COLUMNS = (
    "system",
    "repeat",
    "fold",
    "seed",
    "participant_id",
    "recording_id",
    "label",
    "probability",
)
SCORE_COLUMNS = ("score", "predicted_score")
EVERYBODY = "participants"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResult:
    """Everything a study found."""

    study: Study
    corpus: Corpus
    audit: Audit
    predictions: tuple[Prediction, ...] | tuple[ScorePrediction, ...]
    assessment: Assessment
    attributions: dict[str, tuple[Attribution, ...]]
    qualities: tuple[Quality, ...]
    """Of the transcripts."""
    bundle: Bundle
    data_hash: str
    plan: SplitPlan
    not_applicable: dict[str, str] = field(default_factory=dict)
    """Systems that could not be asked, and why."""
    terms: dict[str, str] = field(default_factory=dict)
    """Under which the results of a system may be used."""
    robustness: Robustness | None = None
    test_set_looks: int | None = None
    """How often this machine has looked at the test set, this time included; ``None`` without one.
    """

    @property
    def metrics(self) -> dict[str, dict[str, Estimate]]:
        """By system, then by metric."""
        return self.assessment.metrics


def claim_run_folder(run_dir: Path, study: Study, *, resume: bool) -> None:
    """Makes the folder, and refuses to mix a new run with an old one.

    Raises:
        CogspeechError: the folder holds a run already and ``resume`` is false, or it holds a run
            of another study, or it cannot be made.
    """
    begun = run_dir / "checkpoints" / BEGUN_STUDY
    if begun.parent.exists() and not resume:
        raise CogspeechError(
            f"{run_dir}: holds a run already; add --resume to go on with it, or choose another "
            "--out"
        )
    if run_dir.is_dir() and not begun.exists() and any(run_dir.iterdir()):
        raise CogspeechError(
            f"{run_dir}: holds files that are no run; give --out a new or an empty folder"
        )
    if begun.exists():
        there, here = _leaves(json.loads(begun.read_text("utf-8"))), _leaves(without_place(study))
        for key in sorted({*there, *here}):
            if there.get(key) != here.get(key):
                raise CogspeechError(
                    f"{run_dir}: holds a run of another study: {key} is {there.get(key)} there "
                    f"and {here.get(key)} here; choose another --out"
                )
    try:
        run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise CogspeechError(
            f"{run_dir}: cannot be made ({error.strerror}); choose another --out"
        ) from error


def _leaves(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of nested mappings by their dotted path."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        leaves |= (
            _leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return leaves


def begin_run(run_dir: Path, study: Study) -> None:
    """Notes which study the folder belongs to, before the first fit."""
    _write_json(run_dir / "checkpoints" / BEGUN_STUDY, without_place(study))


def write_run_folder(result: StudyResult, run_dir: Path) -> None:
    """Writes every file, each atomically."""
    save_bundle(result.bundle, run_dir / "model")
    _write(
        run_dir / "predictions.csv",
        predictions_csv(result.predictions, result.study.target.classes),
    )
    _write(run_dir / "quality.csv", quality_csv(result.qualities))
    _write_json(run_dir / "metrics.json", metrics_json(result))
    _write_json(run_dir / "corpus.json", _corpus_json(result))
    _write(run_dir / "splits.json", result.plan.as_json())
    _write_json(run_dir / "attributions.json", _attributions_json(result))
    _write_json(run_dir / "provenance.json", _provenance_json(result))
    _write_json(run_dir / "audit.json", audit_json(result.audit))
    if result.study.audit.drop:
        _write(run_dir / "dropped.csv", _dropped_csv(result.study.audit))
    here = run_dir.resolve()
    plain = as_plain(result.study.placed(lambda path: Path(os.path.relpath(path, here))))
    _write(run_dir / "study.yaml", yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))


def metrics_json(result: StudyResult) -> dict[str, Any]:
    """The contract's ``metrics.json``."""
    found = result.assessment
    tested = [r for r in result.corpus.recordings if r.participant_id in result.plan.tested]
    return {
        "n_participants": len({r.participant_id for r in tested}),
        "n_recordings": len(tested),
        "classes": list(result.study.target.classes),
        "score": build_objective(result.study.target).score_column,
        "primary_metric": primary_metric(result.study.target.classes),
        "primary": result.study.fusion.name,
        "configurations_tried": result.study.tune.trials if result.study.tune else 1,
        "systems": {
            system: {name: asdict(estimate) for name, estimate in estimates.items()}
            for system, estimates in result.metrics.items()
        },
        "confusion": confusion_json(result.predictions, result.study.target.classes),
        "not_applicable": result.not_applicable,
        "terms": result.terms,
        "comparisons": [asdict(comparison) for comparison in found.comparisons],
        "probes": probes_json(found.probes),
        **found.decisions,
        "detectable": asdict(found.detectable) if found.detectable else None,
        "operating_points": [asdict(point) for point in found.operating_points],
        "subgroups": asdict(found.subgroups) if found.subgroups else None,
        "robustness": asdict(result.robustness) if result.robustness else None,
        "spread": spread_json(
            result.predictions, result.metrics, num_classes=len(result.study.target.classes)
        ),
        "test_set_looks": result.test_set_looks,
        "notice": result.corpus.notice,
        "use": RESEARCH_STATEMENT,
    }


def _by_class(result: StudyResult) -> tuple[tuple[str, ...], Corpus]:
    """The classes, and the corpus; of a target without classes, everybody is of one."""
    classes, corpus = result.study.target.classes, result.corpus
    if classes:
        return classes, corpus
    recordings = tuple(replace(each, label=EVERYBODY) for each in corpus.recordings)
    return (EVERYBODY,), replace(corpus, recordings=recordings)


def _corpus_json(result: StudyResult) -> dict[str, Any]:
    study, (classes, corpus) = result.study, _by_class(result)
    tested = result.plan.tested if study.evaluation.has_test_set else None
    dropped = len(study.audit.drop)
    groups = characteristics_of(corpus, classes=classes, tested=tested)
    return {
        "flow": asdict(flow_of(corpus, result.plan, classes=classes, dropped=dropped)),
        "groups": [asdict(group) for group in groups],
        "use": RESEARCH_STATEMENT,
    }


def predictions_csv(
    predictions: Sequence[Prediction | ScorePrediction], classes: Sequence[str]
) -> str:
    """The contract's ``predictions.csv``: out-of-fold only; more columns for more than a diagnosis.

    ``probability_CLASS`` where there are more than two classes, ``score`` and ``predicted_score``
    where the target has a score, ``probability_raw`` where ``probability`` has been calibrated;
    without classes no ``label`` and no ``probability``.
    """
    text = io.StringIO()
    columns = PREDICTION_COLUMNS if classes else PREDICTION_COLUMNS[:-2]
    of_classes = [f"probability_{name}" for name in classes] if len(classes) > 2 else []
    has_score = any(p.predicted_score is not None for p in predictions)
    names = [*columns, *of_classes, *(SCORE_COLUMNS if has_score else ())]
    if any(getattr(p, "probability_raw", None) is not None for p in predictions):
        names.append("probability_raw")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for prediction in predictions:
        row = asdict(prediction)
        row |= zip(of_classes, row.get("probabilities", ()), strict=False)
        writer.writerow([row[name] for name in names])
    return text.getvalue()


def _dropped_csv(section: AuditSection) -> str:
    """Who was left out by name, and why."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("recording_id", "reason"))
    writer.writerows((each.recording_id, each.reason) for each in section.drop)
    return text.getvalue()


def _attributions_json(result: StudyResult) -> dict[str, Any]:
    explainer = result.study.explanation.name
    return {
        "explainer": explainer,
        "meaning": EXPLAINERS.get(explainer).meaning,
        "recordings": {
            recording_id: [word_json(attribution) for attribution in attributions]
            for recording_id, attributions in result.attributions.items()
        },
    }


def _provenance_json(result: StudyResult) -> dict[str, Any]:
    return {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "data_sha256": result.data_hash,
        "split_sha256": result.plan.digest(),
        "study_sha256": study_hash(result.study),
        "weights_sha256": result.bundle.digest,
        "transcripts": makers_of(result.study.transcripts),
        "cogspeech": _version("cogspeech"),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "plugins": installed_plugins(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def _write_json(path: Path, content: dict[str, Any]) -> None:
    _write(path, json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def _write(path: Path, text: str) -> None:
    write_atomically(path, text.encode())
