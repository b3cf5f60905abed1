"""Folds of whole participants: everybody is tested once, nobody stands on two sides."""

import json
import random
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.corpora.splits import (
    Fold,
    People,
    SplitPlan,
    participant_groups,
    plan_given_folds,
    plan_splits,
    split_off_validation,
)
from cogspeech.errors import SplitError
from cogspeech.types import Recording

CLASSES = ("control", "dementia")


def _fewest(outer_folds: int) -> int:
    return outer_folds if outer_folds > 2 else 4


def _people(labels, strata=None) -> People:
    return People(labels=labels, classes=CLASSES, strata=strata or {})


@st.composite
def _asked(draw) -> dict:
    """Participants with labels, and how they are to be divided."""
    outer_folds = draw(st.integers(2, 6))
    fewest = _fewest(outer_folds)
    counts = [draw(st.integers(fewest, fewest + 12)) for _ in CLASSES]
    names = draw(
        st.lists(
            st.text("abcXYZ012é-", min_size=1, max_size=6),
            min_size=sum(counts),
            max_size=sum(counts),
            unique=True,
        )
    )
    return {
        "labels": {name: int(index >= counts[0]) for index, name in enumerate(names)},
        "outer_folds": outer_folds,
        "repeats": draw(st.integers(1, 3)),
        "validation_fraction": draw(st.floats(0.01, 0.89)),
        "seed": draw(st.integers(0, 2**31 - 1)),
    }


def _plan(asked: dict, **changed) -> SplitPlan:
    wanted = {**asked, **changed}
    return plan_splits(_people(wanted.pop("labels")), **wanted)


@settings(deadline=None, max_examples=50)
@given(_asked())
def test_every_participant_is_tested_exactly_once_per_repeat(asked: dict) -> None:
    plan = _plan(asked)

    assert len(plan.folds) == asked["repeats"] * asked["outer_folds"]
    for repeat in range(asked["repeats"]):
        tested = [name for fold in plan.folds if fold.repeat == repeat for name in fold.test]
        assert sorted(tested) == sorted(asked["labels"])


@settings(deadline=None, max_examples=50)
@given(_asked())
def test_nobody_stands_on_two_sides_and_nobody_is_left_out(asked: dict) -> None:
    for fold in _plan(asked).folds:
        parts = [set(fold.train), set(fold.validation), set(fold.test)]
        assert all(not one & two for one, two in combinations(parts, 2))
        assert set().union(*parts) == set(asked["labels"])


@settings(deadline=None, max_examples=50)
@given(_asked())
def test_both_classes_are_in_every_part(asked: dict) -> None:
    for fold in _plan(asked).folds:
        for part in (fold.train, fold.validation, fold.test):
            assert {asked["labels"][name] for name in part} == {0, 1}


@settings(deadline=None, max_examples=50)
@given(_asked())
def test_folds_are_of_equal_size_and_of_equal_classes_within_one(asked: dict) -> None:
    plan = _plan(asked)

    for repeat in range(asked["repeats"]):
        tests = [fold.test for fold in plan.folds if fold.repeat == repeat]
        for of_class in (0, 1):
            counts = [sum(asked["labels"][name] == of_class for name in test) for test in tests]
            assert max(counts) - min(counts) <= 1
        assert max(map(len, tests)) - min(map(len, tests)) <= 1


@settings(deadline=None, max_examples=50)
@given(_asked(), st.randoms(use_true_random=False))
def test_the_order_of_the_participants_changes_nothing(asked: dict, order: random.Random) -> None:
    shuffled = list(asked["labels"].items())
    order.shuffle(shuffled)

    assert _plan(asked, labels=dict(shuffled)) == _plan(asked)


@settings(deadline=None, max_examples=50)
@given(_asked())
def test_the_same_seed_gives_the_same_plan_and_digest(asked: dict) -> None:
    one, two = _plan(asked), _plan(asked)

    assert one == two
    assert one.digest() == two.digest()


def test_another_seed_or_repeat_deals_anew() -> None:
    asked = {
        "labels": {f"p{n:02d}": n % 2 for n in range(40)},
        "outer_folds": 5,
        "repeats": 2,
        "validation_fraction": 0.2,
        "seed": 7,
    }
    plan = _plan(asked)

    assert _plan(asked, seed=8).digest() != plan.digest()
    assert plan.folds[0].test != plan.folds[5].test


