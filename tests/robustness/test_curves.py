"""What a point of a curve says, by hand."""

import dataclasses

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from cogspeech.correction import holm
from cogspeech.robustness.curves import can_be_told, point_of, with_gaps
from cogspeech.types import Prediction


def predictions(probabilities, *, labels=None, folds=None, seed=1):
    n = len(probabilities)
    labels = np.arange(n) % 2 if labels is None else labels
    return [
        Prediction(
            system="s",
            repeat=0,
            fold=0 if folds is None else int(folds[i]),
            seed=seed,
            participant_id=f"p{i:02d}",
            recording_id=f"r{i:02d}",
            label=int(labels[i]),
            probability=float(probability),
        )
        for i, probability in enumerate(probabilities)
    ]


def two_answers(n=30, seed=0):
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    clean = np.clip(0.5 + 0.3 * (labels - 0.5) + 0.2 * generator.standard_normal(n), 0, 1)
    return clean, np.clip(clean + 0.2 * generator.standard_normal(n), 0, 1), labels


def test_a_point_compares_the_same_participants():
    clean, after, labels = two_answers()

    point = point_of("10", predictions(clean), predictions(after))

    change = after - clean
    flipped = (after >= 0.5) != (clean >= 0.5)
    assert (point.severity, point.num_left_out) == ("10", 0)
    assert point.metrics["auroc"].estimate == pytest.approx(roc_auc_score(labels, after))
    assert point.auroc_change.estimate == pytest.approx(
        roc_auc_score(labels, after) - roc_auc_score(labels, clean)
    )
    assert point.mean_shift.estimate == pytest.approx(np.abs(change).mean())
    assert point.flip_rate.estimate == pytest.approx(flipped.mean())
    for label, effect in enumerate(point.by_class):
        inside = labels == label
        assert effect.shift.estimate == pytest.approx(change[inside].mean())
        assert effect.flip_rate.estimate == pytest.approx(flipped[inside].mean())
        assert (effect.shift.n, effect.flip_rate.n) == (15, 15)


def test_the_mean_change_has_students_interval():
    clean, after, labels = two_answers()

    shift = point_of("10", predictions(clean), predictions(after)).by_class[1].shift

    inside = (after - clean)[labels == 1]
    assert (shift.low, shift.high) == pytest.approx(
        stats.t.interval(0.95, 14, inside.mean(), stats.sem(inside))
    )


def test_shared_training_sides_widen_every_interval():
    clean, after, _ = two_answers()
    folds = np.arange(30) // 6

    one, five = (
        point_of("10", predictions(clean, folds=f), predictions(after, folds=f))
        for f in (None, folds)
    )

    factor = np.sqrt(1 + 5 / 4)
    for get in (lambda p: p.mean_shift, lambda p: p.by_class[0].shift):
        assert get(five).high - get(five).estimate == pytest.approx(
            factor * (get(one).high - get(one).estimate)
        )
    assert five.flip_rate.high > one.flip_rate.high


def test_who_is_left_out_is_left_out_of_the_clean_answers_too():
    clean, after, _ = two_answers()
    clean[:2] = (0.99, 0.01)  # would lower the clean AUROC

    point = point_of("5", predictions(clean), predictions(after)[2:])

    again = point_of("5", predictions(clean)[2:], predictions(after)[2:])
    assert point.num_left_out == 2
    assert dataclasses.replace(point, num_left_out=0) == again


def test_nothing_changes_where_nothing_changed():
    clean, _, _ = two_answers()

    point = point_of("clean", predictions(clean), predictions(clean))

    assert point.mean_shift.estimate == point.flip_rate.estimate == 0.0
    assert point.auroc_change.estimate == point.auroc_change.low == point.auroc_change.high == 0.0


def test_a_perturbation_that_moves_one_class_only_is_called_out():
    labels = np.arange(80) % 2
    clean = np.where(labels, 0.8, 0.2)
    one_class = np.where(labels, 0.4, 0.2)
    points = [point_of(s, predictions(clean), predictions(a))
              for s, a in (("clean", clean), ("1", one_class), ("2", 1 - clean))]  # fmt: skip

    (curve,) = with_gaps([("level", "does", "dB", tuple(points))])

    planted, both = curve.flip_gaps
    assert planted.difference == 1.0
    assert planted.p_adjusted < 0.001
    assert (both.difference, both.p_adjusted) == (0.0, 1.0)


def test_holm_counts_the_severities_of_all_perturbations():
    curves = []
    for seed in range(3):
        clean, after, _ = two_answers(seed=seed)
        points = [point_of(s, predictions(clean), predictions(a))
                  for s, a in (("clean", clean), ("1", after), ("2", after[::-1]))]  # fmt: skip
        curves.append((f"c{seed}", "does", "dB", tuple(points)))

    gaps = [gap for curve in with_gaps(curves) for gap in curve.flip_gaps]

    assert len(gaps) == 6
    assert [gap.p_adjusted for gap in gaps] == holm([gap.p_value for gap in gaps])


@pytest.mark.parametrize(
    ("labels", "folds", "is_so"),
    [
        ([0, 1], [0, 0], True),
        ([0, 0, 1, 1], [0, 0, 1, 1], False),
        ([0, 1, 0, 1], [0, 1, 2, 3], True),  # everybody was tested alone
        ([1, 1], [0, 0], False),
        ([], [], False),
    ],
)
def test_without_both_classes_in_a_fold_nothing_can_be_ranked(labels, folds, is_so):
    found = predictions([0.5] * len(labels), labels=labels, folds=folds)

    assert can_be_told(found) == is_so
