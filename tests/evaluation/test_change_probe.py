"""Answers about changed recordings beside those about the recordings as they were."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cogspeech.evaluation.change_probe import (
    Changed,
    is_kept,
    judge_reliance,
    p_of_chance,
    p_of_loss,
    turned,
)
from cogspeech.evaluation.metrics import Scores


def scores(values, labels, *, folds=1):
    people = len(labels)
    return Scores(
        participants=tuple(f"p{at:03d}" for at in range(people)),
        labels=np.asarray(labels),
        probability=np.asarray(values, dtype=float)[None],
        fold=(np.arange(people) // 2 % folds)[None],
    )


def answers(signal, seed, *, people=100):
    generator = np.random.default_rng(seed)
    labels = np.arange(people) % 2
    noise = generator.standard_normal(people)
    return labels, 1 / (1 + np.exp(-(signal * labels + noise))), generator


def test_answers_that_stay_are_kept_and_cost_nothing():
    labels, before, _ = answers(2.0, 1)
    pair = Changed(clean=scores(before, labels), changed=scores(before, labels))

    assert pair.is_same
    assert is_kept(pair)
    assert p_of_loss(pair, 1) == 1.0


def test_answers_that_become_chance_are_not_kept_and_the_loss_is_seen():
    labels, before, generator = answers(2.0, 1)
    pair = Changed(
        clean=scores(before, labels), changed=scores(generator.random(len(labels)), labels)
    )

    assert not is_kept(pair)
    assert p_of_loss(pair, 1) == 0.001


def test_a_scale_that_moves_is_no_loss():
    labels, before, _ = answers(2.0, 1)
    pair = Changed(clean=scores(before, labels), changed=scores(before**3 / 2, labels))

    assert not pair.is_same
    assert is_kept(pair)
    assert p_of_loss(pair, 1) == 1.0


def test_half_of_the_distance_from_chance_is_not_enough():
    labels, before, generator = answers(2.0, 2, people=400)
    noisy = before + 0.4 * generator.standard_normal(len(labels))
    kept = (roc_auc_score(labels, noisy) - 0.5) / (roc_auc_score(labels, before) - 0.5)

    assert 0.3 < kept < 0.7
    assert not is_kept(Changed(clean=scores(before, labels), changed=scores(noisy, labels)))


def test_few_participants_are_no_evidence_that_nothing_is_lost():
    labels, before, generator = answers(1.0, 3, people=24)
    close = before + 0.2 * generator.standard_normal(len(labels))

    assert not is_kept(Changed(clean=scores(before, labels), changed=scores(close, labels)))


def test_answers_for_the_other_class_are_turned():
    labels, before, _ = answers(2.0, 1)
    pair = Changed(clean=scores(before, labels), changed=scores(1 - before, labels))

    assert not is_kept(pair)
    assert is_kept(turned(pair))


@pytest.mark.parametrize("folds", [1, 5])
def test_answers_that_know_nothing_get_every_p(folds):
    found = []
    for seed in range(60):
        labels, _, generator = answers(0.0, seed, people=60)
        found.append(p_of_chance(scores(generator.random(60), labels, folds=folds), seed))

    assert np.mean(np.array(found) <= 0.05) < 0.14
    assert 0.35 < np.mean(found) < 0.65
    assert folds == 1 or np.mean(np.array(found) <= 0.05) <= 0.05  # widened: the fits share people


def test_answers_that_know_much_get_the_smallest_p():
    labels, before, _ = answers(3.0, 1)

    assert p_of_chance(scores(before, labels, folds=5), 1) == 0.001


def test_a_loss_that_is_exchanged_by_chance_is_no_loss():
    found = []
    for seed in range(60):
        labels, before, generator = answers(1.0, seed, people=60)
        one, two = (before + 0.3 * generator.standard_normal(60) for _ in range(2))
        found.append(p_of_loss(Changed(clean=scores(one, labels), changed=scores(two, labels)), 1))

    assert np.mean(np.array(found) <= 0.05) < 0.14
    assert 0.35 < np.mean(found) < 0.65


def test_a_system_at_chance_owes_nothing():
    labels, before, generator = answers(0.0, 1)
    pair = Changed(
        clean=scores(before, labels), changed=scores(generator.random(len(labels)), labels)
    )

    finding = judge_reliance({"x": pair}, "x", 1, kept=[pair])

    assert finding.auroc is None
    assert "not above chance" in finding.reason


def test_a_system_that_does_not_move_is_not_asked():
    labels, before, _ = answers(2.0, 1)
    pair = Changed(clean=scores(before, labels), changed=scores(before, labels))

    assert "does not look" in judge_reliance({"x": pair}, "x", 1, kept=[pair]).reason
