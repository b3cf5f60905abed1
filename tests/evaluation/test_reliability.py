"""Measures of calibration against statsmodels and scikit-learn, and against known truths."""

import dataclasses

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss

from cogspeech.evaluation.metrics import Scores
from cogspeech.evaluation.reliability import (
    BINS,
    fit_logistic,
    measure_error,
    measure_line,
    measure_reliability,
    reliability_curve,
)


def scores(participants=200, *, temperature=1.0, shift=0.0, runs=1, seed=0):
    """Outcomes that follow the true logits; predictions that distort these."""
    generator = np.random.default_rng(seed)
    logits = 1.5 * generator.standard_normal(participants)
    labels = (generator.random(participants) < expit(logits)).astype(np.int64)
    probability = expit(logits / temperature + shift)
    return Scores(
        participants=tuple(f"p{i}" for i in range(participants)),
        labels=labels,
        probability=np.tile(probability, (runs, 1)),
        fold=np.zeros((runs, participants), dtype=np.int64),
    )


@pytest.mark.parametrize(("temperature", "shift"), [(1.0, 0.0), (0.4, 0.0), (2.0, -0.7)])
def test_intercept_and_slope_are_those_of_statsmodels(temperature, shift):
    given_scores = scores(150, temperature=temperature, shift=shift)
    evidence = logit(given_scores.probability[0])
    family = sm.families.Binomial()
    offset = sm.GLM(given_scores.labels, np.ones(150), family=family, offset=evidence)
    line = sm.Logit(given_scores.labels, sm.add_constant(evidence))

    found = measure_reliability(given_scores)

    for own, oracle in (
        (found.intercept, offset.fit(tol=1e-12, cov_type="HC0", use_t=False)),
        (found.slope, line.fit(disp=0, tol=1e-12, method="newton", cov_type="HC0")),
    ):
        place = len(oracle.params) - 1
        free = 150 - len(oracle.params)
        error = oracle.bse[place] * np.sqrt(150 / free)
        assert own.estimate == pytest.approx(oracle.params[place], abs=1e-8)
        half = {149: 1.976013, 148: 1.976122}[free] * error
        assert own.high - own.estimate == pytest.approx(half, rel=1e-4)
        assert own.n == 150


def test_the_information_is_that_of_statsmodels():
    given_scores = scores(90)
    columns = sm.add_constant(logit(given_scores.probability[0]))

    _, bread = fit_logistic(columns, np.zeros(90), given_scores.labels)

    oracle = sm.Logit(given_scores.labels, columns).fit(disp=0, tol=1e-12, method="newton")
    np.testing.assert_allclose(bread, oracle.cov_params(), rtol=1e-6)


def test_brier_and_its_skill():
    given_scores = scores(120)
    brier = brier_score_loss(given_scores.labels, given_scores.probability[0])
    share = given_scores.labels.mean()
    always = brier_score_loss(given_scores.labels, np.full(120, share))

    found = measure_reliability(given_scores)

    assert found.brier.estimate == pytest.approx(brier, abs=1e-12)
    assert found.brier_skill.estimate == pytest.approx(1 - brier / always, abs=1e-12)
    assert found.brier_skill.low < found.brier_skill.estimate < found.brier_skill.high
    said = dataclasses.replace(given_scores, probability=np.full((1, 120), share))
    assert measure_reliability(said).brier_skill.estimate == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("distortion", "intercept", "slope"),
    [({}, 0.0, 1.0), ({"temperature": 3.0}, 0.0, 3.0), ({"temperature": 0.5}, 0.0, 0.5)],
)
def test_a_known_distortion_is_measured(distortion, intercept, slope):
    found, line = measure_line(scores(20_000, **distortion))

    assert line.estimate == pytest.approx(slope, rel=0.05)
    assert found.estimate == pytest.approx(intercept, abs=0.05)


def test_probabilities_that_are_too_high_have_an_intercept_below_zero():
    assert measure_line(scores(500, shift=1.0))[0].high < 0


@pytest.mark.slow
@pytest.mark.parametrize("participants", [48, 166])
def test_the_intervals_hold_the_truth(participants):
    """250 corpora of perfect probabilities; three standard errors around 95 % are 90.9 to 99.1."""
    found = [measure_line(scores(participants, seed=s)) for s in range(250)]

    for own, truth in zip(zip(*found, strict=True), (0.0, 1.0), strict=True):
        held = np.mean([e is None or e.low <= truth <= e.high for e in own])
        assert 0.909 <= held <= 0.991


