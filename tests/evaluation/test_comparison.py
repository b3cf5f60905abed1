import numpy as np
import pytest
from test_metrics import predictions, random_case

from cogspeech.correction import holm
from cogspeech.evaluation.comparison import compare_with_primary
from cogspeech.evaluation.metrics import Scores


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_same_predictions_differ_by_nothing():
    labels, probabilities = random_case()
    rows = predictions(labels, probabilities, system="a") + predictions(
        labels, probabilities, system="b"
    )

    (found,) = compare_with_primary(rows, "a", ["b"])

    assert (found.difference, found.low, found.high) == (0.0, 0.0, 0.0)
    assert found.p_value == found.p_adjusted == 1.0


def test_a_clear_difference_is_found_and_its_sign_is_a_minus_b():
    labels, noise = random_case(n=80)
    sharp = 0.8 * labels + 0.1 + 0.05 * np.sin(np.arange(80))
    rows = predictions(labels, sharp, system="a") + predictions(
        labels, np.full(80, 0.5), system="b"
    )

    (found,) = compare_with_primary(rows, "a", ["b"])

    assert found.difference == pytest.approx(0.5)
    assert noise.shape == (80,)


def test_two_systems_of_equal_skill_are_rejected_at_about_the_nominal_rate():
    """Coverage of the paired test on one fixed set of participants, 300 draws."""
    rejected = 0
    for draw in range(300):
        generator = np.random.default_rng(draw)
        labels = np.arange(60) % 2
        signal = labels + generator.standard_normal(60)
        a, b = (signal + generator.standard_normal(60) for _ in range(2))
        squash = [1 / (1 + np.exp(-x)) for x in (a, b)]
        rows = predictions(labels, squash[0], system="a") + predictions(
            labels, squash[1], system="b"
        )
        rejected += compare_with_primary(rows, "a", ["b"])[0].p_value < 0.05

    assert 0.02 <= rejected / 300 <= 0.09


def three_systems():
    return [
        row
        for seed, name in enumerate("abc")
        for row in predictions(
            np.arange(60) % 2,
            np.clip(random_case(seed=9)[1] + 0.2 * random_case(seed=seed)[1], 0, 1),
            folds=np.arange(60) // 2 % 5,
            system=name,
        )
    ]


def test_p_values_are_adjusted_for_the_number_of_comparisons():
    found = compare_with_primary(three_systems(), "a", ["b", "c"])

    p_values = [c.p_value for c in found]
    assert [c.p_adjusted for c in found] == pytest.approx(holm(p_values))
    assert [c.p_adjusted for c in found] != p_values


def test_a_comparison_is_widened_where_fits_share_their_training_sides(monkeypatch):
    wide, _ = compare_with_primary(three_systems(), "a", ["b", "c"])
    monkeypatch.setattr(Scores, "variance_factor", property(lambda self: 1.0))

    narrow, _ = compare_with_primary(three_systems(), "a", ["b", "c"])

    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(1.5)
    assert wide.p_value > narrow.p_value
