"""What tables, checklists and cards need of a run folder, read from its files and from no other.

Nothing here names a participant, holds a word of a transcript or the place of a file.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter

from cogspeech.audit.base import Severity, Verdict
from cogspeech.config import Study
from cogspeech.evaluation.comparison import Comparison
from cogspeech.evaluation.spread import SystemSpread
from cogspeech.reporting.characteristics import Group
from cogspeech.reporting.flow import Flow
from cogspeech.reporting.reading import checked
from cogspeech.settings import Component
from cogspeech.types import Estimate


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False, extra="ignore")


class ProbeFacts(_Read):
    """What a probe reached."""

    auroc: Estimate | None
    p_value: float | None
    verdict: Literal["clear", "shortcut", "not_applicable"]
    looks_at: str
    rule: str


class MetricFacts(_Read):
    """``metrics.json``."""

    n_participants: int
    n_recordings: int
    classes: tuple[str, ...]
    score: str | None = None
    """The column of the score, where there is one."""
    primary: str
    configurations_tried: int
    systems: dict[str, dict[str, Estimate]]
    comparisons: tuple[Comparison, ...]
    probes: dict[str, ProbeFacts]
    spread: dict[str, SystemSpread]
    test_set_looks: int | None
    notice: str | None
    use: str

    @property
    def shortcuts(self) -> dict[str, ProbeFacts]:
        """The probes that succeeded where they must fail."""
        return {name: p for name, p in self.probes.items() if p.verdict == "shortcut"}


class CorpusFacts(_Read):
    """``corpus.json``."""

    flow: Flow
    groups: tuple[Group, ...]


class FindingFacts(_Read):
    """A finding of the audit, without whom it is about."""

    code: str
    severity: Severity
    accepted: str | None


class AuditFacts(_Read):
    """``audit.json``."""

    verdict: Verdict
    findings: tuple[FindingFacts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """A run folder."""

    metrics: MetricFacts
    corpus: CorpusFacts
    audit: AuditFacts
    study: Study
    provenance: dict[str, JsonValue]
    bundle: dict[str, Any]
    fewest: int = 1
    """Counts of fewer people are not told; above 1 in what is passed on to others."""


def read_facts(run_dir: Path) -> RunFacts:
    """The facts of a run folder.

    Raises:
        CogspeechError: a file is missing or not what `run` writes.
    """
    facts = TypeAdapter(dict[str, JsonValue])
    return RunFacts(
        metrics=checked(run_dir / "metrics.json", MetricFacts.model_validate_json),
        corpus=checked(run_dir / "corpus.json", CorpusFacts.model_validate_json),
        audit=checked(run_dir / "audit.json", AuditFacts.model_validate_json),
        study=checked(
            run_dir / "study.yaml", lambda text: Study.model_validate(yaml.safe_load(text))
        ),
        provenance=checked(run_dir / "provenance.json", facts.validate_json),
        bundle=checked(run_dir / "model" / "bundle.json", json.loads),
    )


def read_flow(run_dir: Path) -> Flow | None:
    """The flow of a run folder, or ``None`` in one from before there was a ``corpus.json``.

    Raises:
        CogspeechError: the file is not what `run` writes.
    """
    path = run_dir / "corpus.json"
    return checked(path, CorpusFacts.model_validate_json).flow if path.exists() else None


def encoder_name(component: Component) -> str:
    """An encoder and its checkpoint; of a folder, whose name may tell whose it is, only that."""
    model = component.options.get("model")
    if model is None:
        return component.name
    told = model if is_hub_name(model) else "a checkpoint from a local folder"
    return f"{component.name}, {told}"


def is_hub_name(model: object) -> bool:
    """Whether the name of a checkpoint looks like one of the hub, and not like a folder."""
    return isinstance(model, str) and model.count("/") == 1 and model[0] not in "/.~"


def told_target(metrics: MetricFacts) -> str:
    """What a study tells: its classes, its score, or both."""
    of_score = [f"the score {metrics.score}"] if metrics.score else []
    of_classes = [f"classes {' and '.join(metrics.classes)}"] if metrics.classes else []
    return ", and ".join((*of_classes, *of_score))
