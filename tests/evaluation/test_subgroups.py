"""Groups of participants: who is in which, what is shown, and when a gap is one."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from cogspeech.correction import holm
from cogspeech.evaluation.gaps import gaps_between
from cogspeech.evaluation.metrics import Scores, estimate_all
from cogspeech.evaluation.subgroups import NOT_KNOWN, SEVERAL, evaluate_subgroups
from cogspeech.types import Estimate, Recording


def scores(n=80, *, folds=4, runs=2, seed=0):
    generator = np.random.default_rng(seed)
    labels = np.arange(n) // 2 % 2
    return Scores(
        participants=tuple(f"p{i:03d}" for i in range(n)),
        labels=labels,
        probability=np.clip(
            0.5 + 0.15 * (labels - 0.5) + 0.2 * generator.standard_normal((runs, n)), 0, 1
        ),
        fold=np.stack([generator.permutation(np.arange(n) % folds) for _ in range(runs)]),
    )


def recordings(scores, **columns):
    """A recording per participant; each column is a function of the participant's number."""
    return [
        Recording(
            recording_id=f"r{number}",
            participant_id=name,
            audio_path=Path("nowhere.wav"),
            **{column: value(number) for column, value in columns.items()},
        )
        for number, name in enumerate(scores.participants)
    ]


def groups_of(found, column):
    return {group.name: group for group in found.groups if group.column == column}


def test_a_group_has_the_metrics_of_its_participants_alone():
    whole = scores(folds=1, runs=1)
    found = evaluate_subgroups(whole, recordings(whole, sex=lambda n: "fm"[n % 2]))

    female = groups_of(found, "sex")["f"]

    inside = np.arange(80) % 2 == 0
    labels, probability = whole.labels[inside], whole.probability[0, inside]
    assert (female.num_negative, female.num_positive) == (20, 20)
    assert female.metrics["auroc"].estimate == pytest.approx(
        sk.roc_auc_score(labels, probability), abs=1e-12
    )
    assert female.metrics["sensitivity"].estimate == pytest.approx(
        sk.recall_score(labels, probability >= 0.5), abs=1e-12
    )
    assert set(female.metrics) == set(estimate_all(whole))
    assert (female.metrics["auroc"].n, female.metrics["specificity"].n) == (40, 20)


@pytest.mark.parametrize(("per_class", "is_shown"), [(9, False), (10, True)])
def test_nine_of_a_class_are_not_shown(per_class, is_shown):
    whole = scores()
    members = {*np.flatnonzero(whole.labels == 1)[:per_class].tolist()}
    members |= {*np.flatnonzero(whole.labels == 0).tolist()}
    found = evaluate_subgroups(
        whole, recordings(whole, site=lambda n: "here" if n in members else None)
    )

    here = groups_of(found, "site")["here"]

    assert (here.num_negative, here.num_positive) == (40, per_class)
    assert (here.metrics is not None) == is_shown


def test_who_has_no_entry_is_a_group_and_a_column_without_any_is_named():
    whole = scores()
    found = evaluate_subgroups(
        whole, recordings(whole, sex=lambda n: None if n < 8 else "female", site=lambda n: None)
    )

    assert list(groups_of(found, "sex")) == ["female", NOT_KNOWN]
    assert groups_of(found, "sex")[NOT_KNOWN].metrics is None
    assert found.unknown_columns == ("age_years", "language", "education_years", "site")
    assert found.gaps == ()


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (40, "below 60"),
        (59.9, "below 60"),
        (60, "60 to below 70"),
        (79.5, "70 to below 80"),
        (80, "80 and above"),
    ],
)
def test_ages_fall_into_bands(age, band):
    whole = scores()
    found = evaluate_subgroups(whole, recordings(whole, age_years=lambda n: float(age)))

    assert list(groups_of(found, "age_years")) == [band]


def test_bands_stand_in_their_order():
    whole = scores()
    ages = (81.0, 50.0, None, 75.0, 65.0)
    found = evaluate_subgroups(whole, recordings(whole, age_years=lambda n: ages[n % 5]))

    assert list(groups_of(found, "age_years")) == [
        "below 60", "60 to below 70", "70 to below 80", "80 and above", NOT_KNOWN
    ]  # fmt: skip


