"""``label_in_names``: a name or an order that gives the label away.

No model here sees a path or an id. People do: whoever listens, transcribes or draws a figure.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

import numpy as np

from cogspeech.audit.base import CHECKS, Check, Evidence, Finding, Item, Severity
from cogspeech.audit.permutation import best_threshold_errors

IN_ORDER = 0.02
"""Share of participants out of order."""
MIN_PARTICIPANTS = 12


@CHECKS.register("label_in_names")
class LabelInNames(Check):
    """The name of a class in a file name, an id or a folder; ids in the order of the classes."""

    codes: ClassVar[Mapping[str, str]] = {
        "label_in_name": "file names or ids hold the name of the recording's class",
        "label_in_folder": "folders have the name of the recordings' class, as usual in this field",
        "labels_in_order": "sorted by participant_id, one class comes after the other",
    }

    def find(self, evidence: Evidence) -> Iterator[Finding]:
        """A warning for names, which travel far; folders and order are only told."""
        yield from _named("label_in_name", "warning", _names, evidence)
        yield from _named("label_in_folder", "info", lambda i: i.recording.audio_path.parts[:-1],
                          evidence)  # fmt: skip
        yield from _in_order(evidence)


def _names(item: Item) -> tuple[str, ...]:
    row = item.recording
    return row.recording_id, row.participant_id, row.audio_path.stem


def _named(
    code: str, severity: Severity, parts: Callable[[Item], tuple[str, ...]], evidence: Evidence
) -> Iterator[Finding]:
    """Only where names tell classes apart: not the name of a class that stands in all of them."""
    told = [(item, _classes_in(parts(item), evidence.classes)) for item in evidence.items]
    in_all = set(evidence.classes).intersection(*(classes for _, classes in told))
    naming = [(item.recording, classes - in_all) for item, classes in told if classes - in_all]
    if naming and all(classes == {row.label} for row, classes in naming):
        own = tuple(row.recording_id for row, _ in naming)
        where = "folders" if code == "label_in_folder" else "file names or ids"
        yield Finding(
            code=code,
            severity=severity,
            recordings=own,
            message=f"the {where} of {len(own)} recordings hold the name of their class; nobody "
            "who hears or transcribes them is blind",
        )


def _classes_in(texts: tuple[str, ...], classes: tuple[str, ...]) -> set[str]:
    """The classes whose name stands in a text as a word of its own."""
    words = {word for text in texts for word in re.split(r"[\W\d_]+", text.casefold())}
    return {name for name in classes if name.casefold() in words}


def _in_order(evidence: Evidence) -> Iterator[Finding]:
    labels = evidence.labels_of_participants()
    people = sorted(labels, key=_natural)
    numbers = np.array([evidence.classes.index(labels[name]) for name in people], dtype=np.int64)
    if len(people) < MIN_PARTICIPANTS or len(set(labels.values())) < 2:
        return
    errors = best_threshold_errors(np.arange(len(people), dtype=np.float64), numbers)
    if errors <= IN_ORDER * len(people):
        yield Finding(
            code="labels_in_order",
            severity="info",
            recordings=(),
            message="sorted by participant_id, one class comes after the other; whoever "
            "divides the table by rows divides it by class",
        )


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Numbers by their value, other text by its letters."""
    parts = re.findall(r"\d+|\D+", name)
    return [(p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts]
