"""What a fit learns from its validation part about its own probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from cogspeech.evaluation.calibration import fit_calibration


def people(count, *, temperature=1.0, shift=0.0, seed=0):
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    logits = 1.3 * (generator.standard_normal(count) + 1.3 * (labels - 0.5))
    return expit(logits / temperature + shift), labels


def learned(probability, labels, method):
    return fit_calibration(
        np.asarray(probability), np.asarray(labels), np.ones(len(labels)), method
    )


@pytest.mark.parametrize("method", ["temperature", "platt"])
@pytest.mark.parametrize("temperature", [0.33, 1.0, 3.0])
def test_a_planted_temperature_is_undone(temperature, method):
    slope, intercept = learned(*people(4000, temperature=temperature), method)

    assert slope == pytest.approx(temperature, rel=0.1)
    assert intercept == pytest.approx(0.0, abs=0.15)


def test_platt_undoes_a_planted_shift_and_temperature_leaves_a_half_where_it_is():
    distorted = people(4000, temperature=2.0, shift=1.0)

    slope, intercept = learned(*distorted, "platt")

    assert (slope, intercept) == (pytest.approx(2.0, rel=0.1), pytest.approx(-2.0, abs=0.2))
    assert learned(*distorted, "temperature")[1] == 0.0


def test_with_many_people_platt_is_a_logistic_regression():
    probability, labels = people(20_000, temperature=2.0, shift=0.5)
    logits = np.log(probability / (1 - probability))
    oracle = LogisticRegression(C=np.inf, tol=1e-8).fit(logits[:, None], labels)

    slope, intercept = learned(probability, labels, "platt")

    assert slope == pytest.approx(oracle.coef_[0, 0], rel=2e-3)
    assert intercept == pytest.approx(oracle.intercept_[0], abs=5e-3)


@pytest.mark.parametrize("count", [8, 12, 40])
@pytest.mark.parametrize("temperature", [1 / 3, 1.0, 2.5])
def test_with_few_people_it_gains_more_than_it_costs(count, temperature):
    """Log loss on 2,000 others, over 25 validation parts."""
    tested, truth = people(2000, temperature=temperature, seed=999)
    logits = np.log(tested / (1 - tested))

    def loss(slope):
        return np.mean(np.logaddexp(0, slope * logits) - truth * slope * logits)

    slopes = [
        learned(*people(count, temperature=temperature, seed=s), "temperature")[0]
        for s in range(25)
    ]

    assert np.mean([loss(slope) for slope in slopes]) <= loss(1.0) + 0.02


@pytest.mark.parametrize("method", ["temperature", "platt"])
def test_perfectly_told_people_do_not_make_it_boundless(method):
    slope, intercept = learned([0.4, 0.4, 0.45, 0.55, 0.6, 0.6], [0, 0, 0, 1, 1, 1], method)

    assert 1.0 < slope < 4.0
    assert intercept == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("method", ["temperature", "platt"])
def test_answers_that_point_the_wrong_way_are_made_unsure_but_not_turned(method):
    slope, _ = learned([0.9, 0.8, 0.95, 0.1, 0.2, 0.05] * 5, [0, 0, 0, 1, 1, 1] * 5, method)

    assert 0.05 < slope < 0.3


def test_equal_probabilities_of_a_half_teach_nothing():
    assert learned([0.5] * 10, [0, 1] * 5, "temperature") == (1.0, 0.0)


@pytest.mark.parametrize("labels", [[0] * 6, [1] * 6])
def test_one_class_alone_teaches_nothing(labels):
    assert learned([0.2, 0.3, 0.4, 0.5, 0.6, 0.7], labels, "temperature") is None


@pytest.mark.parametrize("method", ["temperature", "platt"])
def test_what_is_found_is_the_optimum_that_scipy_finds(method):
    for seed in range(10):
        probability, labels = people(12, temperature=0.4, shift=0.3, seed=seed)
        logits, targets = (
            np.log(probability / (1 - probability)),
            np.where(labels == 1, 7 / 8, 1 / 8),
        )

        def loss(x, z=logits, t=targets):
            value = np.exp(x[0]) * z + (x[1] if len(x) > 1 else 0.0)
            return np.sum(np.logaddexp(0, value) - t * value) + x @ x / 2

        start = np.zeros(1 if method == "temperature" else 2)
        oracle = minimize(
            loss, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}
        )

        slope, intercept = learned(probability, labels, method)

        found = np.array([np.log(slope), intercept])[: len(start)]
        np.testing.assert_allclose(found, oracle.x, atol=1e-5)


def test_one_sure_mistake_among_many_does_not_decide():
    probability, labels = people(60)
    spoilt = np.append(probability, 1e-200)

    alone = learned(probability, labels, "temperature")[0]
    slope = learned(spoilt, np.append(labels, 1), "temperature")[0]
    held_in = learned(np.append(probability, expit(-14.0)), np.append(labels, 1), "temperature")[0]

    assert slope == pytest.approx(held_in, rel=1e-6)
    assert 0.1 * alone < slope < alone


def test_two_recordings_of_half_weight_are_one():
    probability, labels = people(30)
    twice = fit_calibration(
        np.append(probability, probability[:1]),
        np.append(labels, labels[:1]),
        np.array([0.5, *[1.0] * 29, 0.5]),
        "platt",
    )

    assert twice == pytest.approx(learned(probability, labels, "platt"), rel=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=2, max_size=30),
    st.sampled_from(["temperature", "platt"]),
)
def test_whatever_is_held_back_the_stretch_is_bounded(rows, method):
    probability, labels = (np.array(column) for column in zip(*rows, strict=True))

    found = learned(probability, labels, method)

    if found is None:
        assert len(set(labels)) == 1
    else:
        assert 0.01 < found[0] < 30
        assert abs(found[1]) < 5