def test_a_plan_can_be_counted_by_hand() -> None:
    labels = {f"p{n:02d}": n % 2 for n in range(20)}  # 10 and 10

    plan = plan_splits(_people(labels), outer_folds=5, repeats=1, validation_fraction=0.25, seed=7)

    for fold in plan.folds:  # 4 of 20 tested, 2 + 2 of the other 16 validate
        assert [len(fold.test), len(fold.validation), len(fold.train)] == [4, 4, 12]


@pytest.mark.parametrize("outer_folds", [2, 3, 5])
def test_a_class_smaller_than_the_folds_need_is_refused(outer_folds: int) -> None:
    fewest = _fewest(outer_folds)
    labels = {f"c{n}": 0 for n in range(20)} | {f"d{n}": 1 for n in range(fewest - 1)}

    with pytest.raises(
        SplitError,
        match=f"class 'dementia' has {fewest - 1} participants, fewer than the {fewest} that "
        f"{outer_folds} folds need; lower evaluation.outer_folds or add",
    ):
        plan_splits(
            _people(labels), outer_folds=outer_folds, repeats=1, validation_fraction=0.2, seed=7
        )


def test_all_visits_of_a_participant_have_one_place() -> None:
    visits = [
        Recording(
            recording_id=f"p{person}-v{visit}",
            participant_id=f"p{person}",
            audio_path=Path("a.wav"),
            label=CLASSES[person % 2],
        )
        for person in range(8)
        for visit in range(3)
    ]

    people = People.of(visits, CLASSES)

    assert people.labels == {f"p{person}": person % 2 for person in range(8)}
    plan = plan_splits(people, outer_folds=4, repeats=1, validation_fraction=0.2, seed=7)
    for fold in plan.folds:
        sides = {
            recording.participant_id: [
                recording.participant_id in part
                for part in (fold.train, fold.validation, fold.test)
            ]
            for recording in visits
        }
        assert all(sum(side) == 1 for side in sides.values())


def test_a_fold_with_somebody_on_two_sides_cannot_be_made() -> None:
    with pytest.raises(SplitError, match="repeat 1, fold 2: a participant is on two sides"):
        Fold(repeat=1, fold=2, train=("a", "b"), validation=("c",), test=("b",))


def test_a_digest_tells_who_is_where() -> None:
    here = SplitPlan(folds=(Fold(repeat=0, fold=0, train=("a",), validation=("b",), test=("c",)),))
    there = SplitPlan(folds=(Fold(repeat=0, fold=0, train=("b",), validation=("a",), test=("c",)),))

    assert here.digest() != there.digest()


@settings(deadline=None, max_examples=50)
@given(
    counts=st.tuples(st.integers(2, 30), st.integers(2, 30)),
    fraction=st.floats(0.01, 0.89),
    seed=st.integers(0, 2**31),
)
def test_a_validation_part_holds_its_share_of_each_class(
    counts: tuple[int, int], fraction: float, seed: int
) -> None:
    labels = {f"{label}-{n}": label for label in (0, 1) for n in range(counts[label])}

    train, validation = split_off_validation(_people(labels), fraction, np.random.default_rng(seed))

    assert sorted(train + validation) == sorted(labels)
    for label, count in enumerate(counts):
        share = sum(labels[name] == label for name in validation)
        assert 1 <= share <= count - 1
        assert abs(share - fraction * count) <= 1


@settings(deadline=None, max_examples=50)
@given(_asked(), st.data())
def test_strata_are_spread_over_the_folds(asked: dict, data) -> None:
    labels = asked.pop("labels")
    strata = {name: data.draw(st.sampled_from(["en", "es", "zh"])) for name in sorted(labels)}

    plan = plan_splits(_people(labels, strata), **asked)

    for repeat in range(asked["repeats"]):
        tests = [fold.test for fold in plan.folds if fold.repeat == repeat]
        assert sorted(name for test in tests for name in test) == sorted(labels)
        for label in (0, 1):
            for stratum in set(strata.values()):
                counts = [
                    sum(labels[name] == label and strata[name] == stratum for name in test)
                    for test in tests
                ]
                assert max(counts) - min(counts) <= 1