def test_visits_are_averaged_and_two_sites_are_none():
    whole = scores()
    first = recordings(whole, age_years=lambda n: 58.0, site=lambda n: "a")
    later = [dataclasses.replace(r, age_years=64.0, site="b") for r in first]

    found = evaluate_subgroups(whole, [*first, *later])

    assert list(groups_of(found, "age_years")) == ["60 to below 70"]
    assert list(groups_of(found, "site")) == [SEVERAL]


def test_recordings_of_people_who_are_not_tested_do_not_count():
    whole = scores()
    stranger = Recording(
        recording_id="x", participant_id="stranger", audio_path=Path("x.wav"), sex="other"
    )

    found = evaluate_subgroups(whole, [*recordings(whole, sex=lambda n: "f"), stranger])

    assert list(groups_of(found, "sex")) == ["f"]


def test_a_planted_gap_is_found_and_holm_counts_every_gap():
    whole = scores(320, runs=1)
    is_served = np.arange(320) % 2 == 0
    probability = np.where(is_served, 0.1 + 0.8 * whole.labels, whole.probability[0])
    biased = dataclasses.replace(whole, probability=probability[None])

    found = evaluate_subgroups(
        biased,
        recordings(biased, sex=lambda n: "fm"[n % 2], language=lambda n: ("en", "de")[n // 4 % 2]),
    )

    by_name = {(g.column, g.metric): g.gap for g in found.gaps}
    assert len(found.gaps) == 6
    assert by_name["sex", "auroc"].p_adjusted < 0.05
    assert by_name["sex", "sensitivity"].difference > 0.2
    assert by_name["language", "auroc"].p_adjusted > 0.05
    assert [g.gap.p_adjusted for g in found.gaps] == holm([g.gap.p_value for g in found.gaps])


def test_a_group_in_which_nobody_can_be_ranked_is_not_shown():
    """Every fold tests one class of it, so no pair can be compared."""
    whole = scores(40, runs=1)
    whole = dataclasses.replace(whole, fold=whole.labels[None])

    found = evaluate_subgroups(whole, recordings(whole, sex=lambda n: "f"))

    assert groups_of(found, "sex")["f"].metrics is None


@st.composite
def estimates(draw):
    low, middle, high = sorted(draw(st.lists(st.floats(0, 1), min_size=3, max_size=3)))
    return Estimate(estimate=middle, low=low, high=high, n=20)


@given(estimates(), estimates())
def test_p_and_interval_of_a_gap_agree(a, b):
    (gap,) = gaps_between([(a, b)])

    assert gap.low <= gap.difference <= gap.high
    assert gap.n == 40
    if not math.isclose(gap.p_value, 0.05, rel_tol=1e-6):
        assert (gap.p_value < 0.05) == (gap.low > 0 or gap.high < 0)


@given(estimates(), estimates())
def test_a_gap_is_the_other_one_turned_round(a, b):
    (gap,), (turned,) = gaps_between([(a, b)]), gaps_between([(b, a)])

    assert (turned.difference, turned.low, turned.high) == (-gap.difference, -gap.high, -gap.low)
    assert turned.p_value == pytest.approx(gap.p_value)


def test_the_gap_of_two_wilson_intervals_is_newcombe():
    """Newcombe (1998), method 10: 56/70 against 48/80 gives 0.0524 to 0.3339."""
    a = Estimate(estimate=56 / 70, low=0.6918, high=0.8769, n=70)
    b = Estimate(estimate=48 / 80, low=0.4905, high=0.7003, n=80)

    (gap,) = gaps_between([(a, b)])

    assert (gap.low, gap.high) == pytest.approx((0.0524, 0.3339), abs=3e-4)


def test_who_was_tested_alone_is_ranked_among_the_group():
    together = scores(folds=1, runs=1)
    alone = dataclasses.replace(together, fold=np.arange(80)[None])
    columns = {"sex": lambda number: "fm"[number // 40]}

    one, other = (
        groups_of(evaluate_subgroups(each, recordings(each, **columns)), "sex")
        for each in (together, alone)
    )

    assert one.keys() == other.keys() == {"f", "m"}
    for name, group in one.items():
        assert group.metrics["auroc"].estimate == other[name].metrics["auroc"].estimate
