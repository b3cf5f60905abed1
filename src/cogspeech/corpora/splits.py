"""Who is trained on, who decides when to stop, who is tested: always whole participants.

A plan depends on the participants, their labels and the seed, never on the order of the rows, and
a plan that would not be sound cannot be made.
"""

import hashlib
import json
from collections.abc import Container, Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from cogspeech.errors import SplitError
from cogspeech.types import Recording

THIRDS = ("lowest third of the scores", "middle third", "highest third")


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

    @property
    def tested(self) -> frozenset[str]:
        """The participants that some fold tests."""
        return frozenset(name for fold in self.folds for name in fold.test)

    def digest(self) -> str:
        """A hash that two runs share if and only if their folds are the same."""
        content = [[f.repeat, f.fold, f.train, f.validation, f.test] for f in self.folds]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def as_json(self) -> str:
        """The folds and their hash, for a run folder."""
        folds = [asdict(fold) for fold in self.folds]
        return json.dumps({"sha256": self.digest(), "folds": folds}, indent=1) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The participants of a study and what they are divided by."""

    labels: Mapping[str, int]
    """Position in ``classes`` of each participant."""
    classes: tuple[str, ...]
    strata: Mapping[str, str] = field(default_factory=dict)
    """Spread evenly over folds inside each class."""

    @classmethod
    def of(cls, recordings: Iterable[Recording], classes: Sequence[str]) -> "People":
        """The participants of labelled recordings, with language and site as their strata.

        Without classes they are divided by thirds of the score.
        """
        if not classes:
            recordings, classes = in_thirds(recordings), THIRDS
        labels: dict[str, int] = {}
        strata: dict[str, set[str]] = {}
        for recording in recordings:
            name = recording.participant_id
            labels[name] = classes.index(recording.label or "")
            stratum = f"{recording.language or ''}|{recording.site or ''}"
            strata.setdefault(name, set()).add(stratum)
        joined = {name: "+".join(sorted(found)) for name, found in strata.items()}
        return cls(labels=labels, classes=tuple(classes), strata=joined)

    def only(self, names: Container[str]) -> "People":
        """Those whose names are in ``names``."""
        labels = {name: label for name, label in self.labels.items() if name in names}
        return replace(self, labels=labels)

    def count(self, label: int) -> int:
        """How many have a label."""
        return sum(own == label for own in self.labels.values())


def in_thirds(recordings: Iterable[Recording]) -> tuple[Recording, ...]:
    """Recordings with a third of the scores as their label: that of their participant's mean.

    The thirds are equal in size; participants with the same mean may be in two.
    """
    recordings = tuple(recordings)
    scores: dict[str, list[float]] = {}
    for recording in recordings:
        if recording.score is not None:
            scores.setdefault(recording.participant_id, []).append(recording.score)
    ranked = sorted(scores, key=lambda name: (float(np.mean(sorted(scores[name]))), name))
    third = {name: THIRDS[len(THIRDS) * at // len(ranked)] for at, name in enumerate(ranked)}
    return tuple(replace(r, label=third.get(r.participant_id)) for r in recordings)


def participant_groups(recordings: Iterable[Recording], column: str) -> dict[str, str]:
    """What a column of the recordings table says of every participant.

    Args:
        recordings: of a study.
        column: ``official_split``, ``site``, ``language``, ``task`` or a further column.

    Raises:
        SplitError: a cell is empty, or two rows of a participant differ.
    """
    first: dict[str, Recording] = {}
    groups: dict[str, str] = {}
    for recording in recordings:
        is_field = column in ("official_split", "site", "language", "task")
        group = getattr(recording, column) if is_field else recording.metadata.get(column)
        if not group:
            raise SplitError(
                f"{recording.where}: {column} is empty; this protocol needs it in every row"
            )
        known = first.setdefault(recording.participant_id, recording)
        if groups.setdefault(recording.participant_id, group) != group:
            raise SplitError(
                f"{recording.where}: participant '{recording.participant_id}' has {column} "
                f"'{group}' here and '{groups[recording.participant_id]}' at {known.where}; a "
                "participant must stand on one side"
            )
    return groups


def plan_splits(
    people: People, *, outer_folds: int, repeats: int, validation_fraction: float, seed: int
) -> SplitPlan:
    """Repeated stratified folds of participants, each with an inner validation part.

    Args:
        people: all participants.
        outer_folds: every participant is tested once per repeat.
        repeats: how often all participants are dealt anew.
        validation_fraction: share of the training side's participants, at least one per class.
        seed: decides who goes where.

    Raises:
        SplitError: a class has fewer participants than the folds need.
    """
    for label, name in enumerate(people.classes):
        needed = outer_folds if outer_folds > 2 else 4  # one to train on, one to validate on
        if people.count(label) < needed:
            raise SplitError(
                f"class '{name}' has {people.count(label)} participants, fewer than the {needed} "
                f"that {outer_folds} folds need; lower evaluation.outer_folds or add participants"
            )
    folds = []
    for repeat in range(repeats):
        dealt = _deal(people, outer_folds, np.random.default_rng([seed, repeat]))
        for fold in range(outer_folds):
            generator = np.random.default_rng([seed, repeat, fold])
            tested = {name for name in people.labels if dealt[name] == fold}
            folds.append(_fold(people, tested, (repeat, fold), validation_fraction, generator))
    return SplitPlan(folds=tuple(folds))


def plan_each_alone(people: People, *, validation_fraction: float, seed: int) -> SplitPlan:
    """A fold per participant, whose training side leaves out one participant of each other class.

    Leaving out the tested participant alone would leave fewer of their class than of the others
    with every fit: its answers shift against the truth, and a constant has an AUROC of 0. With the
    partners left out, who are drawn anew for every fold, all training sides have the same number of
    each class (Austin et al., 2025). Only then may answers of different folds be compared.

    Args:
        people: all participants.
        validation_fraction: share of the training side's participants, at least one per class.
        seed: decides who is left out with whom, and who validates.

    Raises:
        SplitError: a class has fewer than three participants.
    """
    for label, name in enumerate(people.classes):
        if people.count(label) < 3:  # one is tested or left out, one to train on, one to validate
            raise SplitError(
                f"class '{name}' has {people.count(label)} participants; leaving one participant "
                "out needs at least 3 of each class; add participants"
            )
    folds = []
    for number, name in enumerate(sorted(people.labels)):
        generator = np.random.default_rng([seed, 0, number])
        partners = {
            str(generator.choice(sorted(n for n, own in people.labels.items() if own == label)))
            for label in range(len(people.classes))
            if label != people.labels[name]
        }
        rest = people.only(people.labels.keys() - partners)
        folds.append(_fold(rest, {name}, (0, number), validation_fraction, generator))
    return SplitPlan(folds=tuple(folds))


def plan_given_folds(
    people: People,
    groups: Mapping[str, str],
    *,
    tested: Sequence[str],
    validation_fraction: float,
    seed: int,
) -> SplitPlan:
    """Folds that somebody else has drawn: each of ``tested`` is tested on all the other groups.

    Args:
        people: all participants.
        groups: the group of each participant.
        tested: one fold for each; a single one is a held-out test set.
        validation_fraction: share of the training side's participants, at least one per class.
        seed: decides who validates.

    Raises:
        SplitError: a class is missing where it is tested, or too small where it is trained on.
    """
    folds = []
    for number, group in enumerate(tested):
        names = {name for name in people.labels if groups[name] == group}
        for label, name in enumerate(people.classes):
            on_test = people.only(names).count(label)
            on_training = people.count(label) - on_test
            if not on_test or on_training < 2:  # one to fit, one to validate
                raise SplitError(
                    f"where '{group}' is tested, class '{name}' has {on_test} participants to "
                    f"test and {on_training} to train on; expected at least 1 and 2; correct the "
                    "column, or leave the class out"
                )
        generator = np.random.default_rng([seed, 0, number])
        folds.append(_fold(people, names, (0, number), validation_fraction, generator))
    return SplitPlan(folds=tuple(folds))


def split_off_validation(
    people: People, fraction: float, generator: np.random.Generator
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Training and validation participants, stratified; at least one of each class in both."""
    train: list[str] = []
    validation: list[str] = []
    for label in sorted(set(people.labels.values())):
        names = _shuffled(people, label, generator)
        count = min(max(1, round(fraction * len(names))), len(names) - 1)
        chosen = {(2 * k + 1) * len(names) // (2 * count) for k in range(count)}
        for place, name in enumerate(names):
            (validation if place in chosen else train).append(name)
    return tuple(sorted(train)), tuple(sorted(validation))


def _fold(
    people: People,
    tested: Set[str],
    place: tuple[int, int],
    fraction: float,
    generator: np.random.Generator,
) -> Fold:
    rest = people.only(people.labels.keys() - tested)
    train, validation = split_off_validation(rest, fraction, generator)
    repeat, fold = place
    test = tuple(sorted(tested))
    return Fold(repeat=repeat, fold=fold, train=train, validation=validation, test=test)


def _deal(people: People, outer_folds: int, generator: np.random.Generator) -> dict[str, int]:
    """The fold of each participant: each class is shuffled and dealt like cards, without a break.

    Dealing the second class from where the first stopped keeps all folds within one of equal.
    """
    labels = sorted(set(people.labels.values()))
    names = [name for label in labels for name in _shuffled(people, label, generator)]
    return {name: position % outer_folds for position, name in enumerate(names)}


def _shuffled(people: People, label: int, generator: np.random.Generator) -> list[str]:
    """The participants of a class, stratum after stratum, in random order inside and outside."""
    names = sorted(name for name, its_label in people.labels.items() if its_label == label)
    mixed = [names[index] for index in generator.permutation(len(names))]
    strata = dict.fromkeys(people.strata.get(name, "") for name in mixed)
    turn = {stratum: number for number, stratum in enumerate(strata)}
    return sorted(mixed, key=lambda name: turn[people.strata.get(name, "")])
