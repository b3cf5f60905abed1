"""Losses and answers against scikit-learn, scipy and their own definitions."""

import numpy as np
import pytest
import torch
from scipy.special import expit, huber, softmax
from sklearn.metrics import log_loss

from cogspeech.config import TargetSection
from cogspeech.errors import ConfigError, CorpusError, TrainingError
from cogspeech.learning_sections import TrainingSection
from cogspeech.settings import Component
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.objectives.base import (
    OBJECTIVES,
    Targets,
    build_objective,
    complete_target,
    scores_for,
)
from cogspeech.training.prediction import predict_answers
from cogspeech.training.trainer import Trainer
from cogspeech.types import Recording
from conftest import make_embedded

CLASSES = ("control", "mci", "dementia")
OUTPUTS = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
LABELS = [0, 1, 2, 2, 0, 0, 0]
SCORES = [29.0, 24.0, 12.0, None, 30.0, 27.0, 28.0]


def target(name=None, *, classes=CLASSES, column="diagnosis", **options):
    objective = Component(name=name, **options) if name else None
    return TargetSection(column=column, classes=classes, objective=objective)


def fitted(*arguments, labels=LABELS, scores=(), **options):
    objective = build_objective(target(*arguments, **options))
    objective.fit(Targets.of(labels, scores))
    return objective


def every_target():
    return {
        "binary": target("binary", classes=("control", "dementia")),
        "multiclass": target("multiclass"),
        "ordinal": target("ordinal"),
        "regression": target("regression", classes=(), column="mmse"),
        "joint": target("joint"),
    }


def loss(objective, outputs, labels=LABELS, scores=()):
    return float(objective.loss(outputs, Targets.of(labels, scores)))


def test_every_objective_is_tried_here():
    assert set(every_target()) == set(OBJECTIVES.names())


def test_the_default_follows_from_the_number_of_classes():
    assert complete_target(TargetSection()).objective == Component(name="binary")
    assert complete_target(target()).objective == Component(name="multiclass")
    assert complete_target(complete_target(target())) == complete_target(target())


def test_without_weights_the_losses_are_those_of_scikit_learn():
    binary = fitted("binary", classes=("a", "b"), labels=[0, 1, 1], class_weights="none")
    multi = fitted("multiclass", class_weights="none")

    of_two = loss(binary, OUTPUTS[:3, :1], [0, 1, 1])
    of_three = loss(multi, OUTPUTS[:, :3])

    assert of_two == pytest.approx(log_loss([0, 1, 1], expit(OUTPUTS[:3, 0].numpy())), rel=1e-6)
    expected = log_loss(LABELS, softmax(OUTPUTS[:, :3].numpy(), axis=1))
    assert of_three == pytest.approx(expected, rel=1e-6)


def test_ordinal_is_the_summed_loss_of_its_conditional_steps():
    outputs = OUTPUTS[:, :2]
    steps = []
    for row, label in zip(expit(outputs.numpy()), LABELS, strict=True):
        steps.append(-np.log(1 - row[0] if label == 0 else row[0]))
        if label > 0:
            steps[-1] -= np.log(1 - row[1] if label == 1 else row[1])

    found = loss(fitted("ordinal", class_weights="none"), outputs)

    assert found == pytest.approx(np.mean(steps), rel=1e-6)


@pytest.mark.parametrize(("name", "outputs"), [("multiclass", 3), ("ordinal", 2)])
def test_balanced_classes_carry_the_same_weight(name, outputs):
    objective, zeros = fitted(name), torch.zeros(7, outputs)

    totals = [loss(objective, zeros[:n], [k] * n) * n for k, n in enumerate([4, 1, 2])]

    probabilities = objective.answers(zeros).probabilities[0]
    shares = [total / -np.log(p) for total, p in zip(totals, probabilities, strict=True)]
    np.testing.assert_allclose(shares, 7 / 3, rtol=1e-6)


def test_label_smoothing_is_that_of_torch():
    plain = {"class_weights": "none", "label_smoothing": 0.2}

    found = loss(fitted("multiclass", **plain), OUTPUTS[:, :3])

    expected = torch.nn.functional.cross_entropy(
        OUTPUTS[:, :3], torch.tensor(LABELS), label_smoothing=0.2
    )
    assert found == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("distance", ["huber", "mse"])
def test_a_score_is_standardised_by_the_training_part(distance):
    known = np.array([s for s in SCORES if s is not None])
    objective = fitted("regression", classes=(), column="mmse", scores=SCORES, loss=distance)

    found = loss(objective, OUTPUTS[:, :1], [], SCORES)

    wanted = (known - known.mean()) / known.std()
    residuals = OUTPUTS[[0, 1, 2, 4, 5, 6], 0].numpy() - wanted
    each = huber(1.0, residuals) if distance == "huber" else residuals**2
    assert found == pytest.approx(each.sum() / 7, rel=1e-5)  # one of seven has no score
    answered = objective.answers(OUTPUTS[:, :1]).scores
    np.testing.assert_allclose(answered, OUTPUTS[:, 0] * known.std() + known.mean(), rtol=1e-6)


