"""The classifier behind baselines: what it may see, and what it does with what is missing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from cogspeech.errors import TrainingError
from cogspeech.evaluation import feature_model
from cogspeech.evaluation.feature_model import STRENGTHS, fit_features, inner_folds

KINDS = ("logistic", "svm")


def data(cases=40, features=3, *, signal=0.0, classes=2, seed=0):
    generator = np.random.default_rng(seed)
    labels = [n % classes for n in range(cases)]
    matrix = generator.standard_normal((cases, features))
    matrix[:, 0] += signal * np.array(labels)
    return matrix, labels, [f"p{n}" for n in range(cases)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_it_finds_a_signal_and_answers_every_class(kind, classes):
    matrix, labels, people = data(60, signal=6.0, classes=classes)

    found = fit_features(matrix, labels, people, matrix, kind=kind)

    assert found.shape == (60, classes)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert np.mean(found.argmax(axis=1) == labels) > 0.75


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), min_size=6, max_size=15).filter(
        lambda people: all(sum(k == c for k, _ in people) >= 2 for c in range(3))
    )
)
def test_inner_folds_part_people_and_leave_every_class_to_be_fitted(people):
    labels = [label for label, visits in people for _ in range(visits)]
    groups = [f"p{n}" for n, (_, visits) in enumerate(people) for _ in range(visits)]

    held = []
    for fitted, held_out in inner_folds(labels, groups):
        assert not {groups[i] for i in fitted} & {groups[i] for i in held_out}
        assert {labels[i] for i in fitted} == {0, 1, 2}
        assert {labels[i] for i in held_out} == {0, 1, 2}
        held += held_out.tolist()

    assert sorted(held) == list(range(len(labels)))


@pytest.mark.parametrize(
    ("labels", "groups"),
    [([0, 0, 1], "abc"), ([0, 0, 1, 1], "abcc"), ([0, 0, 0], "abc")],
    ids=["one", "two visits", "one class"],
)
def test_a_class_of_one_participant_is_refused(labels, groups):
    with pytest.raises(TrainingError, match="two participants each"):
        fit_features(np.zeros((len(labels), 1)), labels, list(groups), np.zeros((1, 1)))


def test_it_is_a_plain_logistic_regression_on_scaled_features(monkeypatch):
    monkeypatch.setattr(feature_model, "STRENGTHS", (0.1,))
    matrix, labels, people = data(signal=1.0)
    scaler = StandardScaler().fit(matrix)
    plain = LogisticRegression(C=0.1, class_weight="balanced", tol=1e-8, max_iter=1000)
    plain.fit(scaler.transform(matrix), labels)

    found = fit_features(matrix, labels, people, matrix[:5] + 1)

    expected = plain.predict_proba(scaler.transform(matrix[:5] + 1))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_more_features_than_cases_give_the_same_answer_as_all_of_them(monkeypatch):
    monkeypatch.setattr(feature_model, "STRENGTHS", (0.01,))
    matrix, labels, people = data(20, 300, signal=3.0)
    scaler = StandardScaler().fit(matrix)
    plain = LogisticRegression(C=0.01, class_weight="balanced", tol=1e-8, max_iter=1000)
    plain.fit(scaler.transform(matrix), labels)
    asked = np.random.default_rng(9).standard_normal((7, 300))

    found = fit_features(matrix, labels, people, asked)

    np.testing.assert_allclose(found, plain.predict_proba(scaler.transform(asked)), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_asked_about_decides_nothing(kind):
    matrix, labels, people = data(signal=1.0)
    asked = matrix[:4]
    beside = np.concatenate([asked, np.full((3, 3), 1e6), np.full((1, 3), np.nan)])

    alone, with_others = (
        fit_features(matrix, labels, people, t, kind=kind) for t in (asked, beside)
    )

    np.testing.assert_allclose(with_others[:4], alone)
    assert np.isfinite(with_others).all()


@pytest.mark.parametrize("kind", KINDS)
@given(missing=st.integers(0, 2**30))
@settings(max_examples=8)
def test_whatever_is_unknown_there_is_an_answer(kind, missing):
    matrix, labels, people = data(24, 4)
    matrix[np.random.default_rng(missing).random(matrix.shape) < 0.5] = np.nan
    matrix[:, 3] = np.nan  # of nobody

    found = fit_features(matrix, labels, people, matrix, kind=kind)

    assert np.isfinite(found).all()


def test_that_a_value_is_unknown_may_itself_tell():
    matrix, labels, people = data(40, 1)
    matrix[np.array(labels) == 1] = np.nan

    found = fit_features(matrix, labels, people, matrix)

    assert (found.argmax(axis=1) == labels).all()


@pytest.mark.parametrize("kind", KINDS)
def test_features_that_never_vary_tell_nothing(kind):
    _, labels, people = data(20)

    found = fit_features(np.ones((20, 30)), labels, people, np.ones((2, 30)), kind=kind)

    np.testing.assert_allclose(found, 0.5, atol=1e-3)


def test_noise_gets_little_weight_and_a_signal_much():
    noise = fit_features(*data(60, 30), data(60, 30)[0])
    signal = fit_features(*data(60, 30, signal=5.0), data(60, 30, signal=5.0)[0])

    assert np.abs(noise[:, 1] - 0.5).mean() < 0.15
    assert np.abs(signal[:, 1] - 0.5).mean() > 0.35


def test_of_equal_strengths_the_smallest_is_taken():
    _, labels, people = data(20)
    with np.errstate(invalid="ignore"):
        chosen = feature_model._best_strength(
            "svm", np.ones((20, 2)), np.array(labels), inner_folds(labels, people)
        )

    assert chosen == STRENGTHS[0]
