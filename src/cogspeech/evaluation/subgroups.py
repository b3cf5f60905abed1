"""Every metric by sex, age, language, education and site, and the gaps between the groups.

A group is shown with ten participants of each class or more: fewer tell nothing, and may tell who
they are. Who has no entry is a group of its own.
"""

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np

from cogspeech.evaluation.gaps import Gap, gaps_between
from cogspeech.evaluation.metrics import Scores, estimate_all
from cogspeech.types import Estimate, Recording

FEWEST_PER_CLASS = 10
SMALL_GAP = 0.1
"""A gap whose whole interval is nearer to 0 is called small."""
NOT_KNOWN = "not known"
SEVERAL = "several"
"""Of a participant whose recordings do not agree."""
AGE_BANDS_YEARS = (60.0, 70.0, 80.0)
EDUCATION_BANDS_YEARS = (9.0, 13.0)
"""Below, between, and from there on: roughly primary, secondary and higher education."""
GAP_METRICS = ("auroc", "sensitivity", "specificity")
"""What is compared; every further metric would cost all of them power."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgroup:
    """Participants who have something in common."""

    column: str
    name: str
    num_negative: int
    num_positive: int
    metrics: dict[str, Estimate] | None
    """``None`` of a group that is too small to be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubgroupGap:
    """A metric in group ``a`` minus that in group ``b``."""

    column: str
    a: str
    b: str
    metric: str
    gap: Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgroups:
    """How the primary system does in groups of the participants."""

    fewest_per_class: int
    small_gap: float
    groups: tuple[Subgroup, ...]
    gaps: tuple[SubgroupGap, ...]
    """Of all pairs of groups that are shown; Holm's correction counts all of them."""
    unknown_columns: tuple[str, ...]
    """Of which no participant has an entry."""


BANDS = {"age_years": AGE_BANDS_YEARS, "education_years": EDUCATION_BANDS_YEARS}
COLUMNS = ("sex", "age_years", "language", "education_years", "site")


def evaluate_subgroups(scores: Scores, recordings: Sequence[Recording]) -> Subgroups:
    """Every metric in every group, and the gaps.

    Args:
        scores: of the primary system.
        recordings: of the study; a participant's numbers are averaged over theirs.
    """
    of_person: dict[str, list[Recording]] = {name: [] for name in scores.participants}
    for recording in recordings:
        if recording.participant_id in of_person:
            of_person[recording.participant_id].append(recording)
    groups, unknown = [], []
    for column in COLUMNS:
        place = np.array([_group_of(column, of_person[name]) for name in scores.participants])
        if (place == NOT_KNOWN).all():
            unknown.append(column)
        else:
            names = sorted(set(place.tolist()), key=lambda name: _order(column, name))
            groups += [_subgroup(column, name, scores, place == name) for name in names]
    return Subgroups(
        fewest_per_class=FEWEST_PER_CLASS,
        small_gap=SMALL_GAP,
        groups=tuple(groups),
        gaps=_gaps(groups),
        unknown_columns=tuple(unknown),
    )


def _group_of(column: str, recordings: Sequence[Recording]) -> str:
    given = [getattr(recording, column) for recording in recordings]
    known = [value for value in given if value is not None]
    if not known:
        return NOT_KNOWN
    if column in BANDS:
        return _band(mean(known), BANDS[column])
    return str(known[0]) if len(set(known)) == 1 else SEVERAL


def _band(number: float, limits: Sequence[float]) -> str:
    """The band of a number, such as "60 to below 70"."""
    bands = _bands(limits)
    return bands[sum(number >= limit for limit in limits)]


def _bands(limits: Sequence[float]) -> list[str]:
    between = [f"{low:g} to below {high:g}" for low, high in itertools.pairwise(limits)]
    return [f"below {limits[0]:g}", *between, f"{limits[-1]:g} and above"]


def _order(column: str, name: str) -> tuple[int, str]:
    """Bands by size, names by letter, those without a group of their own last."""
    if name in (NOT_KNOWN, SEVERAL):
        return 1000, name
    return (_bands(BANDS[column]).index(name) if column in BANDS else 0), name


def _subgroup(column: str, name: str, scores: Scores, is_inside: np.ndarray) -> Subgroup:
    labels = scores.labels[is_inside]
    positive = int(labels.sum())
    negative = len(labels) - positive
    is_shown = min(positive, negative) >= FEWEST_PER_CLASS
    own = dataclasses.replace(
        scores,
        participants=tuple(itertools.compress(scores.participants, is_inside)),
        labels=labels,
        probability=scores.probability[:, is_inside],
        fold=scores.fold[:, is_inside],
    )
    return Subgroup(
        column=column,
        name=name,
        num_negative=negative,
        num_positive=positive,
        metrics=estimate_all(own) if is_shown and own.can_be_ranked else None,
    )


def _gaps(groups: Sequence[Subgroup]) -> tuple[SubgroupGap, ...]:
    found = [
        (a, b, metric, (a.metrics[metric], b.metrics[metric]))
        for a, b in itertools.combinations(groups, 2)
        if a.column == b.column and a.metrics and b.metrics
        for metric in GAP_METRICS
    ]
    gaps = gaps_between([pair for *_, pair in found])
    return tuple(
        SubgroupGap(column=a.column, a=a.name, b=b.name, metric=metric, gap=gap)
        for (a, b, metric, _), gap in zip(found, gaps, strict=True)
    )
