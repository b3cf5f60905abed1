"""The audit of a corpus: evidence, every check, a verdict."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from cogspeech.audit.base import CHECKS, Evidence, Finding, Verdict, known_codes, verdict_of
from cogspeech.audit.gather import gather_evidence
from cogspeech.cache import ContentCache
from cogspeech.config import AuditSection, Study
from cogspeech.errors import AuditError, ConfigError
from cogspeech.registry import nearest
from cogspeech.types import Corpus, Progress, no_progress

SHOWN_RECORDINGS = 4
ORDER = ("error", "warning", "info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was found, the worst first."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    num_recordings: int


def audit_study(
    study: Study, corpus: Corpus, *, cache: ContentCache, progress: Progress = no_progress
) -> Audit:
    """May anything be concluded from the corpus of a study? Asked before anything is encoded.

    Raises:
        AuditError: no, and the study file does not accept it.
    """
    evidence = gather_evidence(
        corpus.recordings,
        study.transcripts,
        classes=study.target.classes,
        cache=cache,
        progress=progress,
    )
    audit = judge(evidence, study.audit)
    refuse_unsound(audit)
    return audit


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


def require_known_codes(section: AuditSection) -> None:
    """Refuses to accept what no check can find.

    Raises:
        ConfigError: an unknown code; the message names the nearest one.
    """
    for each in section.accept:
        if each.code not in known_codes():
            raise ConfigError(
                f"audit.accept: unknown code '{each.code}'; {nearest(each.code, known_codes())}"
            )


def refuse_unsound(audit: Audit) -> None:
    """Stops where no result could be relied on.

    Raises:
        AuditError: the first error, and how many more there are.
    """
    errors = [f for f in audit.findings if f.severity == "error" and f.accepted is None]
    if errors:
        names = ", ".join(errors[0].recordings[:SHOWN_RECORDINGS])
        more = f" (+{len(errors) - 1} more errors)" if len(errors) > 1 else ""
        raise AuditError(
            f"audit: {errors[0].code}: {errors[0].message}{f' ({names})' if names else ''}{more}; "
            "see 'cogspeech check', correct the corpus, or give a reason under audit.accept or "
            "audit.drop in the study file"
        )


def audit_json(audit: Audit) -> dict[str, Any]:
    """The contract's json."""
    return {
        "verdict": audit.verdict,
        "n_recordings": audit.num_recordings,
        "findings": [asdict(finding) for finding in audit.findings],
    }
