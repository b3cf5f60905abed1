"""The audit of a corpus: evidence, every check, a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from typing import Any

from cogspeech.audit.base import CHECKS, Evidence, Finding, Verdict, verdict_of
from cogspeech.config import AuditSection
from cogspeech.errors import ConfigError
from cogspeech.types import Corpus

ORDER = ("error", "warning", "info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was found, the worst first."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    num_recordings: int


def judge(evidence: Evidence, section: AuditSection) -> Audit:
    """What all checks find in the evidence, and what follows from it.

    Args:
        evidence: from `gather_evidence`.
        section: which findings are accepted, and why.
    """
    accepted = {each.code: each.reason for each in section.accept}
    findings = [replace(f, accepted=accepted.get(f.code)) for f in find_all(evidence)]
    findings.sort(key=lambda f: (f.accepted is not None, ORDER.index(f.severity)))
    return Audit(
        verdict=verdict_of(findings), findings=tuple(findings), num_recordings=len(evidence.items)
    )


def find_all(evidence: Evidence) -> list[Finding]:
    """The findings of every check, in the order of the checks."""
    return [finding for name in CHECKS.names() for finding in CHECKS.get(name)().find(evidence)]


def without_dropped(corpus: Corpus, section: AuditSection) -> Corpus:
    """The corpus without the recordings that the study file drops by name.

    Raises:
        ConfigError: a name that no recording has.
    """
    known = tuple(recording.recording_id for recording in corpus.recordings)
    for each in section.drop:
        if each.recording_id not in known:
            raise ConfigError(
                f"audit.drop: no recording '{each.recording_id}'; expected a recording_id of the "
                f"corpus{_close(each.recording_id, known)}"
            )
    dropped = {each.recording_id for each in section.drop}
    kept = tuple(r for r in corpus.recordings if r.recording_id not in dropped)
    return replace(corpus, recordings=kept)


def _close(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f", such as '{close[0]}'" if close else ""


def audit_json(audit: Audit) -> Mapping[str, Any]:
    """The contract's json."""
    return {
        "verdict": audit.verdict,
        "n_recordings": audit.num_recordings,
        "findings": [asdict(finding) for finding in audit.findings],
    }
