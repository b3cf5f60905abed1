"""``labels``: each recording has one id, each participant one label, and there are two classes."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import ClassVar

from cogspeech.audit.base import CHECKS, Check, Evidence, Finding


@CHECKS.register("labels")
class Labels(Check):
    """Faults of the table itself."""

    codes: ClassVar[Mapping[str, str]] = {
        "no_recordings": "the table has no row",
        "id_repeated": "a recording_id stands more than once",
        "label_unknown": "a label is empty or none of the classes",
        "one_class": "fewer than two classes have a participant",
        "conflicting_labels": "a participant has two labels",
    }

    def find(self, evidence: Evidence) -> Iterator[Finding]:
        """All of them are errors: no study can start."""
        if not evidence.items:
            yield _error("no_recordings", (), "the table has no recordings; expected at least one")
            return
        yield from _repeated(evidence)
        yield from _unknown(evidence)
        yield from _conflicting(evidence)


def _repeated(evidence: Evidence) -> Iterator[Finding]:
    counts = Counter(item.recording.recording_id for item in evidence.items)
    for name, count in counts.items():
        if count > 1:
            message = f"recording_id '{name}' stands {count} times; ids must be unique"
            yield _error("id_repeated", (name,), message)


def _unknown(evidence: Evidence) -> Iterator[Finding]:
    classes = ", ".join(evidence.classes) or "two classes"
    strange = tuple(
        item.recording.recording_id
        for item in evidence.items
        if item.recording.label not in evidence.classes
    )
    if strange:
        message = f"{len(strange)} recordings have no label or another one than {classes}"
        yield _error("label_unknown", strange, f"{message}; correct the rows")
    present = {item.recording.label for item in evidence.items} & set(evidence.classes)
    if len(present) < 2:
        shown = ", ".join(sorted(str(label) for label in present)) or "none of them"
        message = f"expected recordings of two classes ({classes}); found {shown}"
        yield _error("one_class", (), message)


def _conflicting(evidence: Evidence) -> Iterator[Finding]:
    labels: dict[str, set[str]] = defaultdict(set)
    recordings: dict[str, list[str]] = defaultdict(list)
    for item in evidence.items:
        labels[item.recording.participant_id].add(item.recording.label or "no label")
        recordings[item.recording.participant_id].append(item.recording.recording_id)
    for name, found in labels.items():
        if len(found) > 1:
            message = (
                f"participant '{name}' is {' and '.join(sorted(found))}; a participant needs one "
                "label, keep the visits of one"
            )
            yield _error("conflicting_labels", tuple(recordings[name]), message)


def _error(code: str, recordings: tuple[str, ...], message: str) -> Finding:
    return Finding(code=code, severity="error", recordings=recordings, message=message)
