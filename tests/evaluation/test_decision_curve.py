"""Net benefit against its formula counted by hand, and against what is known of it."""

import numpy as np
import pytest
from scipy.special import expit, logit

from cogspeech.evaluation.decision_curve import THRESHOLDS, decision_curve, decision_curves
from cogspeech.evaluation.metrics import Scores


def scores(probability, labels):
    people = len(labels)
    return Scores(
        participants=tuple(f"p{i}" for i in range(people)),
        labels=np.array(labels),
        probability=np.atleast_2d(probability),
        fold=np.zeros((len(np.atleast_2d(probability)), people), dtype=np.int64),
    )


def simulated(people=90, runs=1):
    generator = np.random.default_rng(0)
    labels = np.arange(people) % 3 // 2
    probability = expit(generator.normal(2.0 * (labels - 0.5), 1.0, size=(runs, people)))
    return scores(probability, labels)


def by_counting(given, prevalence, cut):
    """The published formula, person by person."""
    own = given.labels.mean()
    benefits = []
    for probability in given.probability:
        moved = expit(logit(probability) + logit(prevalence) - logit(own))
        called = (moved if prevalence != own else probability) >= cut
        true_rate = np.sum(called & (given.labels == 1)) / np.sum(given.labels == 1)
        false_rate = np.sum(called & (given.labels == 0)) / np.sum(given.labels == 0)
        benefits.append(true_rate * prevalence - false_rate * (1 - prevalence) * cut / (1 - cut))
    return np.mean(benefits)


@pytest.mark.parametrize("prevalence", [1 / 3, 0.1])
def test_net_benefit_is_what_counting_gives(prevalence):
    given = simulated(runs=3)
    prevalence = given.labels.mean() if prevalence > 0.3 else prevalence

    found = decision_curve(given, float(prevalence), prior=float(given.labels.mean()))

    for place in (0, 10, 24, 40):
        expected = by_counting(given, prevalence, THRESHOLDS[place])
        assert found.net_benefit[place] == pytest.approx(expected, abs=1e-12)
    assert all(
        low <= v <= high
        for low, v, high in zip(found.low, found.net_benefit, found.high, strict=True)
    )
    assert found.n == 90


def test_at_the_own_prevalence_it_is_true_less_weighted_false_alarms_per_person():
    """The formula of Vickers and Elkin (2006): TP / n - FP / n * t / (1 - t)."""
    given = scores([0.9, 0.7, 0.4, 0.6, 0.2, 0.1], [1, 1, 1, 0, 0, 0])

    found, _ = decision_curves(given, prior=0.5)

    assert found.net_benefit[THRESHOLDS.index(0.5)] == pytest.approx(2 / 6 - 1 / 6)
    assert found.net_benefit[THRESHOLDS.index(0.2)] == pytest.approx(3 / 6 - 2 / 6 * 0.25)


def test_calling_everybody_is_treating_everybody():
    given = scores([0.99] * 6, [0, 1] * 3)

    found, _ = decision_curves(given, prior=0.5)

    np.testing.assert_allclose(found.net_benefit[:45], found.treat_all[:45], atol=1e-12)


def test_a_perfect_answer_is_worth_the_prevalence_everywhere():
    given = scores([0.0, 1.0] * 5, [0, 1] * 5)

    for found in decision_curves(given, prior=0.5):
        assert found.net_benefit == pytest.approx([found.prevalence] * len(THRESHOLDS))
        assert found.low == pytest.approx(found.high)


def test_the_curves_stand_at_the_prevalence_of_the_study_and_at_one_in_ten():
    assert [c.prevalence for c in decision_curves(simulated(), prior=1 / 3)] == [
        pytest.approx(1 / 3),
        0.1,
    ]


def test_what_the_probabilities_take_for_granted_makes_no_difference_once_it_is_known():
    """Exact answers of one study, once for its own share of patients and once for equal classes."""
    generator = np.random.default_rng(1)
    labels = (np.arange(400) % 4 == 0).astype(np.int64)
    evidence = generator.normal(2.0 * (labels - 0.5), 1.0) * 2.0

    own, even = (scores(expit(evidence + logit(prior)), labels) for prior in (0.25, 0.5))

    for prevalence in (0.25, 0.1):
        of_own = decision_curve(own, prevalence, prior=0.25)
        of_even = decision_curve(even, prevalence, prior=0.5)
        assert of_even.net_benefit == pytest.approx(of_own.net_benefit)
    right, wrong = (decision_curve(even, 0.1, prior=prior) for prior in (0.5, 0.25))
    assert np.mean(right.net_benefit) > np.mean(wrong.net_benefit)
