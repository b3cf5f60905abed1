"""From a probability to a decision, without any data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cogspeech.decision import ConformalSets, DecisionRule, FittedOn, participants_digest

FITTED_ON = FittedOn(participants=9, participants_sha256="0" * 64)
stretches = st.floats(0.05, 20)
shifts = st.floats(-5, 5)


def rule(**more):
    return DecisionRule(**{"method": "platt", "fitted_on": FITTED_ON} | more)


def sets(control, dementia, kind="class_conditional"):
    return ConformalSets(kind=kind, coverage=0.9, largest=(control, dementia))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20), stretches, shifts)
def test_calibration_gives_probabilities_in_the_same_order(values, slope, intercept):
    given_values = np.sort(np.array(values))

    found = rule(slope=slope, intercept=intercept).calibrated(given_values)

    assert np.all((found >= 0) & (found <= 1))
    assert np.all(np.diff(found) >= 0)


@given(st.integers(1, 9999), st.integers(1, 9999), st.floats(0.05, 2), st.floats(-3, 3))
def test_people_who_differ_stay_apart(first, second, slope, intercept):
    values = np.array([first, second]) / 10_000

    one, two = rule(slope=slope, intercept=intercept).calibrated(values)

    assert np.sign(one - two) == np.sign(first - second)


def test_without_calibration_not_a_bit_changes():
    values = np.array([0.0, 1e-310, 0.1, 1.0])

    assert rule(method="none").calibrated(values) is values


@given(st.floats(0, 1), stretches)
def test_a_temperature_alone_moves_nobody_across_a_half(value, slope):
    found = float(rule(method="temperature", slope=slope).calibrated(np.array(value)))

    assert (found > 0.5) <= (value > 0.5)
    assert (found < 0.5) <= (value < 0.5)


@pytest.mark.parametrize(
    ("limits", "probability", "decision", "reason"),
    [
        ((0.6, 0.6), 0.2, 0, None),
        ((0.6, 0.6), 0.8, 1, None),
        ((0.6, 0.6), 0.5, None, "uncertain: both classes are plausible at 90 % coverage"),
        ((0.6, 0.6), 0.6, None, "uncertain: both classes are plausible at 90 % coverage"),
        ((0.2, 0.3), 0.5, None, "uncertain: neither class is plausible at 90 % coverage"),
        ((0.2, 0.5), 0.55, 1, None),
        ((0.9, 0.2), 0.7, 0, None),
    ],
)
def test_one_plausible_class_is_the_decision_and_else_there_is_a_reason(
    limits, probability, decision, reason
):
    assert rule(sets=sets(*limits)).decide(probability) == (decision, reason)


@pytest.mark.parametrize(("probability", "decision"), [(0.49, 0), (0.5, 1), (0.51, 1)])
def test_without_sets_decisions_fall_at_the_threshold(probability, decision):
    assert rule().decide(probability) == (decision, None)


@given(st.floats(0, 1), st.floats(0, 1), st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_many_are_decided_like_each_of_them(control, dementia, values):
    many = sets(control, dementia).plausible(np.array(values))

    for value, plausible in zip(values, many, strict=True):
        found, _ = rule(sets=sets(control, dementia)).decide(value)
        assert found == (int(plausible.argmax()) if plausible.sum() == 1 else None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"slope": 0.0},
        {"slope": -1.0},
        {"slope": float("nan")},
        {"intercept": float("inf")},
        {"threshold": 1.1},
        {"method": "isotonic"},
        {"more": 1},
    ],
)
def test_a_rule_that_is_none_cannot_be_made(wrong):
    with pytest.raises(ValidationError):
        rule(**wrong)


def test_the_digest_is_of_the_set_of_people():
    assert participants_digest(["b", "a", "a"]) == participants_digest(["a", "b"])
    assert participants_digest(["a", "b"]) != participants_digest(["ab"])
    assert participants_digest(["a"]) != participants_digest(["a", "b"])
