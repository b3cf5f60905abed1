"""Does the evaluation hold what it promises? Small versions of the benchmarks of the same names."""

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression

from cogspeech.evaluation.base import PROBES
from evaluation_cost import predicted, study_seconds
from false_alarms import equal_systems, null_corpora
from interval_coverage import (
    coverage,
    fold_estimates,
    null_estimates,
    one_test_set,
    printed,
    true_values,
)
from learners import LEARNERS
from planted_optimism import WAYS, optimism


def test_intervals_of_cross_validation_cover_chance():
    found = null_estimates(participants=80, features=3, repeats=1, corpora=100)

    assert np.mean([e.low <= 0.5 <= e.high for e in found]) >= 0.92
    assert abs(np.mean([e.estimate for e in found]) - 0.5) <= 0.02


@pytest.mark.parametrize("learner", ["logistic", "neighbours"])
def test_over_repeated_folds_the_measured_factors_cover(learner):
    """40 corpora; an interval that holds its promise fails here once in 10,000 times."""
    corpora = 40

    found, truth = fold_estimates(
        learner, participants=60, features=3, repeats=5, signal=1.5, corpora=corpora,
        names=("auroc", "accuracy", "balanced_accuracy"),
    )  # fmt: skip

    fewest = binom.ppf(1e-4, corpora, 0.95) / corpora
    assert {n: rate for n, rate in coverage(found, truth).items() if rate < fewest} == {}


def test_the_logistic_regression_of_the_benchmarks_is_that_of_scikit_learn():
    generator = np.random.default_rng(0)
    labels = np.arange(50) % 2
    values = generator.standard_normal((50, 4)) + labels[:, None]
    trained = generator.random((3, 50)) < 0.7

    found = LEARNERS["logistic"](values, labels, trained)

    for people, own in zip(trained, found, strict=True):
        fit = LogisticRegression(tol=1e-10, max_iter=1000).fit(values[people], labels[people])
        np.testing.assert_allclose(own, fit.predict_proba(values)[:, 1], atol=1e-5)


@pytest.mark.parametrize(
    ("area", "n"), [pytest.param(0.70, 48, marks=pytest.mark.slow), (0.85, 71)]
)
def test_every_printed_interval_covers_on_one_test_set(area, n):
    """60 corpora; an interval that holds its promise fails here once in 10,000 times."""
    corpora = 60
    found = [printed(*one_test_set(participants=n, area=area, seed=[k, n])) for k in range(corpora)]

    rates = coverage(found, true_values(area))

    fewest = binom.ppf(1e-4, corpora, 0.95) / corpora
    assert {name: rate for name, rate in rates.items() if rate < fewest} == {}


def test_nothing_is_found_where_nothing_is():
    mean, above, below = null_corpora(71, 60, 1)

    assert abs(mean - 0.5) <= 0.02
    assert above + below <= 0.12


def test_of_two_blind_systems_neither_is_called_better():
    rates = equal_systems(60, 16, 5, 0.0)

    assert rates["auroc"] <= binom.ppf(1 - 1e-3, 16, 0.06) / 16
    assert rates["auroc, plain t"] >= 0.25


@pytest.mark.slow
def test_equal_systems_are_told_apart_by_the_plain_t_test_only():
    rates = equal_systems(60, 16, 5, 0.8)

    assert rates["brier"] <= 0.2
    assert rates["brier, plain t"] >= rates["brier"] + 0.15
    assert rates["auroc, plain t"] >= rates["auroc"] + 0.1


def test_what_is_chosen_on_the_reported_fold_is_optimistic_and_nothing_else_is():
    found = optimism(60, 20)

    for way in WAYS[:2]:
        assert abs(found[way][0] - 0.5) <= 0.05, way
    assert found["best epoch on the reported fold"][0] >= 0.58
    assert found["best seed on the reported folds"][0] >= 0.53
    assert found["best threshold on the reported fold"][1] >= 0.6


def test_the_cost_is_measured_on_whole_runs():
    rows = predicted(20, 2)

    assert len(rows) == 5 * 3 * 2 * 20


@pytest.mark.real_speech
@pytest.mark.slow
def test_the_cost_of_a_study_is_that_of_all_its_probes(tmp_path, real_speech):
    found = study_seconds(
        tmp_path,
        real_speech,
        participants=12,
        compare=["majority"],
        evaluation={"outer_folds": 2, "repeats": 1, "seeds": 1},
    )

    assert list(found) == ["evaluation in all", *(f"of it `{name}`" for name in PROBES.names())]
    assert min(found.values()) > 0
