"""What an audit consists of: evidence, checks, findings, a verdict.

Every audio file is heard once (`listening`); every check then works on small arrays.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from cogspeech.audit.listening import Sound
from cogspeech.registry import Registry
from cogspeech.types import Recording, Transcript

Severity = Literal["info", "warning", "error"]
"""``error``: no result of these recordings can be relied on. ``warning``: a result may be about
something else than it seems; look. ``info``: good to know."""
Verdict = Literal["sound", "warnings", "unsound"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check has to say."""

    code: str
    severity: Severity
    recordings: tuple[str, ...]
    """The ids of the recordings it is about; none: of all."""
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    """Numbers behind the message, json-able."""
    accepted: str | None = None
    """The reason for which the study file accepts it; it no longer counts for the verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A recording with what is known of it."""

    recording: Recording
    sound: Sound | None
    sound_problem: str | None = None
    """Why it could not be heard."""
    transcript: Transcript | None = None
    """Only where it lies in a file; no recogniser is asked."""
    transcript_problem: str | None = None
    transcript_source: str | None = None
    """Who wrote or will write its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the checks may look at. Ids may stand twice: nothing has been refused yet."""

    items: tuple[Item, ...]
    classes: tuple[str, ...]

    def labels_of_participants(self) -> dict[str, str]:
        """The class of every participant who has exactly one."""
        found: dict[str, set[str | None]] = {}
        for item in self.items:
            found.setdefault(item.recording.participant_id, set()).add(item.recording.label)
        return {
            name: label
            for name, labels in found.items()
            for label in labels
            if len(labels) == 1 and label in self.classes
        }


class Check(ABC):
    """Looks for one kind of fault."""

    codes: ClassVar[Mapping[str, str]]
    """Every code that it may find, with the rule in one line."""

    @abstractmethod
    def find(self, evidence: Evidence) -> Iterator[Finding]:
        """Everything found, in a fixed order."""


CHECKS: Registry[type[Check]] = Registry("audit check", "cogspeech.audit.checks")


def known_codes() -> tuple[str, ...]:
    """Every code of every check, sorted."""
    return tuple(sorted({code for name in CHECKS.names() for code in CHECKS.get(name).codes}))


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """``unsound`` with an error, ``warnings`` with a warning, each if nobody has accepted it."""
    open_severities = {finding.severity for finding in findings if finding.accepted is None}
    if "error" in open_severities:
        return "unsound"
    return "warnings" if "warning" in open_severities else "sound"
