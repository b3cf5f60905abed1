"""Metrics of more than two classes, against scikit-learn and against what they must mean."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from cogspeech.evaluation.class_metrics import (
    ClassScores,
    class_estimates,
    class_scores_of,
    confusion,
)
from cogspeech.evaluation.metrics import auroc_error, auroc_parts
from cogspeech.types import Prediction

CLASSES = ("control", "mci", "dementia")


def scores(seed: int = 0, *, people: int = 60, runs: int = 1, folds: int = 1) -> ClassScores:
    generator = np.random.default_rng(seed)
    labels = np.arange(people) % 3
    logits = generator.normal(size=(runs, people, 3)) + 1.2 * np.eye(3)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    return ClassScores(
        participants=tuple(f"p{n}" for n in range(people)),
        labels=labels,
        probabilities=probabilities,
        fold=np.tile(np.arange(people) // 3 % folds, (runs, 1)),
    )


def values(found: ClassScores) -> dict[str, float]:
    estimates = class_estimates(found, CLASSES, is_ordered=True)
    return {name: each.estimate for name, each in estimates.items()}


@pytest.mark.parametrize("seed", range(5))
def test_estimates_are_those_of_scikit_learn(seed: int) -> None:
    made = scores(seed)
    labels, decided, said = made.labels, made.decided[0], made.probabilities[0]

    found = values(made)

    expected = {
        "macro_auroc": oracle.roc_auc_score(labels, said, multi_class="ovr", average="macro"),
        "balanced_accuracy": oracle.balanced_accuracy_score(labels, decided),
        "accuracy": oracle.accuracy_score(labels, decided),
        "macro_f1": oracle.f1_score(labels, decided, average="macro"),
        "class_distance": oracle.mean_absolute_error(labels, decided),
        "quadratic_kappa": oracle.cohen_kappa_score(labels, decided, weights="quadratic"),
    } | {
        f"auroc_{name}": oracle.roc_auc_score(labels == at, said[:, at])
        for at, name in enumerate(CLASSES)
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


def test_the_confusion_matrix_is_that_of_scikit_learn() -> None:
    made = scores()

    found = [[cell.estimate for cell in row] for row in confusion(made)]

    wanted = oracle.confusion_matrix(made.labels, made.decided[0], normalize="true")
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    assert all(cell.low <= cell.estimate <= cell.high for row in confusion(made) for cell in row)
    assert {cell.n for row in confusion(made) for cell in row} == {20}


def test_runs_are_averaged_and_never_put_together() -> None:
    made = scores(runs=3)
    each = [
        values(
            dataclasses.replace(
                made, probabilities=made.probabilities[[run]], fold=made.fold[[run]]
            )
        )
        for run in range(3)
    ]

    for name, value in values(made).items():
        assert value == pytest.approx(np.mean([run[name] for run in each]), abs=1e-12)


def test_macro_auroc_of_two_classes_has_delongs_error() -> None:
    """Both AUROCs are the same number then, so their mean is as uncertain as each."""
    made = scores()
    kept = made.labels < 2
    positive = made.probabilities[:, kept, 1]
    two = ClassScores(
        participants=tuple(np.array(made.participants)[kept]),
        labels=made.labels[kept],
        probabilities=np.stack([1 - positive, positive], axis=2),
        fold=made.fold[:, kept],
    )

    found = class_estimates(two, CLASSES[:2], is_ordered=False)

    for end in ("estimate", "low", "high"):
        macro = getattr(found["macro_auroc"], end)
        assert macro == pytest.approx(getattr(found["auroc_mci"], end), abs=1e-12)
    _, positives, negatives = auroc_parts(two.against_rest(1))
    assert auroc_error(positives, negatives) > 0


@pytest.mark.parametrize("folds", [1, 4])
def test_perfect_answers_are_perfect_and_useless_ones_are_not(folds: int) -> None:
    made = scores(folds=folds)
    perfect = dataclasses.replace(made, probabilities=np.eye(3)[made.labels][None])
    nobody = dataclasses.replace(made, probabilities=np.full((1, 60, 3), 1 / 3))

    best, useless = values(perfect), values(nobody)

    assert {best.pop("class_distance")} == {0.0}
    assert set(best.values()) == {1.0}
    assert useless["macro_auroc"] == 0.5
    assert useless["quadratic_kappa"] == pytest.approx(0.0, abs=1e-12)
    assert useless["balanced_accuracy"] == pytest.approx(1 / 3)
    found = class_estimates(perfect, CLASSES, is_ordered=True)
    assert found["macro_auroc"].low < 1.0 == found["macro_auroc"].high
    assert found["accuracy"].low < 1.0


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1, 3, 5]))
def test_intervals_hold_the_estimate_and_who_comes_first_does_not_matter(
    seed: int, folds: int
) -> None:
    made = scores(seed, runs=2, folds=folds)
    order = np.random.default_rng(seed).permutation(60)
    mixed = ClassScores(
        participants=tuple(made.participants[i] for i in order),
        labels=made.labels[order],
        probabilities=made.probabilities[:, order],
        fold=made.fold[:, order],
    )

    found = class_estimates(made, CLASSES, is_ordered=True)

    for name, each in found.items():
        assert each.low <= each.estimate <= each.high
        assert each.n == 60
        assert math.isfinite(each.high)
        assert values(mixed)[name] == pytest.approx(each.estimate, abs=1e-12)


def test_a_miss_by_two_classes_is_worse_than_two_by_one() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2])
    near, far = np.array([1, 1, 1, 1, 2, 2]), np.array([2, 0, 1, 1, 2, 2])
    found = [
        values(
            ClassScores(
                participants=tuple("abcdef"),
                labels=labels,
                probabilities=np.eye(3)[decided][None],
                fold=np.zeros((1, 6), dtype=int),
            )
        )
        for decided in (near, far)
    ]

    assert found[0]["class_distance"] == found[1]["class_distance"]
    assert found[0]["quadratic_kappa"] > found[1]["quadratic_kappa"]
    assert found[0]["accuracy"] < found[1]["accuracy"]


def prediction(person: str, label: int, said: tuple[float, ...], **changes: object) -> Prediction:
    return Prediction(
        **{  # type: ignore[arg-type]
            "system": "s",
            "repeat": 0,
            "fold": 0,
            "seed": 1,
            "participant_id": person,
            "recording_id": person,
            "label": label,
            "probability": sum(said[1:]),
            "probabilities": said,
            **changes,
        }
    )


def test_a_participant_is_the_mean_of_their_recordings() -> None:
    visits = [
        prediction("a", 0, (0.2, 0.8, 0.0)),
        prediction("a", 0, (0.9, 0.1, 0.0), recording_id="a2"),
        prediction("b", 1, (0.1, 0.8, 0.1)),
        prediction("c", 2, (0.1, 0.1, 0.8)),
    ]

    found = class_scores_of(visits, "s")

    assert found.participants == ("a", "b", "c")
    np.testing.assert_allclose(found.probabilities[0, 0], [0.55, 0.45, 0.0])
    assert found.decided.tolist() == [[0, 1, 2]]


def test_what_lacks_a_class_or_a_participant_is_refused() -> None:
    rows = [prediction("a", 0, (0.2, 0.8, 0.0)), prediction("b", 1, (0.1, 0.8, 0.1))]

    with pytest.raises(ValueError, match="for every class"):
        class_scores_of([*rows, prediction("c", 1, (0.4, 0.6))], "s")
    with pytest.raises(ValueError, match="for every class"):
        class_scores_of([*rows, prediction("c", 3, (0.2, 0.8, 0.0))], "s")
    with pytest.raises(ValueError, match="lacks predictions"):
        class_scores_of([*rows, prediction("a", 0, (0.2, 0.8, 0.0), repeat=1)], "s")
