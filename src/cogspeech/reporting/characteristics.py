"""Who the participants of a study are, in counts and means per class and side.

``corpus.json`` of a run folder holds them beside the flow. It names nobody.
"""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from cogspeech.corpora.audio import probe_audio
from cogspeech.types import Corpus, Recording

Side = Literal["all", "train", "test"]
NUMBERS = ("age_years", "education_years", "mmse")
CATEGORIES = ("sex", "language", "site", "task")


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A number over participants."""

    mean: float
    sd: float | None
    """``None`` of one participant."""
    n: int
    """Participants of whom it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The participants of one class on one side."""

    side: Side
    """``train`` and ``test`` where the study has a test set, else ``all``."""
    label: str
    participants: int
    recordings: int
    duration_s: Distribution
    """Of the recordings of a participant, together."""
    numbers: dict[str, Distribution]
    """What is known of nobody is not there."""
    categories: dict[str, dict[str, int]]
    """Participants by value; one who stands under several counts in each."""


def characteristics_of(
    corpus: Corpus, *, classes: Sequence[str], tested: frozenset[str] | None
) -> tuple[Group, ...]:
    """A group per side and class.

    Args:
        corpus: of the study.
        classes: the negative one first.
        tested: the participants of the test set; ``None`` where there is none of its own.
    """
    sides: dict[Side, Callable[[str], bool]] = {"all": lambda _: True}
    if tested is not None:
        sides = {"train": lambda name: name not in tested, "test": lambda name: name in tested}
    return tuple(
        _group(side, label, [r for r in corpus.recordings if r.label == label and belongs(
            r.participant_id)])
        for side, belongs in sides.items()
        for label in classes
    )  # fmt: skip


def _group(side: Side, label: str, recordings: Sequence[Recording]) -> Group:
    people: dict[str, list[Recording]] = {}
    for recording in recordings:
        people.setdefault(recording.participant_id, []).append(recording)
    found = {
        name: [[value for r in own if (value := getattr(r, name)) is not None]
               for own in people.values()]
        for name in (*NUMBERS, *CATEGORIES)
    }  # fmt: skip
    return Group(
        side=side,
        label=label,
        participants=len(people),
        recordings=len(recordings),
        duration_s=_distribution(
            sum(probe_audio(r.audio_path).duration_s for r in own) for own in people.values()
        ),
        numbers={
            name: _distribution(statistics.fmean(values) for values in found[name] if values)
            for name in NUMBERS
            if any(found[name])
        },
        categories={
            name: dict(Counter(value for values in found[name] for value in sorted(set(values))))
            for name in CATEGORIES
            if any(found[name])
        },
    )


def _distribution(values: Iterable[float]) -> Distribution:
    known = list(values)
    return Distribution(
        mean=statistics.fmean(known),
        sd=statistics.stdev(known) if len(known) > 1 else None,
        n=len(known),
    )
