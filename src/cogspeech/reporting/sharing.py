"""What of a run may be passed on: a run folder as read, without anything that points at somebody.

What is taken away is taken away here, before a page is made, so that no template can show it.
Left are numbers about ten people or more, and text that the software itself wrote. Names that
people gave to the study, its classes, its score and its columns stay: they head every table.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import yaml
from pydantic import JsonValue

from cogspeech.audit.base import CHECKS
from cogspeech.config import AuditSection, Study, without_place
from cogspeech.corpora.base import IMPORTED_IN_PART
from cogspeech.errors import CogspeechError
from cogspeech.evaluation.operating_points import OperatingPoint
from cogspeech.evaluation.subgroups import FEWEST_PER_CLASS, Subgroup, Subgroups
from cogspeech.reporting.calibration import AbstentionRead
from cogspeech.reporting.outcomes import groups_of
from cogspeech.reporting.read_run import AuditRead, FindingRead, MetricsRead, ProbeRead, WholeRun
from cogspeech.reporting.run_facts import RunFacts, is_hub_name
from cogspeech.reporting.transcript_table import QualityRow
from cogspeech.robustness.measure import Robustness
from cogspeech.types import Estimate

FEWEST = FEWEST_PER_CLASS
"""People that a number of a shared page must be about."""
NOT_SHARED = "not shared"
SHARED_SECTIONS = ("name", "seed", "target", "transcripts", "audio_encoder", "text_encoder",
                   "fusion", "compare", "training", "finetune", "tune", "evaluation", "probes",
                   "robustness")  # fmt: skip
"""Of the study file: how it was done, not on what."""
SHARED_PROVENANCE = ("data_sha256", "split_sha256", "study_sha256", "weights_sha256", "cogspeech",
                     "libraries", "python")  # fmt: skip


def shared(run: WholeRun) -> WholeRun:
    """The same run, as it may be passed on.

    Raises:
        CogspeechError: a class, or the study, has too few participants for any number to be told.
    """
    own = [p for p in run.predictions or run.scored if p.system == run.metrics.primary]
    for group in groups_of(own, run.metrics.classes):
        if group.people < FEWEST:
            raise CogspeechError(
                f"a page to share is about {FEWEST} participants of each class or more, and "
                f"'{group.name}' has {group.people}; pass on numbers of this study by hand, or none"
            )
    metrics = _metrics(run.metrics)
    return replace(
        run,
        metrics=metrics,
        attributions=run.attributions.model_copy(update={"recordings": {}}),
        quality=_quality(run.quality),
        audit=_audit(run.audit),
        study=_study(run.study),
        study_yaml=_study_yaml(run.study),
        provenance=_provenance(run.provenance),
        facts=_facts(run.facts, metrics) if run.facts else None,
    )


def _metrics(metrics: MetricsRead) -> MetricsRead:
    changes: dict[str, Any] = {
        "notice": _notice(metrics.notice),
        "comparisons": tuple(replace(each, discordant=None) for each in metrics.comparisons),
        "operating_points": tuple(map(_point, metrics.operating_points)),
        "probes": {name: _probe(probe) for name, probe in metrics.probes.items()},
        "confusion": {name: _confusion(rows) for name, rows in metrics.confusion.items()},
    }
    if metrics.abstention:
        changes["abstention"] = _abstention(metrics.abstention)
    if metrics.subgroups:
        changes["subgroups"] = _subgroups(metrics.subgroups)
    if metrics.robustness:
        changes["robustness"] = _robustness(metrics.robustness)
    return metrics.model_copy(update=changes)


def _notice(notice: str | None) -> str | None:
    """Without what was passed over: its reason may name a file."""
    if notice is None or IMPORTED_IN_PART not in notice:
        return notice
    return f"{notice.partition(IMPORTED_IN_PART)[0]}{IMPORTED_IN_PART}."


def _told(estimate: Estimate | None) -> Estimate | None:
    return estimate if estimate and estimate.n >= FEWEST else None


def _point(point: OperatingPoint) -> OperatingPoint:
    values = tuple(
        replace(each, positive=_told(each.positive), negative=_told(each.negative))
        for each in point.predictive_values
    )
    return replace(point, predictive_values=values)


def _probe(probe: ProbeRead) -> ProbeRead:
    """Its reason may count a few people."""
    told = {} if _told(probe.auroc) else {"auroc": None, "p_value": None}
    return probe.model_copy(update={"reason": probe.reason and NOT_SHARED, **told})


def _abstention(found: AbstentionRead) -> AbstentionRead:
    systems = {}
    for name, each in found.systems.items():
        changes: dict[str, Any] = {
            key: _told(getattr(each, key))
            for key in ("coverage", "abstained", "neither", "error_among_decided")
        }
        changes["reason"] = each.reason and "no conformal sets: too few participants"
        systems[name] = each.model_copy(update=changes)
    return found.model_copy(update={"systems": systems})


def _subgroups(found: Subgroups) -> Subgroups:
    """Columns in which a group is too small go as a whole: the others would give it away."""
    small = {group.column for group in found.groups if group.metrics is None}
    names = {
        ("site", group.name): f"site {number}"
        for number, group in enumerate(
            (each for each in found.groups if each.column == "site"), start=1
        )
    }
    shown = [group for group in found.groups if group.column not in small]
    return replace(
        found,
        groups=tuple(_renamed(group, names) for group in shown),
        gaps=tuple(
            replace(
                gap,
                a=names.get((gap.column, gap.a), gap.a),
                b=names.get((gap.column, gap.b), gap.b),
            )
            for gap in found.gaps
            if gap.column not in small
        ),
    )


def _renamed(group: Subgroup, names: Mapping[tuple[str, str], str]) -> Subgroup:
    return replace(group, name=names.get((group.column, group.name), group.name))


def _robustness(found: Robustness) -> Robustness:
    whole = (c for c in found.curves if all(p.metrics["auroc"].n >= FEWEST for p in c.points))
    return replace(found, curves=tuple(whole))


def _confusion(
    rows: Sequence[Sequence[Estimate | None]],
) -> tuple[tuple[Estimate | None, ...], ...]:
    """Of each class the share that is called right; the errors only where none is too rare."""
    kept: list[tuple[Estimate | None, ...]] = []
    for truth, row in enumerate(rows):
        rare = [e for e in row if e and 0 < e.estimate * e.n < FEWEST]
        kept.append(tuple(e if place == truth or not rare else None for place, e in enumerate(row)))
    return tuple(kept)


def _quality(rows: Iterable[QualityRow]) -> tuple[QualityRow, ...]:
    """Who transcribed may be told by name in a words file; which of them it was stays."""
    found = tuple(rows)
    names = {source: f"source {n}" for n, source in enumerate(sorted({r.source for r in found}), 1)}
    return tuple(row.model_copy(update={"source": names[row.source]}) for row in found)


def _audit(audit: AuditRead) -> AuditRead:
    """What each check looks for in place of what it said, and about nobody."""
    rules = _rules()
    return audit.model_copy(
        update={"findings": tuple(_finding(each, rules) for each in audit.findings)}
    )


def _rules() -> dict[str, str]:
    """Of every code of the audit."""
    return {code: rule for name in CHECKS.names() for code, rule in CHECKS.get(name).codes.items()}


def _finding(finding: FindingRead, rules: Mapping[str, str]) -> FindingRead:
    return finding.model_copy(
        update={
            "code": finding.code if finding.code in rules else NOT_SHARED,
            "recordings": (),
            "message": rules.get(finding.code, NOT_SHARED),
            "accepted": finding.accepted and f"the reason is {NOT_SHARED}",
        }
    )


def _study(study: Study) -> Study:
    return study.model_copy(update={"audit": AuditSection()})


def _study_yaml(study: Study) -> str:
    plain = {key: without_place(study)[key] for key in SHARED_SECTIONS}
    plain["transcripts"].pop("roles")
    shown = {key: _shown(value) for key, value in plain.items()}
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True)


def _shown(value: Any) -> Any:
    """Options of a plug-in are anybody's text, of which only the name of a public model stays."""
    if isinstance(value, dict):
        is_component = "name" in value
        return {
            key: _option(key, each) if is_component and key != "name" else _shown(each)
            for key, each in value.items()
        }
    return [_shown(each) for each in value] if isinstance(value, list) else value


def _option(key: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list) and all(isinstance(each, bool | int | float) for each in value):
        return value
    return value if key == "model" and is_hub_name(value) else NOT_SHARED


def _provenance(found: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {key: found[key] for key in SHARED_PROVENANCE if key in found}


def _facts(facts: RunFacts, metrics: MetricsRead) -> RunFacts:
    findings = tuple(f for f in facts.audit.findings if f.code in _rules())
    return replace(
        facts,
        metrics=facts.metrics.model_copy(update={"notice": metrics.notice}),
        audit=facts.audit.model_copy(update={"findings": findings}),
        fewest=FEWEST,
    )
