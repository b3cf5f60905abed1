"""Permutation tests against exact ones, and how often they cry wolf."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact
from sklearn.metrics import mutual_info_score

from cogspeech.audit.permutation import (
    ALL_DRAWS,
    best_threshold_errors,
    mutual_information,
    p_of_categories,
    p_of_numbers,
)

EVEN = np.arange(40) % 2


def one_hot(values):
    return np.eye(int(max(values)) + 1)[values]


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=8, max_size=14))
@settings(max_examples=40)
def test_small_tables_have_the_p_of_fisher(rows):
    """With two values, ordering tables by mutual information is not Fisher's by probability;
    they agree where the margins of one side are equal."""
    labels = np.array([label for label, _ in rows])
    values = np.array([value for _, value in rows])
    if len(set(labels.tolist())) < 2 or len(set(values.tolist())) < 2:
        return
    if labels.sum() * 2 != len(labels):
        return
    table = [[int(((labels == a) & (values == b)).sum()) for b in (0, 1)] for a in (0, 1)]

    assert p_of_categories(one_hot(values), labels) == pytest.approx(fisher_exact(table).pvalue)


def test_larger_tables_have_nearly_the_p_of_fisher():
    generator = np.random.default_rng(0)
    labels, values = EVEN, (EVEN + (generator.random(40) < 0.3)) % 2
    table = [[int(((labels == a) & (values == b)).sum()) for b in (0, 1)] for a in (0, 1)]

    exact = fisher_exact(table).pvalue

    assert p_of_categories(one_hot(values), labels) == pytest.approx(exact, rel=0.5)


def test_mutual_information_is_that_of_scikit_learn_less_the_bias():
    generator = np.random.default_rng(1)
    labels, values = generator.integers(2, size=500), generator.integers(4, size=500)
    values[labels == 1] = np.minimum(values[labels == 1] + 1, 3)
    table = np.eye(2)[labels].T @ np.eye(4)[values]

    bias = 3 / (2 * 500 * np.log(2))
    expected = mutual_info_score(labels, values) / np.log(2) - bias
    assert mutual_information(table) == pytest.approx(expected)


def test_a_number_that_is_higher_and_one_that_is_the_same_for_all_are_both_seen():
    generator = np.random.default_rng(2)
    noise = generator.normal(size=40)

    smallest = 1 / (1 + ALL_DRAWS)
    assert p_of_numbers(noise + 4 * EVEN, EVEN) == pytest.approx(smallest)
    assert p_of_numbers(noise * EVEN, EVEN) == pytest.approx(smallest)
    assert p_of_numbers(noise, EVEN) > 0.01


def test_three_classes_are_compared_at_once():
    labels = np.arange(60) % 3
    generator = np.random.default_rng(3)

    assert p_of_numbers(generator.normal(size=60) + 2 * (labels == 1), labels) < 0.001
    assert p_of_categories(one_hot(labels), labels) < 0.001
    assert p_of_numbers(generator.normal(size=60), labels) > 0.01


def test_p_values_of_noise_are_no_smaller_than_they_say():
    generator = np.random.default_rng(4)
    numbers = [p_of_numbers(generator.normal(size=40), EVEN) for _ in range(300)]
    values = [p_of_categories(one_hot(generator.integers(3, size=40)), EVEN) for _ in range(300)]

    for p_values in (numbers, values):
        assert np.mean(np.array(p_values) <= 0.1) == pytest.approx(0.1, abs=0.06)


def test_the_same_question_has_the_same_answer():
    values = np.random.default_rng(5).normal(size=40)

    assert p_of_numbers(values, EVEN) == p_of_numbers(values, EVEN)


@pytest.mark.parametrize(
    ("values", "labels", "errors"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], 0),
        ([4, 3, 2, 1], [0, 0, 1, 1], 0),
        ([1, 2, 3, 4], [0, 1, 0, 1], 1),
        ([1, 1, 1, 1], [0, 0, 1, 1], 2),
        ([1, 1, 2, 2], [0, 1, 1, 1], 1),
        ([1, 2, 3, 4, 5, 6], [0, 0, 1, 1, 2, 2], 0),
    ],
)
def test_the_best_threshold_by_hand(values, labels, errors):
    assert best_threshold_errors(np.array(values, dtype=float), np.array(labels)) == errors
