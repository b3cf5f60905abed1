import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.metrics import roc_curve
from test_metrics import predictions, random_case

from cogspeech.evaluation.intervals import wilson
from cogspeech.evaluation.operating_points import (
    HELD_VALUES,
    PREVALENCES,
    operating_points,
    predictive_values,
    threshold_for,
)
from cogspeech.types import Estimate


def point(points, held, value):
    return next(p for p in points if p.held == held and p.value == value)


def rate(hits, n):
    low, high = wilson(hits / n, n)
    return Estimate(estimate=hits / n, low=low, high=high, n=n)


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9)), min_size=4, max_size=40),
    st.sampled_from(HELD_VALUES),
    st.sampled_from(["specificity", "sensitivity"]),
)
def test_a_threshold_holds_what_it_promises_and_no_other_gives_more(pairs, value, held):
    labels = np.array([0, 1, *(label for label, _ in pairs)])
    probability = np.array([3, 6, *(number for _, number in pairs)]) / 9

    def rates(threshold):
        called = probability >= threshold
        rates = {"sensitivity": called[labels == 1].mean(),
                 "specificity": 1 - called[labels == 0].mean()}  # fmt: skip
        return rates[held], rates[{"sensitivity": "specificity"}.get(held, "sensitivity")]

    kept, other = rates(threshold_for(probability, labels, held, value))

    assert kept >= value - 1e-12
    candidates = [rates(t) for t in [*np.unique(probability), 2.0]]
    assert other == max(o for k, o in candidates if k >= value - 1e-12)


def test_a_threshold_is_chosen_on_the_validation_part_and_never_on_test():
    labels, probability = random_case(n=60, seed=1)
    held_back = predictions([0, 0, 0, 0, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.65, 0.9])
    test = predictions(labels, probability)

    points = operating_points(test, held_back, "s")
    found = point(points, "specificity", 0.80)

    assert found.chosen_on == "validation"
    assert found.threshold == pytest.approx(0.625)
    assert found.sensitivity.estimate == np.mean(probability[labels == 1] >= 0.625)
    assert found.specificity.estimate == np.mean(probability[labels == 0] < 0.625)
    turned = operating_points(predictions(labels, 1 - probability), held_back, "s")
    assert [p.threshold for p in turned] == [p.threshold for p in points]


def test_each_fit_has_its_own_threshold():
    test = predictions([0, 1, 0, 1], [0.2, 0.4, 0.6, 0.8], folds=[0, 0, 1, 1])
    held_back = predictions([0, 1, 0, 1], [0.2, 0.4, 0.6, 0.8], folds=[0, 0, 1, 1])

    found = point(operating_points(test, held_back, "s"), "specificity", 0.90)

    assert found.threshold == pytest.approx((0.3 + 0.7) / 2)
    assert (found.sensitivity.estimate, found.specificity.estimate) == (1.0, 1.0)
    assert found.sensitivity.low < 1.0


