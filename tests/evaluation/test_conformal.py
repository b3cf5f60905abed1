"""Conformal sets against mapie, and what they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.classification import SplitConformalClassifier
from sklearn.base import BaseEstimator, ClassifierMixin

from cogspeech.evaluation.conformal import fewest_people, fit_sets, possible_kind


class Told(ClassifierMixin, BaseEstimator):
    """A classifier whose only feature is its answer."""

    def __init__(self):
        self.classes_ = np.array([0, 1])
        self.n_features_in_ = 1

    def fit(self, X, y):  # noqa: N803
        return self

    def predict_proba(self, X):  # noqa: N803
        return np.stack([1 - X[:, 0], X[:, 0]], axis=1)

    def predict(self, X):  # noqa: N803
        return (X[:, 0] >= 0.5).astype(int)


def people(count, seed):
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(count) % 2)
    return 1 / (1 + np.exp(-generator.normal(2.0 * (labels - 0.5), 1.0))), labels


@pytest.mark.parametrize("count", [10, 11, 23, 40])
@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_marginal_sets_are_those_of_mapie(count, coverage):
    held_back, labels = people(count, seed=count)
    tested, _ = people(200, seed=1)
    oracle = SplitConformalClassifier(Told(), confidence_level=coverage, prefit=True)
    oracle.conformalize(held_back[:, None], labels)

    own = fit_sets(held_back, labels, kind="marginal", coverage=coverage)

    _, expected = oracle.predict_set(tested[:, None])
    np.testing.assert_array_equal(own.plausible(tested), expected[:, :, 0])


def test_sets_class_by_class_are_marginal_sets_of_each_class_alone():
    held_back, labels = people(60, seed=2)

    own = fit_sets(held_back, labels, kind="class_conditional", coverage=0.9)

    for label in (0, 1):
        of_class = labels == label
        alone = fit_sets(held_back[of_class], labels[of_class], kind="marginal", coverage=0.9)
        assert own.largest[label] == alone.largest[label]


@pytest.mark.parametrize(
    ("coverage", "fewest"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99)]
)
def test_the_fewest_people_are_those_of_whom_the_last_can_be_left_out(coverage, fewest):
    assert fewest_people(coverage) == fewest


@pytest.mark.parametrize(
    ("counts", "kind"),
    [
        ([(9, 9), (12, 10)], "class_conditional"),
        ([(9, 9), (12, 8)], "marginal"),
        ([(4, 5), (12, 12)], "marginal"),
        ([(4, 4), (12, 12)], None),
        ([], None),
    ],
)
def test_all_fits_have_the_sets_that_the_smallest_can_have(counts, kind):
    assert possible_kind(counts, 0.9) == kind


@pytest.mark.parametrize("kind", ["marginal", "class_conditional"])
def test_with_too_few_people_nothing_is_implausible(kind):
    held_back, labels = people(8, seed=3)

    own = fit_sets(held_back, labels, kind=kind, coverage=0.95)

    assert own.plausible(np.array([0.0, 0.3, 1.0])).all()


@pytest.mark.parametrize(
    ("kind", "count"), [("marginal", 11), ("marginal", 30), ("class_conditional", 22)]
)
def test_the_coverage_is_what_was_promised(kind, count):
    """Over 1,500 held-back parts the mean coverage is k / (n + 1), known exactly."""
    draws = 1500
    tested, truth = people(4000, seed=10**6)
    true_strangeness = np.where(truth == 1, 1 - tested, tested)
    order = [np.sort(true_strangeness[truth == label]) for label in (0, 1)]
    covered = []
    for seed in range(draws):
        own = fit_sets(*people(count, seed), kind=kind, coverage=0.9)
        covered.append(
            np.mean(
                [np.searchsorted(order[c], own.largest[c], side="right") / 2000 for c in (0, 1)]
            )
        )
    n = count if kind == "marginal" else count // 2

    assert np.mean(covered) == pytest.approx(np.ceil(0.9 * (n + 1)) / (n + 1), abs=0.01)
    assert np.mean(covered) >= 0.89


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=40),
    st.sampled_from([0.5, 0.8, 0.9, 0.95]),
)
def test_the_held_back_people_themselves_are_covered_at_least(rows, coverage):
    probability, labels = (np.array(column) for column in zip(*rows, strict=True))

    own = fit_sets(probability, labels, kind="marginal", coverage=coverage)

    right = own.plausible(probability)[np.arange(len(labels)), labels]
    assert right.mean() >= coverage - 1e-9
