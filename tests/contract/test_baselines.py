"""Every baseline there is, and every one added tomorrow."""

import numpy as np
import pytest

from cases import make_case
from cogspeech.corpora.splits import participant_labels, plan_splits
from cogspeech.evaluation.base import BASELINES
from cogspeech.evaluation.metrics import METRICS, scores_of
from cogspeech.evaluation.protocol import cross_validate

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
    labels = participant_labels([case.recording for case in made], CLASSES)
    plan = plan_splits(labels, CLASSES, outer_folds=4, repeats=1, validation_fraction=0.25, seed=1)
    rows = cross_validate([baseline], made, plan, classes=CLASSES, seeds=[1])
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