def test_the_p_value_of_the_calibration_error_is_uniform_where_there_is_none():
    p_values = np.array([measure_error(scores(71, seed=s)).p_value for s in range(200)])

    assert abs(p_values.mean() - 0.5) < 0.06
    assert 0.01 <= np.mean(p_values <= 0.05) <= 0.1


def test_the_calibration_error_of_perfect_probabilities_is_not_zero():
    found = measure_error(scores(71))

    assert found.null_mean == pytest.approx(0.11, abs=0.02)  # as measured elsewhere for n = 71
    assert (found.bins, found.n) == (BINS, 71)


def test_the_calibration_error_by_hand():
    given_scores = Scores(
        participants=("a", "b", "c", "d"),
        labels=np.array([0, 1, 1, 1]),
        probability=np.array([[0.11, 0.19, 0.5, 1.0]]),
        fold=np.zeros((1, 4), dtype=np.int64),
    )

    assert measure_error(given_scores).estimate == pytest.approx((0.7 + 0.5 + 0.0) / 4)


def test_runs_that_say_the_same_are_worth_one():
    one, many = (measure_reliability(scores(80, runs=runs)) for runs in (1, 4))

    for name in ("brier", "brier_skill", "intercept", "slope"):
        a, b = (dataclasses.astuple(getattr(each, name)) for each in (one, many))
        assert a == pytest.approx(b, rel=1e-9)
    assert one.calibration_error.p_value == many.calibration_error.p_value


@pytest.mark.parametrize(
    ("probability", "labels"),
    [
        ([0.5] * 6, [0, 1] * 3),
        ([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], [0, 0, 0, 1, 1, 1]),
        ([0.9, 0.8, 0.7, 0.3, 0.2, 0.1], [0, 0, 0, 1, 1, 1]),
        ([0.1, 0.2, 0.5, 0.5, 0.8, 0.9], [0, 0, 0, 1, 1, 1]),
        ([0.0, 0.0, 0.0, 1.0, 1.0, 1.0], [0, 0, 0, 1, 1, 1]),
    ],
)
def test_where_there_is_no_slope_none_is_invented(probability, labels):
    found = measure_reliability(
        Scores(
            participants=tuple("abcdef"),
            labels=np.array(labels),
            probability=np.array([probability]),
            fold=np.zeros((1, 6), dtype=np.int64),
        )
    )

    assert found.slope is None
    assert np.isfinite(dataclasses.astuple(found.intercept)).all()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=4, max_size=30).filter(
        lambda rows: 1 < sum(label for _, label in rows) < len(rows) - 1
    )
)
def test_whatever_is_said_every_measure_is_a_number(rows):
    probability, labels = zip(*rows, strict=True)
    given_scores = Scores(
        participants=tuple(f"p{i}" for i in range(len(rows))),
        labels=np.array(labels),
        probability=np.array([probability]),
        fold=np.zeros((1, len(rows)), dtype=np.int64),
    )

    found = measure_reliability(given_scores)
    curve = reliability_curve(given_scores, places=5)

    for each in (found.brier, found.brier_skill, found.intercept, found.slope):
        if each is not None:
            assert each.low <= each.estimate <= each.high
            assert np.isfinite([each.low, each.high]).all()
    assert 0.0 < found.calibration_error.p_value <= 1.0
    assert np.all((curve.low >= 0) & (curve.low <= curve.share) & (curve.share <= curve.high))
    assert np.all(curve.high <= 1)


def test_the_curve_of_perfect_probabilities_is_the_diagonal():
    curve = reliability_curve(scores(2000), places=9)

    np.testing.assert_allclose(curve.share, curve.probability, atol=0.06)
    assert np.all(
        (curve.low - 0.02 <= curve.probability) & (curve.probability <= curve.high + 0.02)
    )
    assert np.all(curve.high - curve.low < 0.2)


def test_the_curve_shows_a_planted_distortion():
    curve = reliability_curve(scores(1000, temperature=1 / 3), places=5)

    assert curve.low[1] > curve.probability[1]
    assert curve.high[-2] < curve.probability[-2]
