"""``by_class``: properties of recordings or people that go with the label.

All properties of a corpus are one family: Holm's correction over them keeps the chance that a
corpus without any association is warned about below `ALPHA`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import chi2_contingency, rankdata

from cogspeech.audit.base import CHECKS, Check, Evidence, Finding
from cogspeech.audit.permutation import (
    best_threshold_errors,
    mutual_information,
    p_of_categories,
    p_of_numbers,
)
from cogspeech.audit.properties import PEOPLE, PROCESSING, Property, all_properties
from cogspeech.correction import holm

ALPHA = 0.005
"""For the adjusted p. Half of the share of sound corpora that the whole audit may warn about."""
MIN_EXPLAINED = 0.02
"""Of the label's entropy. As much as a property with an AUROC of 0.6 explains."""
SEPARATES = 0.02
"""Share of participants that the best rule on the property alone may get wrong."""
BINS = 4
"""Quantiles of a number, for its mutual information."""
SHOWN_VALUES = 3
MIN_PARTICIPANTS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tested:
    asked: Property
    p_value: float
    explained: float
    separates: bool
    told: str
    participants: tuple[str, ...]
    details: Mapping[str, Any]


@CHECKS.register("by_class")
class ByClass(Check):
    """Everything in `all_properties` against the label."""

    codes: ClassVar[Mapping[str, str]] = {
        **{f"{p.name}_by_class": f"{p.shown} goes with the label" for p in (*PROCESSING, *PEOPLE)},
        "missing_by_class": "whether a column has a value goes with the label",
        "column_by_class": "a further column of the table goes with the label",
    }

    def find(self, evidence: Evidence) -> Iterator[Finding]:
        """A finding per property, errors where one tells the classes apart by itself."""
        labels = evidence.labels_of_participants()
        tested = [
            found
            for asked in all_properties(evidence)
            if (found := _test(asked, evidence, labels)) is not None
        ]
        adjusted = holm([each.p_value for each in tested])
        for each, p_adjusted in zip(tested, adjusted, strict=True):
            if p_adjusted > ALPHA or each.explained < MIN_EXPLAINED:
                continue
            is_error = each.separates and each.asked.is_fatal
            end = "; it tells the classes apart by itself" if each.separates else ""
            yield Finding(
                code=f"{each.asked.name}_by_class",
                severity="error" if is_error else "warning",
                recordings=(),
                message=f"{each.asked.shown} goes with the label: {each.told}{end}",
                details={
                    "property": each.asked.shown,
                    "participants": len(each.participants),
                    "p_value": each.p_value,
                    "p_adjusted": p_adjusted,
                    "tests": len(tested),
                    "explained": round(each.explained, 4),
                    **each.details,
                },
            )


def _test(asked: Property, evidence: Evidence, labels: Mapping[str, str]) -> _Tested | None:
    """``None`` where there is nothing to compare: too few people, one class, or one value."""
    values: dict[str, list[float | str]] = {}
    for item in evidence.items:
        value = asked.value(item)
        if value is not None and item.recording.participant_id in labels:
            values.setdefault(item.recording.participant_id, []).append(value)
    people = tuple(sorted(values))
    numbers = np.array([evidence.classes.index(labels[p]) for p in people], dtype=np.int64)
    if len(people) < MIN_PARTICIPANTS or len(set(numbers.tolist())) < 2:
        return None
    compare = _numbers if asked.is_number else _categories
    return compare(asked, [values[p] for p in people], numbers, people, evidence.classes)


def _numbers(
    asked: Property,
    values: Sequence[Sequence[Any]],
    labels: Int[np.ndarray, " participant"],
    people: tuple[str, ...],
    classes: Sequence[str],
) -> _Tested | None:
    middle = np.array([float(np.median(each)) for each in values])
    if np.ptp(middle) == 0:
        return None
    edges = np.unique(np.quantile(middle, np.linspace(0, 1, BINS + 1)[1:-1]))
    table = _table(np.eye(BINS)[np.searchsorted(edges, middle, side="left")], labels, len(classes))
    groups = {name: middle[labels == at] for at, name in enumerate(classes) if at in labels}
    details: dict[str, Any] = {
        "median": {name: float(np.median(group)) for name, group in groups.items()}
    }
    if len(groups) == 2:
        details |= _differences(*groups.values())
    medians = details["median"].items()
    return _Tested(
        asked=asked,
        p_value=p_of_numbers(middle, labels),
        explained=_explained(table),
        separates=best_threshold_errors(middle, labels) <= SEPARATES * len(people),
        told="median " + ", ".join(f"{value:.3g}{asked.unit} in {name}" for name, value in medians),
        participants=people,
        details=details,
    )


def _differences(first: Float[np.ndarray, " a"], second: Float[np.ndarray, " b"]) -> dict[str, Any]:
    """Standardised mean difference, and how often the second class is higher."""
    is_spread = min(len(first), len(second)) > 1
    spread = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2) if is_spread else 0.0
    ranks = rankdata(np.concatenate([first, second]))[len(first) :]
    higher = (ranks.sum() - len(second) * (len(second) + 1) / 2) / (len(first) * len(second))
    difference = float(second.mean() - first.mean())
    return {
        "standardised_difference": round(difference / spread, 4) if spread else None,
        "auroc": round(float(higher), 4),
    }


def _categories(
    asked: Property,
    values: Sequence[Sequence[Any]],
    labels: Int[np.ndarray, " participant"],
    people: tuple[str, ...],
    classes: Sequence[str],
) -> _Tested | None:
    owners = Counter(value for each in values for value in set(each))
    # Values of one participant each say nothing about a class; together they might.
    common = sorted(value for value, count in owners.items() if count > 1)
    names = [*common, "other"] if len(common) < len(owners) else common
    if len(names) < 2:
        return None
    at = {value: place for place, value in enumerate(common)}
    shares = np.zeros((len(people), len(names)))
    for row, each in enumerate(values):
        for value in each:
            shares[row, at.get(value, len(names) - 1)] += 1 / len(each)
    table = _table(shares, labels, len(classes))
    counts = {
        name: {names[v]: round(float(table[c, v]), 2) for v in np.flatnonzero(table[c])}
        for c, name in enumerate(classes)
        if table[c].sum()
    }
    held = table[table.sum(axis=1) > 0]
    return _Tested(
        asked=asked,
        p_value=p_of_categories(shares, labels),
        explained=_explained(table),
        separates=float(len(people) - table.max(axis=0).sum()) <= SEPARATES * len(people),
        told="; ".join(_most_common(name, found, asked.unit) for name, found in counts.items()),
        participants=people,
        details={
            "table": counts,
            "chi_square_p": float(chi2_contingency(held, correction=False).pvalue),
        },
    )


def _most_common(name: str, counts: Mapping[str, float], unit: str) -> str:
    total = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda pair: -pair[1])[:SHOWN_VALUES]
    shown = ", ".join(f"{value}{unit} {count / total:.0%}" for value, count in ranked)
    return f"{name} {shown}{', ...' if len(counts) > SHOWN_VALUES else ''}"


def _table(
    shares: Float[np.ndarray, "participant value"],
    labels: Int[np.ndarray, " participant"],
    num_classes: int,
) -> Float[np.ndarray, "label value"]:
    table: Float[np.ndarray, "label value"] = np.eye(num_classes)[labels].T @ shares
    return table


def _explained(table: Float[np.ndarray, "label value"]) -> float:
    """The share of the label's entropy that the property knows."""
    share = table.sum(axis=1) / table.sum()
    entropy = -float((share[share > 0] * np.log2(share[share > 0])).sum())
    return mutual_information(table) / entropy
