"""Who is trained on, who decides when to stop, who is tested: always whole participants.

A plan depends on the participants, their labels and the seed, never on the order of the rows, and
a plan that would not be sound cannot be made.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cogspeech.errors import SplitError
from cogspeech.types import Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """The participants of one outer fold; the three parts share nobody."""

    repeat: int
    fold: int
    train: tuple[str, ...]
    validation: tuple[str, ...]
    """Part of the training side: decides when to stop, and nothing else."""
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        parts = [set(self.train), set(self.validation), set(self.test)]
        if sum(map(len, parts)) != len(set().union(*parts)):
            raise SplitError(
                f"repeat {self.repeat}, fold {self.fold}: a participant is on two sides"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """All outer folds of a study."""

    folds: tuple[Fold, ...]

    def digest(self) -> str:
        """A hash that two runs share if and only if their folds are the same."""
        content = [[f.repeat, f.fold, f.train, f.validation, f.test] for f in self.folds]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def participant_labels(recordings: Iterable[Recording], classes: Sequence[str]) -> dict[str, int]:
    """The label of every participant, as a position in ``classes``."""
    return {r.participant_id: classes.index(r.label or "") for r in recordings}


def plan_splits(
    labels: Mapping[str, int],
    classes: Sequence[str],
    *,
    outer_folds: int,
    repeats: int,
    validation_fraction: float,
    seed: int,
) -> SplitPlan:
    """Repeated stratified folds of participants, each with an inner validation part.

    Args:
        labels: position in ``classes`` for each participant.
        classes: names, for messages.
        outer_folds: every participant is tested once per repeat.
        repeats: how often all participants are dealt anew.
        validation_fraction: share of the training side's participants, at least one per class.
        seed: decides who goes where.

    Raises:
        SplitError: a class has fewer participants than the folds need.
    """
    for index, name in enumerate(classes):
        count = sum(label == index for label in labels.values())
        needed = outer_folds if outer_folds > 2 else 4  # one to train on, one to validate on
        if count < needed:
            raise SplitError(
                f"class '{name}' has {count} participants, fewer than the {needed} that "
                f"{outer_folds} folds need; lower evaluation.outer_folds or add participants"
            )
    folds = []
    for repeat in range(repeats):
        dealt = _deal(labels, outer_folds, np.random.default_rng([seed, repeat]))
        for fold in range(outer_folds):
            rest = {name: label for name, label in labels.items() if dealt[name] != fold}
            train, validation = split_off_validation(
                rest, validation_fraction, np.random.default_rng([seed, repeat, fold])
            )
            test = tuple(sorted(name for name in labels if dealt[name] == fold))
            folds.append(
                Fold(repeat=repeat, fold=fold, train=train, validation=validation, test=test)
            )
    return SplitPlan(folds=tuple(folds))


def split_off_validation(
    labels: Mapping[str, int], fraction: float, generator: np.random.Generator
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Training and validation participants, stratified; at least one of each class in both."""
    train: list[str] = []
    validation: list[str] = []
    for label in sorted(set(labels.values())):
        names = _shuffled(labels, label, generator)
        count = min(max(1, round(fraction * len(names))), len(names) - 1)
        validation += names[:count]
        train += names[count:]
    return tuple(sorted(train)), tuple(sorted(validation))


def _deal(
    labels: Mapping[str, int], outer_folds: int, generator: np.random.Generator
) -> dict[str, int]:
    """The fold of each participant: each class is shuffled and dealt like cards, without a break.

    Dealing the second class from where the first stopped keeps all folds within one of equal.
    """
    names = [
        name
        for label in sorted(set(labels.values()))
        for name in _shuffled(labels, label, generator)
    ]
    return {name: position % outer_folds for position, name in enumerate(names)}


def _shuffled(labels: Mapping[str, int], label: int, generator: np.random.Generator) -> list[str]:
    names = sorted(name for name, its_label in labels.items() if its_label == label)
    return [names[index] for index in generator.permutation(len(names))]