def test_without_a_validation_part_of_every_fit_the_curve_is_read_off_and_says_so():
    labels, probability = random_case(n=60, seed=1)
    test = predictions(labels, probability, folds=np.arange(60) // 2 % 2)
    half = [p for p in test if p.fold == 0]

    for held_back in ((), half):
        points = operating_points(test, held_back, "s")
        assert [p.chosen_on for p in points] == ["beforehand"] + ["test"] * 6
        assert all(not p.predictive_values for p in points[1:])
        assert all(p.threshold is None for p in points[1:])


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("held", ["specificity", "sensitivity"])
@pytest.mark.parametrize("value", HELD_VALUES)
def test_what_is_read_off_lies_on_the_curve_of_scikit_learn(ties, held, value):
    labels, probability = random_case(n=57, seed=4, ties=ties)
    if held == "specificity":
        false_rate, hit_rate, _ = roc_curve(labels, probability, drop_intermediate=False)
    else:
        false_rate, hit_rate, _ = roc_curve(1 - labels, -probability, drop_intermediate=False)
    last = np.searchsorted(false_rate, 1 - value + 1e-12, side="right") - 1
    expected = np.interp(1 - value, false_rate[last : last + 2], hit_rate[last : last + 2])

    found = point(operating_points(predictions(labels, probability), (), "s"), held, value)

    read = found.sensitivity if held == "specificity" else found.specificity
    fixed = found.specificity if held == "specificity" else found.sensitivity
    assert read.estimate == pytest.approx(expected, abs=1e-12)
    assert read.low <= read.estimate <= read.high
    assert fixed.estimate == value


@pytest.mark.parametrize("prevalence", PREVALENCES)
def test_predictive_values_are_bayes_rule(prevalence):
    found = predictive_values(rate(32, 40), rate(36, 40), prevalence)

    sick, well = prevalence, 1 - prevalence
    assert found.positive.estimate == pytest.approx(0.8 * sick / (0.8 * sick + 0.1 * well))
    assert found.negative.estimate == pytest.approx(0.9 * well / (0.9 * well + 0.2 * sick))
    assert found.positive.low < found.positive.estimate < found.positive.high
    assert found.positive.n == 80


@given(st.integers(0, 30), st.integers(0, 30), st.sampled_from(PREVALENCES))
def test_predictive_values_hold_their_estimates_everywhere(hits, rights, prevalence):
    found = predictive_values(rate(hits, 30), rate(rights, 30), prevalence)

    assert (found.positive is None) == (hits == 0 and rights == 30)
    assert (found.negative is None) == (hits == 30 and rights == 0)
    for value in (found.positive, found.negative):
        assert value is None or 0 <= value.low <= value.estimate <= value.high <= 1


@pytest.mark.slow
@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.8, 0.9), (0.6, 0.7), (0.95, 0.95)])
def test_predictive_values_cover(sensitivity, specificity):
    """Studies of 35 and 36 people, all outcomes, exactly; a prevalence of 10 %."""
    truth = sensitivity * 0.1 / (sensitivity * 0.1 + (1 - specificity) * 0.9)
    covered = 0.0
    for hits in range(36):
        for rights in range(37):
            chance = binom.pmf(hits, 35, sensitivity) * binom.pmf(rights, 36, specificity)
            if chance > 1e-7:
                found = predictive_values(rate(hits, 35), rate(rights, 36), 0.1).positive
                covered += chance * (found is None or found.low <= truth <= found.high)

    assert 0.93 <= covered <= 0.98


def test_everybody_tested_alone_has_the_points_of_one_test_set():
    labels, probability = random_case(n=40, seed=3)
    together = operating_points(predictions(labels, probability), [], "s")
    alone = operating_points(predictions(labels, probability, folds=range(40)), [], "s")

    for one, other in zip(together, alone, strict=True):
        assert one.sensitivity.estimate == other.sensitivity.estimate
        assert one.specificity.estimate == other.specificity.estimate


def test_a_fold_of_one_class_holds_nothing_and_counts_for_nothing():
    labels, probability = random_case(n=40, seed=4)
    both = predictions(labels, probability, folds=np.zeros(40))
    added = predictions([1] * 6, [0.1] * 6, folds=[1] * 6)
    more = [
        dataclasses.replace(p, participant_id=f"q{i}", recording_id=f"q{i}")
        for i, p in enumerate(added)
    ]

    without, within = (
        point(operating_points(rows, [], "s"), "specificity", 0.9) for rows in (both, both + more)
    )

    assert within.sensitivity.estimate == without.sensitivity.estimate


def test_a_perfect_curve_of_few_people_promises_little():
    found = point(
        operating_points(predictions([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]), [], "s"),
        "specificity", 0.9,
    )  # fmt: skip

    assert (found.sensitivity.low, found.sensitivity.high) == wilson(1.0, 2)
