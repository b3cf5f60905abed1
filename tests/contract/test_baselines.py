"""Every baseline there is, and every one added tomorrow."""

import dataclasses

import numpy as np
import pytest

from cases import make_case
from cogspeech.corpora.splits import People, plan_splits
from cogspeech.evaluation.base import BASELINES
from cogspeech.evaluation.baselines import tfidf_svm
from cogspeech.evaluation.metrics import METRICS, scores_of
from cogspeech.evaluation.protocol import cross_validate, fold_task

CLASSES = ("control", "dementia")


def cases(informative):
    generator = np.random.default_rng(0)
    made = []
    for number in range(40):
        label = number % 2
        own = ["boat", "harbour", "rope"] if not (label and informative) else ["it", "thing", "um"]
        texts = [str(w) for w in generator.choice([*own, "the", "a", "is"], size=30)]
        made.append(make_case(number, CLASSES[label], words=30, texts=texts))
    return made


@pytest.fixture(params=BASELINES.names())
def baseline(request):
    return BASELINES.get(request.param)()


def auroc(baseline, made):
    people = People.of([case.recording for case in made], CLASSES)
    plan = plan_splits(people, outer_folds=4, repeats=1, validation_fraction=0.25, seed=1)
    rows = cross_validate([baseline], made, plan, classes=CLASSES, seeds=[1]).test
    return METRICS["auroc"](scores_of(rows, baseline.name))


def test_it_is_registered_under_its_own_name(baseline):
    assert BASELINES.get(baseline.name) is type(baseline)


def test_it_gives_probabilities_and_finds_nothing_where_there_is_nothing(baseline):
    found = auroc(baseline, cases(informative=False))

    assert found.low <= 0.5 <= found.high


def test_the_same_data_give_the_same_answer(baseline):
    made = cases(informative=True)

    assert auroc(baseline, made) == auroc(baseline, made)


def test_tfidf_finds_the_words_that_differ():
    assert auroc(BASELINES.get("tfidf_svm")(), cases(informative=True)).estimate > 0.99


CLASSES = ("control", "dementia")


def test_majority_answers_the_share_of_the_training_side():
    made = [make_case(n, CLASSES[n % 3 == 0]) for n in range(30)]
    people = People.of([case.recording for case in made], CLASSES)
    plan = plan_splits(people, outer_folds=5, repeats=1, validation_fraction=0.25, seed=1)
    task, test = fold_task(made, plan.folds[0], classes=CLASSES, seed=1)

    found = BASELINES.get("majority")().fit_predict(task)

    share = np.mean(task.train_labels + task.validation_labels)
    assert found.test.positive.tolist() == [share] * len(test)
    assert 0.2 < share < 0.4


CLASSES = ("control", "dementia")


def visits():
    """Twenty people with two visits each."""
    return [
        make_case(n + 50 * v, CLASSES[n % 2], words=5 + n % 7 + v, participant=f"p{n:03d}")
        for n in range(20)
        for v in (0, 1)
    ]


def first_task():
    people = People.of([case.recording for case in visits()], CLASSES)
    plan = plan_splits(people, outer_folds=4, repeats=1, validation_fraction=0.25, seed=1)
    return fold_task(visits(), plan.folds[0], classes=CLASSES, seed=1)[0]


def test_an_answer_does_not_depend_on_who_else_is_tested(baseline):
    task = first_task()

    alone = [
        baseline.fit_predict(dataclasses.replace(task, test=(case,))).test.positive[0]
        for case in task.test
    ]

    np.testing.assert_allclose(baseline.fit_predict(task).test.positive, alone)


def test_the_inner_folds_of_tfidf_keep_the_visits_of_a_person_together(monkeypatch):
    seen, real = [], tfidf_svm.CalibratedClassifierCV
    monkeypatch.setattr(
        tfidf_svm, "CalibratedClassifierCV", lambda *a, **k: seen.append(k["cv"]) or real(*a, **k)
    )
    task = first_task()

    tfidf_svm.TfidfSvm().fit_predict(task)

    people = np.array([c.recording.participant_id for c in task.train + task.validation])
    for fitted, held_out in seen[0]:
        assert not set(people[fitted]) & set(people[held_out])