def test_joint_is_the_weighted_sum_of_both():
    both = fitted("joint", scores=SCORES, weight=0.3)
    score = fitted("regression", classes=(), column="mmse", scores=SCORES)

    found = loss(both, OUTPUTS, LABELS, SCORES)

    of_classes = loss(fitted("multiclass"), OUTPUTS[:, :3])
    of_score = loss(score, OUTPUTS[:, 3:], [], SCORES)
    assert found == pytest.approx(0.7 * of_classes + 0.3 * of_score, rel=1e-6)


def test_joint_of_two_classes_has_one_logit_and_the_score():
    both = fitted("joint", classes=("a", "b"), labels=[0, 1], scores=[10.0, 20.0])
    binary = fitted("binary", classes=("a", "b"), labels=[0, 1])

    assert both.num_outputs == 2
    np.testing.assert_array_equal(
        both.answers(OUTPUTS[:, :2]).probabilities, binary.answers(OUTPUTS[:, :1]).probabilities
    )


@pytest.mark.parametrize("name", OBJECTIVES.names())
def test_answers_are_probabilities_and_evidence_is_their_log_odds(name):
    wanted = every_target()[name]
    objective = build_objective(wanted)
    labels = [index % 2 for index in range(7)] if len(wanted.classes) == 2 else LABELS
    objective.fit(Targets.of(labels, SCORES))
    outputs = OUTPUTS[:, : objective.num_outputs]

    answers = objective.answers(outputs)

    evidence = objective.evidence(outputs.double()).numpy()
    assert (answers.scores is None) == (objective.score_column is None)
    if answers.probabilities is None:
        with pytest.raises(ValueError, match="no probability"):
            _ = answers.positive
    else:
        assert answers.probabilities.shape == (7, len(wanted.classes))
        np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1.0)
        odds = answers.positive / answers.probabilities[:, 0]
        np.testing.assert_allclose(evidence, np.log(odds), atol=1e-9)


def part(count, first=0):
    """Recordings whose audio carries the class and the score; every third has no score."""
    recordings, labels = [], []
    for index in range(first, first + count):
        recording = make_embedded(f"r{index}", seed=index)
        recording.event_vectors[:, 0] += 2.0 * (index % 3)
        recordings.append(recording)
        labels.append(index % 3)
    scores = tuple(None if i % 5 == 4 else 30.0 - 8.0 * y for i, y in enumerate(labels))
    return LabelledPart(recordings=tuple(recordings), labels=tuple(labels), scores=scores)


@pytest.mark.parametrize("name", sorted(set(OBJECTIVES.names()) - {"binary"}))
def test_every_objective_trains_and_answers(name):
    trainer = Trainer(
        Component(name="audio_only", d_model=16),
        TrainingSection(max_epochs=25, patience=25, learning_rate=0.02),
        target=every_target()[name],
        seed=1,
    )

    fit = trainer.fit(part(48), part(15, 100))

    test = part(30, 200)
    answers = predict_answers(fit.model, fit.objective, test.recordings)
    if answers.probabilities is not None:
        assert np.mean(answers.probabilities.argmax(axis=1) == test.labels) > 0.8
    if answers.scores is not None:
        truth = 30.0 - 8.0 * np.array(test.labels)
        assert np.abs(answers.scores - truth).mean() < 3.0


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (target("binary"), "objective binary: expected two names in target.classes, found 3"),
        (target("regression"), "tells a number; leave out target.classes, found control, mci"),
        (target("ordinal", classes=()), "objective ordinal: expected two or more names"),
        (target("joint", weight=1.5), "objective joint: 'weight': .*less than 1, found 1.5"),
        (target("binary", label_smoothing=1), "objective binary: 'label_smoothing'"),
        (target("multiclass", smoothing=1), "unknown key 'smoothing'; did you mean 'label_smooth"),
        (target("ordnal"), "unknown objective 'ordnal'; did you mean 'ordinal'"),
    ],
)
def test_an_objective_that_does_not_fit_is_one_line(wanted, message):
    with pytest.raises(ConfigError, match=message):
        build_objective(wanted)


def test_a_class_that_is_absent_from_a_training_part_is_named():
    with pytest.raises(TrainingError, match="2 of 'control', 0 of 'mci', 1 of 'dementia'; every"):
        fitted("ordinal", labels=[0, 2, 0])


@pytest.mark.parametrize("scores", [[None, 3.0], [3.0, 3.0], [None, None]])
def test_scores_that_teach_nothing_are_refused(scores):
    with pytest.raises(TrainingError, match="'mmse'; at least two that differ are needed"):
        fitted("joint", labels=[0, 1, 2, 0, 0], scores=[*scores, None, None, None])


def test_scores_come_from_the_column_they_are_in(tmp_path):
    recording = Recording(
        recording_id="r",
        participant_id="p",
        audio_path=tmp_path,
        label="17",
        where="table.csv:2",
        mmse=25.0,
        metadata={"moca": "21", "cdr": "mild", "gds": ""},
    )

    def score(**changes):
        return scores_for(target(**changes), [recording])

    assert score() == ()
    assert score(name="joint") == (25.0,)
    assert score(name="joint", score="moca") == (21.0,)
    assert score(name="joint", score="gds") == (None,)
    assert score(name="regression", classes=(), column="adas") == (17.0,)
    with pytest.raises(CorpusError, match=r"table\.csv:2: cdr is 'mild'; expected a number"):
        score(name="joint", score="cdr")
