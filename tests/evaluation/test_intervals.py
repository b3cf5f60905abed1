import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap, quantile_test

from cogspeech.evaluation.intervals import (
    bca_interval,
    bootstrap_counts,
    bootstrap_error,
    logit_interval,
    measured_factor,
    median_interval,
    percentile_interval,
    wilson,
)


@pytest.mark.parametrize(("hits", "n"), [(60, 71), (0, 5), (12, 12), (1, 48)])
def test_wilson_agrees_with_scipy(hits, n):
    expected = binomtest(hits, n).proportion_ci(method="wilson")

    assert wilson(hits / n, float(n)) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_logit_interval_stays_inside_and_is_narrow_with_a_small_error():
    low, high = logit_interval(0.95, 0.03, smaller_class=30.0)

    assert 0.5 < low < 0.95 < high < 1.0
    assert logit_interval(1.0, 0.0, smaller_class=9.0) == wilson(1.0, 9.0)


def test_resamples_keep_the_size_of_each_class_and_are_the_same_every_time():
    labels = np.array([0, 1, 1, 0, 1])

    counts = bootstrap_counts(labels, draws=50)

    assert (counts[:, labels == 1].sum(axis=1) == 3).all()
    assert (counts[:, labels == 0].sum(axis=1) == 2).all()
    np.testing.assert_array_equal(counts, bootstrap_counts(labels, draws=50))


def test_a_percentile_interval_is_widened_to_hold_the_estimate():
    assert percentile_interval(1.0, np.linspace(0, 0.9, 91), widen=1.0) == pytest.approx(
        (0.0225, 1)
    )
    assert percentile_interval(0.5, np.linspace(0.4, 0.6, 81), widen=2.0) == pytest.approx(
        (0.31, 0.69)
    )


@given(st.lists(st.integers(0, 9), min_size=6, max_size=60))
def test_the_interval_of_a_median_agrees_with_scipy(values):
    expected = quantile_test(values, p=0.5).confidence_interval(0.95)

    assert median_interval(np.array(values, dtype=float)) == (expected.low, expected.high)


def test_five_values_have_no_interval_of_their_median():
    assert median_interval(np.arange(5.0)) is None
    assert median_interval(np.zeros(0)) is None


def resampled_mean(values):
    counts = bootstrap_counts(np.arange(len(values)) % 2)
    without_each = (values.sum() - values) / (len(values) - 1)
    return counts @ values / len(values), without_each


def test_the_accelerated_interval_is_near_that_of_scipy():
    values = np.random.default_rng(3).beta(1.0, 6.0, 200)
    expected = bootstrap(
        (values,), np.mean, method="BCa", n_resamples=5000, rng=np.random.default_rng(0)
    ).confidence_interval
    draws, without_each = resampled_mean(values)

    found = bca_interval(float(values.mean()), draws, without_each, smaller_class=100, widen=1.0)

    assert found == pytest.approx((expected.low, expected.high), abs=0.004)


def test_an_accelerated_interval_is_widened_about_its_estimate():
    values = np.random.default_rng(3).beta(3.0, 3.0, 100)
    draws, without_each = resampled_mean(values)
    narrow, wide = (
        np.array(bca_interval(float(values.mean()), draws, without_each, smaller_class=50, widen=w))
        for w in (1.0, 1.5)
    )

    assert wide - values.mean() == pytest.approx(1.5 * (narrow - values.mean()))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_accelerated_interval_of_a_perfect_value_is_that_of_wilson(value):
    found = bca_interval(value, np.full(50, value), np.full(20, value), smaller_class=10, widen=1.5)

    assert found == wilson(value, 10 / 2.25)


def test_the_bootstrap_error_of_a_mean_is_near_the_textbook_one():
    values = np.random.default_rng(3).normal(0.5, 0.1, 60)
    draws, _ = resampled_mean(values)

    found = bootstrap_error(draws, smaller_class=30)

    assert found == pytest.approx(values.std(ddof=1) / np.sqrt(60), rel=0.06)
    assert found > draws.std()


def test_the_bootstrap_error_knows_that_small_groups_resample_too_evenly():
    """The variance of a group's people: resamples of m people show (m - 1) / m of it."""
    generator = np.random.default_rng(5)
    draws = generator.normal(size=1000)

    in_one, in_five, alone = (
        bootstrap_error(draws, smaller_class=30, groups=groups) for groups in (1, 5, 30)
    )

    assert in_five / in_one == pytest.approx(np.sqrt((6 / 5) / (30 / 29)))
    assert alone / in_one == pytest.approx(np.sqrt(2 / (30 / 29)))


@given(
    of_repeats=st.lists(st.floats(0, 1), max_size=8),
    variance=st.floats(0, 0.1),
    between=st.floats(0, 5),
    most=st.floats(1, 3),
)
def test_a_measured_factor_lies_between_one_and_the_whole(of_repeats, variance, between, most):
    found = measured_factor(of_repeats, variance, between=between, most=most)

    assert 1.0 <= found <= most
    if len(of_repeats) < 3 or variance == 0:
        assert found == most


def test_a_measured_factor_by_hand():
    repeats = [0.7, 0.8, 0.9]  # a variance of 0.01

    assert measured_factor(repeats, 0.04, between=2.0, most=2.25) == pytest.approx(1.5)
    assert measured_factor(repeats, 0.01, between=2.0, most=2.25) == 2.25
    assert measured_factor([0.8] * 3, 0.01, between=2.0, most=2.25) == 1.0
