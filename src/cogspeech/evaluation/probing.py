"""Every probe of a study with its verdict: if one is red, part of the result may be a shortcut."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from cogspeech.correction import holm
from cogspeech.evaluation.base import PROBES, ProbeFinding, ProbeTask
from cogspeech.types import Estimate, Progress, no_progress

Verdict = Literal["clear", "shortcut", "not_applicable"]
ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What a probe reached. ``auroc`` and ``p_value`` are ``None`` where it does not apply."""

    name: str
    looks_at: str
    rule: str
    red_means: str
    auroc: Estimate | None
    p_value: float | None
    p_adjusted: float | None
    """After Holm's correction; ``None`` of a probe whose p does not decide."""
    verdict: Verdict
    reason: str = ""
    """Why it does not apply."""
    details: Mapping[str, Any] = field(default_factory=dict)


def run_probes(
    names: Sequence[str], task: ProbeTask, *, progress: Progress = no_progress
) -> tuple[ProbeResult, ...]:
    """Every probe, with a verdict corrected for their number."""
    findings = []
    reason = _why_none_applies(task)
    for done, name in enumerate(names, start=1):
        findings.append(ProbeFinding(reason=reason) if reason else PROBES.get(name)().run(task))
        progress("probes", done, len(names))
    decided = [
        at for at, f in enumerate(findings) if f.p_value is not None and f.is_shortcut is None
    ]
    corrected = holm([findings[at].p_value or 0.0 for at in decided])
    adjusted = dict(zip(decided, corrected, strict=True))
    return tuple(
        _result(name, finding, adjusted.get(at))
        for at, (name, finding) in enumerate(zip(names, findings, strict=True))
    )


def _why_none_applies(task: ProbeTask) -> str:
    """An AUROC compares two people of different classes who are tested by the same fit."""
    if len(task.classes) < 2:
        return "the target has no classes"
    labels = {case.recording.participant_id: task.label(case) for case in task.cases}
    if any(len({labels[name] for name in fold.test}) == 2 for fold in task.plan.folds):
        return ""
    return "no fold tests participants of two classes"


def _result(name: str, finding: ProbeFinding, p_adjusted: float | None) -> ProbeResult:
    probe = PROBES.get(name)
    return ProbeResult(
        name=name,
        looks_at=probe.looks_at,
        rule=probe.rule,
        red_means=probe.red_means,
        auroc=finding.auroc,
        p_value=finding.p_value,
        p_adjusted=p_adjusted,
        verdict=_verdict(finding, p_adjusted),
        reason=finding.reason,
        details=finding.details,
    )


def _verdict(finding: ProbeFinding, p_adjusted: float | None) -> Verdict:
    if finding.auroc is None:
        return "not_applicable"
    is_shortcut = finding.is_shortcut
    if p_adjusted is not None:
        is_shortcut = p_adjusted <= ALPHA and finding.auroc.estimate > 0.5
    return "shortcut" if is_shortcut else "clear"


def probes_json(probes: Sequence[ProbeResult]) -> dict[str, dict[str, Any]]:
    """The contract's ``probes``."""
    return {
        probe.name: {
            "auroc": asdict(probe.auroc) if probe.auroc else None,
            "p_value": probe.p_value,
            "p_adjusted": probe.p_adjusted,
            "verdict": probe.verdict,
            "looks_at": probe.looks_at,
            "rule": probe.rule,
            "red_means": probe.red_means,
            "reason": probe.reason,
            **probe.details,
        }
        for probe in probes
    }
