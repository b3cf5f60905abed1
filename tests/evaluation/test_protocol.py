import dataclasses

import numpy as np
import pytest

from cases import make_case
from cogspeech.corpora.splits import People, plan_splits
from cogspeech.errors import TrainingError
from cogspeech.evaluation.base import FoldAnswers, System, two_classes
from cogspeech.evaluation.metrics import scores_of
from cogspeech.evaluation.protocol import cross_validate
from cogspeech.types import Answers

CLASSES = ("control", "dementia")
CASES = [make_case(i, CLASSES[i % 2]) for i in range(20)]
CASES.append(make_case(99, "dementia", participant="p001"))


def plan(repeats=2):
    people = People.of([case.recording for case in CASES], CLASSES)
    return plan_splits(people, outer_folds=4, repeats=repeats, validation_fraction=0.25, seed=3)


class Spy(System):
    name = "spy"

    def __init__(self, answer=0.5, is_seeded=True):
        self.is_seeded = is_seeded
        self.answer = answer
        self.tasks = []

    def fit_predict(self, task):
        self.tasks.append(task)
        return FoldAnswers(
            test=two_classes(np.full(len(task.test), self.answer)),
            validation=two_classes(np.full(len(task.validation), 0.25)),
        )


def test_every_recording_is_predicted_once_per_run_by_a_fit_that_never_saw_its_person():
    spy = Spy()

    rows = cross_validate([spy], CASES, plan(), classes=CLASSES, seeds=[1, 2]).test

    assert len(rows) == len(CASES) * 2 * 2
    assert len({(r.repeat, r.seed, r.recording_id) for r in rows}) == len(rows)
    for task in spy.tasks:
        seen = {c.recording.participant_id for c in task.train + task.validation}
        assert not seen & {c.recording.participant_id for c in task.test}


def test_the_validation_part_is_answered_by_the_same_fits_and_kept_apart():
    answered = cross_validate([Spy()], CASES, plan(), classes=CLASSES, seeds=[1, 2])

    test = {(r.repeat, r.fold, r.seed, r.recording_id) for r in answered.test}
    held_back = {(r.repeat, r.fold, r.seed, r.recording_id) for r in answered.validation}
    assert held_back
    assert not test & held_back
    assert {r.probability for r in answered.validation} == {0.25}


def test_test_cases_carry_no_answer():
    spy = Spy()

    cross_validate([spy], CASES, plan(1), classes=CLASSES, seeds=[1])

    for task in spy.tasks:
        for case in task.test:
            assert case.recording.label is None
            assert case.recording.mmse is None
            assert case.recording.metadata == {}


def test_a_system_without_a_seed_is_fitted_once_per_fold():
    spy = Spy(is_seeded=False)

    rows = cross_validate([spy], CASES, plan(1), classes=CLASSES, seeds=[1, 2, 3]).test

    assert len(spy.tasks) == 4
    assert {row.seed for row in rows} == {1}


@pytest.mark.parametrize("answer", [float("nan"), 1.01, -0.1])
def test_what_is_no_probability_is_refused(answer):
    with pytest.raises(TrainingError, match="system 'spy', repeat 0, fold 0"):
        cross_validate([Spy(answer)], CASES, plan(1), classes=CLASSES, seeds=[1])


def test_progress_counts_every_fit():
    said = []

    cross_validate(
        [Spy()],
        CASES,
        plan(1),
        classes=CLASSES,
        seeds=[1],
        progress=lambda stage, done, total: said.append((stage, done, total)),
    )

    assert said == [("evaluate", done, 4) for done in (1, 2, 3, 4)]


def scored(**changes):
    """Cases whose score stands in a column of its own as well, and is missing for one."""
    found = []
    for number, case in enumerate(CASES):
        score = None if number == 4 else 60.0 + number
        recording = dataclasses.replace(
            case.recording, score=score, age_years=score, education_years=12.0, **changes
        )
        found.append(dataclasses.replace(case, recording=recording))
    return found


class Guess(System):
    name = "guess"
    is_seeded = False

    def __init__(self, scores, probabilities=None):
        self.answers = scores, probabilities
        self.tasks = []

    def fit_predict(self, task):
        self.tasks.append(task)
        score, row = self.answers
        rows = None if row is None else np.tile(row, (len(task.test), 1))
        scores = None if score is None else np.full(len(task.test), score)
        return FoldAnswers(test=Answers(probabilities=rows, scores=scores))


def test_scores_are_known_where_a_system_learns_and_nowhere_else():
    guess = Guess(70.0)

    answered = cross_validate([guess], scored(), plan(1), classes=(), seeds=[1])

    for task in guess.tasks:
        assert task.train_labels == task.validation_labels == ()
        assert task.train_scores == tuple(c.recording.score for c in task.train)
        assert task.validation_scores == tuple(c.recording.score for c in task.validation)
        for case in task.test:
            assert case.recording.score is case.recording.age_years is None
            assert case.recording.education_years == 12.0
    assert answered.test == answered.validation == ()
    assert {(p.recording_id, p.score, p.predicted_score) for p in answered.scored} == {
        (c.recording.recording_id, c.recording.score, 70.0)
        for c in scored()
        if c.recording.score is not None
    }


def test_a_joint_answer_carries_class_and_score():
    guess = Guess(70.0, [0.25, 0.75])

    rows = cross_validate([guess], scored(), plan(1), classes=CLASSES, seeds=[1]).test

    assert {(r.probability, r.probabilities, r.predicted_score) for r in rows} == {(0.75, (), 70.0)}
    assert [r.score for r in rows].count(None) == 1


@pytest.mark.parametrize("score", [None, float("nan"), float("inf")])
def test_what_is_no_score_is_refused(score):
    with pytest.raises(
        TrainingError, match=r"system 'guess', repeat 0, fold 0: expected \d finite"
    ):
        cross_validate([Guess(score)], scored(), plan(1), classes=(), seeds=[1])


def test_answers_about_another_number_of_classes_are_refused():
    three = (*CLASSES, "mci")

    with pytest.raises(TrainingError, match="for each of 3 classes"):
        cross_validate([Guess(None, [0.5, 0.5])], CASES, plan(1), classes=three, seeds=[1])


def test_any_class_but_the_first_stands_against_the_first():
    guess = Guess(None, [0.2, 0.3, 0.5])

    rows = cross_validate([guess], CASES, plan(1), classes=("control", "x", "dementia"), seeds=[1])

    assert {(r.label, r.probability, r.probabilities) for r in rows.test} == {
        (0, 0.8, (0.2, 0.3, 0.5)),
        (2, 0.8, (0.2, 0.3, 0.5)),
    }
    assert set(scores_of(rows.test, "guess").labels.tolist()) == {0, 1}


def test_a_column_that_once_equals_the_score_stays_known():
    """As fourteen years of education and 14 points may: to hide it would tell the score."""
    cases = scored()
    cases[0] = dataclasses.replace(
        cases[0], recording=dataclasses.replace(cases[0].recording, education_years=60.0)
    )
    guess = Guess(70.0)

    cross_validate([guess], cases, plan(1), classes=(), seeds=[1])

    tested = [case.recording for task in guess.tasks for case in task.test]
    assert all(recording.education_years is not None for recording in tested)
    assert all(recording.age_years is None for recording in tested)