def test_a_validation_part_holds_its_share_of_each_stratum() -> None:
    labels = {f"p{n:02d}": n % 2 for n in range(80)}
    strata = {name: ("en", "es")[int(name[1:]) % 4 >= 2] for name in labels}

    _, validation = split_off_validation(_people(labels, strata), 0.25, np.random.default_rng(0))

    counts = Counter((labels[name], strata[name]) for name in validation)
    assert set(counts.values()) == {5}


def _visit(name: str, **fields) -> Recording:
    return Recording(
        recording_id=name, participant_id=name.split("-")[0], audio_path=Path("a.wav"),
        where=f"r.csv:{name}", **fields,
    )  # fmt: skip


def test_language_and_site_are_the_strata() -> None:
    people = People.of(
        [
            _visit("a-1", label="control", language="en", site="x"),
            _visit("a-2", label="control", language="es", site="x"),
            _visit("b-1", label="dementia"),
        ],
        CLASSES,
    )

    assert people.labels == {"a": 0, "b": 1}
    assert people.strata == {"a": "en|x+es|x", "b": "|"}


def _column_people(values: dict[str, str]) -> tuple[People, dict[str, str]]:
    recordings = [
        _visit(name, label=CLASSES[int(name[1:]) % 2], metadata={"site_fold": value})
        for name, value in values.items()
    ]
    return People.of(recordings, CLASSES), participant_groups(recordings, "site_fold")


def test_each_value_of_a_column_is_tested_on_all_the_others() -> None:
    people, groups = _column_people({f"p{n}": "abc"[n // 2 % 3] for n in range(24)})

    plan = plan_given_folds(people, groups, tested=["a", "b", "c"], validation_fraction=0.2, seed=1)

    assert [set(fold.test) for fold in plan.folds] == [
        {name for name, group in groups.items() if group == value} for value in "abc"
    ]
    assert plan.tested == set(people.labels)
    for fold in plan.folds:
        assert {people.labels[name] for name in fold.validation} == {0, 1}
        assert set(fold.train) | set(fold.validation) | set(fold.test) == set(people.labels)


def test_a_single_tested_group_is_a_held_out_test_set() -> None:
    people, groups = _column_people({f"p{n}": ("train", "test")[n >= 16] for n in range(24)})

    plan = plan_given_folds(people, groups, tested=["test"], validation_fraction=0.2, seed=1)

    assert len(plan.folds) == 1
    assert plan.tested == {f"p{n}" for n in range(16, 24)}


@pytest.mark.parametrize(
    ("tested", "counts"),
    [
        ({"p0", "p2"}, "class 'dementia' has 0 participants to test and 6"),
        ({"p0", "p2", "p4", "p6", "p8", "p10", "p1"}, "class 'control' has 6 .* and 0"),
    ],
)
def test_a_class_that_is_missing_on_a_side_is_refused(tested, counts) -> None:
    people, groups = _column_people({f"p{n}": "t" if f"p{n}" in tested else "r" for n in range(12)})

    with pytest.raises(SplitError, match=f"where 't' is tested, {counts}.* correct the column"):
        plan_given_folds(people, groups, tested=["t"], validation_fraction=0.2, seed=1)


def test_a_participant_with_two_groups_is_refused() -> None:
    visits = [_visit("a-1", official_split="train"), _visit("a-2", official_split="test")]

    with pytest.raises(
        SplitError, match=r"r\.csv:a-2: participant 'a' has official_split 'test'.*a-1"
    ):
        participant_groups(visits, "official_split")


@pytest.mark.parametrize("column", ["official_split", "site_fold"])
def test_an_empty_cell_of_the_column_is_refused(column) -> None:
    with pytest.raises(SplitError, match=rf"r\.csv:a-1: {column} is empty"):
        participant_groups([_visit("a-1")], column)


def test_a_plan_is_written_with_its_hash() -> None:
    people = _people({f"p{n}": n % 2 for n in range(12)})
    plan = plan_splits(people, outer_folds=3, repeats=1, validation_fraction=0.2, seed=1)

    written = json.loads(plan.as_json())

    assert written["sha256"] == plan.digest()
    folds = tuple(Fold(**{k: tuple(v) if isinstance(v, list) else v for k, v in fold.items()})
                  for fold in written["folds"])  # fmt: skip
    assert SplitPlan(folds=folds).digest() == plan.digest()
