"""Paired tests against statsmodels and scipy where these have them, by simulation elsewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, ttest_1samp
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from cogspeech.correction import holm
from cogspeech.evaluation.paired_tests import (
    corrected_resampled_t,
    delong,
    mcnemar,
    mcnemar_detectable,
    mcnemar_p,
    mcnemar_power,
    paired_bootstrap,
    t_detectable,
)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_that_of_statsmodels_less_half_of_what_was_seen_twice(only_a, only_b):
    exact = statsmodels_mcnemar([[9, only_a], [only_b, 9]], exact=True).pvalue
    seen = binom.pmf(min(only_a, only_b), only_a + only_b, 0.5)
    expected = 1.0 if only_a == only_b else exact - seen

    assert mcnemar_p(only_a, only_b) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("count", [1, 2, 12])
def test_holm_is_that_of_statsmodels(count):
    p_values = np.round(np.random.default_rng(count).uniform(0, 0.2, count), 2).tolist()

    assert holm(p_values) == pytest.approx(
        multipletests(p_values, method="holm")[1].tolist(), abs=1e-12
    )


@given(st.integers(1, 60), st.integers(0, 30), st.integers(0, 30))
def test_the_interval_of_two_accuracies_holds_their_difference(both, only_a, only_b):
    found = mcnemar(only_a, only_b, both + only_a + only_b)

    assert -1.0 <= found.low <= found.difference <= found.high <= 1.0
    assert found.low < found.high


def test_the_interval_of_two_accuracies_covers():
    """Over all outcomes of 71 participants, exactly."""
    n, rate_a, rate_b = 71, 0.16, 0.06
    covered = 0.0
    for only_a in range(n + 1):
        for only_b in range(n + 1 - only_a):
            chance = binom.pmf(only_a, n, rate_a) * binom.pmf(
                only_b, n - only_a, rate_b / (1 - rate_a)
            )
            if chance > 1e-9:
                found = mcnemar(only_a, only_b, n)
                covered += chance * (found.low <= rate_a - rate_b <= found.high)

    assert 0.94 <= covered <= 0.97


@pytest.mark.parametrize(("difference", "discordance"), [(0.0, 0.2), (0.1, 0.2), (0.15, 0.15)])
def test_the_power_of_mcnemar_is_what_simulation_finds(difference, discordance):
    generator = np.random.default_rng(1)
    share = 0.5 + 0.5 * difference / discordance
    discordant = generator.binomial(71, discordance, size=4000)
    only_a = generator.binomial(discordant, share)
    known = {}
    rejected = [
        known.setdefault((a, d), mcnemar_p(a, d - a) <= 0.05)
        for a, d in zip(only_a.tolist(), discordant.tolist(), strict=True)
    ]

    assert mcnemar_power(difference, discordance, 71) == pytest.approx(np.mean(rejected), abs=0.025)


def test_mcnemar_rejects_equal_systems_in_at_most_five_percent():
    sizes = [
        mcnemar_power(0.0, discordance, n) for n in (48, 71, 166) for discordance in (0.1, 0.3)
    ]

    assert all(0.02 <= size <= 0.055 for size in sizes)


@pytest.mark.parametrize("n", [48, 71, 166])
def test_the_detectable_difference_has_the_stated_power(n):
    found = mcnemar_detectable(n, 0.2)

    assert mcnemar_power(found, 0.2, n) == pytest.approx(0.8, abs=0.01)


def test_few_participants_can_show_no_difference_at_all():
    assert mcnemar_detectable(4, 0.2) is None
    assert mcnemar_detectable(5, 0.2) is not None


@given(st.integers(0, 1000), st.integers(2, 25))
def test_without_shared_training_it_is_the_plain_t_test(seed, count):
    of_folds = np.random.default_rng(seed).normal(0.05, 0.1, count)
    expected = ttest_1samp(of_folds, 0)

    found = corrected_resampled_t(float(of_folds.mean()), of_folds, tested_over_trained=0.0)

    low, high = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((max(-1, low), min(1, high)), abs=1e-12)


def test_folds_that_differ_by_the_same_have_no_spread_to_tell():
    found = corrected_resampled_t(0.5, np.full(10, 0.5), tested_over_trained=0.25)
    nothing = corrected_resampled_t(0.0, np.zeros(10), tested_over_trained=0.25)

    assert found.p_value == 2 * 0.5**10
    assert nothing.p_value == 1.0
    assert found.detectable is nothing.detectable is None


@pytest.mark.parametrize("degrees", [1, 4, 24, 249])
def test_the_detectable_difference_of_a_t_test_has_eighty_percent_power(degrees):
    generator = np.random.default_rng(0)
    draws = generator.normal(t_detectable(degrees), 1.0, (4000, 1))
    spread = np.sqrt(generator.chisquare(degrees, 4000) / degrees)
    limit = {1: 12.7062, 4: 2.77645, 24: 2.0639, 249: 1.96954}[degrees]

    assert np.mean(draws[:, 0] / spread > limit) == pytest.approx(0.8, abs=0.025)


def test_a_bootstrap_of_a_mean_is_near_the_t_test_of_it():
    labels = np.arange(100) % 2
    values = np.random.default_rng(5).normal(0.02, 0.1, 100)
    expected = ttest_1samp(values, 0)

    found = paired_bootstrap(values / 100, labels, widen=1.0)

    assert found.difference == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(
        tuple(expected.confidence_interval(0.95)), abs=0.003
    )
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.02)


def test_an_area_that_differs_alike_for_everybody_is_judged_like_coin_tosses():
    found = delong((np.full(10, 0.5), np.full(12, 0.5)), 0.0, smaller_class=10.0)

    assert found.p_value == 2 * 0.5**10
    assert found.low < 0.3
    assert found.high == pytest.approx(0.5 + (0.5 - found.low))


def test_people_who_all_differ_by_the_same_prove_no_more_than_their_number():
    labels = np.array([0, 0, 1, 1])

    found = paired_bootstrap(np.full(4, 0.125), labels, widen=1.0)

    assert found.difference == 0.5
    assert found.p_value == 0.5
    assert found.low < 0 < found.high
    assert paired_bootstrap(np.full(40, 0.0125), np.arange(40) % 2, widen=1.0).p_value < 0.001
    assert paired_bootstrap(np.zeros(4), labels, widen=1.0).p_value == 1.0
