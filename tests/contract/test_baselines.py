"""Every baseline there is, and every one added tomorrow."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cases import make_case
from cogspeech.corpora.splits import People, plan_splits
from cogspeech.evaluation import feature_model
from cogspeech.evaluation.base import BASELINES
from cogspeech.evaluation.baselines import tfidf_svm
from cogspeech.evaluation.feature_baseline import FeatureBaseline
from cogspeech.evaluation.metrics import METRICS, scores_of
from cogspeech.evaluation.protocol import cross_validate, fold_task
from cogspeech.types import Word
from conftest import make_embedded

CLASSES = ("control", "dementia")
RATE_HZ = 16_000
PEOPLE = 24
PLANTED = {
    "tfidf_svm": "words",
    "linguistic": "repeated words",
    "length_only": "length",
    "pauses_only": "pauses",
    "demographics_only": "age",
    "acoustic_functionals": "pitch",
    "egemaps": "pitch",
    "pooled_embeddings": "vectors",
}
"""The one thing in which the classes differ, that a baseline must find."""
BLIND = {"majority", "random_embeddings"}
PLENTY = ("the", "a", "is", "boat", "sea", "gull", "mast", "rope", "quay", "net", "buoy", "wave")


def recording(folder, number, planted, generator):
    """A buzz for every word of 0.3 s every half second, and what is planted in the second class."""
    label = number % 2
    is_planted = label == 1
    texts = [str(word) for word in generator.choice(PLENTY, size=12)]
    if planted == "words" and is_planted:
        texts[::4] = ["thing"] * 3
    if planted == "repeated words" and is_planted:
        texts[1::2] = texts[::2]
    if planted == "length" and is_planted:
        texts += texts[:6]
    case = make_case(number, CLASSES[label], texts=texts)
    gap_s = 0.2 + (0.5 if planted == "pauses" and is_planted else 0.0)
    words = tuple(
        Word(text=text, start_s=(0.3 + gap_s) * i, end_s=(0.3 + gap_s) * i + 0.3)
        for i, text in enumerate(texts)
    )
    pitch_hz = generator.normal(130, 8) + (60 if planted == "pitch" and is_planted else 0)
    age_years = generator.normal(70, 4) + (16 if planted == "age" and is_planted else 0)
    return dataclasses.replace(
        case,
        recording=dataclasses.replace(
            case.recording,
            audio_path=buzz(folder / f"{planted}-{number}.wav", words, pitch_hz, generator),
            age_years=float(age_years),
        ),
        transcript=dataclasses.replace(case.transcript, words=words, language="en"),
        embedded=embedding(words, number, planted == "vectors" and is_planted),
    )


def buzz(path, words, pitch_hz, generator):
    time_s = np.arange(round((words[-1].end_s + 0.5) * RATE_HZ)) / RATE_HZ
    samples = sum(np.sin(2 * np.pi * pitch_hz * k * time_s) / k for k in range(1, 8))
    is_word = np.zeros(len(time_s), dtype=bool)
    for word in words:
        is_word[round(word.start_s * RATE_HZ) : round(word.end_s * RATE_HZ)] = True
    noise = 0.01 * generator.standard_normal(len(time_s))
    soundfile.write(path, 0.1 * samples * is_word + noise, RATE_HZ)
    return path


def embedding(words, number, is_planted):
    made = make_embedded(f"r{number:03d}", words=len(words), seed=number)
    duration_s = np.full(len(made.event_word), 0.3)
    return dataclasses.replace(
        made,
        event_vectors=made.event_vectors + np.float32(1.0 if is_planted else 0.0),
        event_start_s=np.array([words[w].start_s for w in made.event_word]),
        event_duration_s=duration_s,
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Corpora by what is planted in them; each is made once."""
    made = {}

    def of(planted):
        if planted not in made:
            folder = tmp_path_factory.mktemp("corpus")
            generator = np.random.default_rng(0)
            made[planted] = [recording(folder, n, planted, generator) for n in range(PEOPLE)]
        return made[planted]

    return of


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _one_cache(_own_cache, cache, monkeypatch):
    """What openSMILE has heard once need not be heard again in the next test."""
    monkeypatch.setenv("COGSPEECH_CACHE", str(cache))


@pytest.fixture(params=BASELINES.names())
def baseline(request):
    return BASELINES.get(request.param)()


def auroc(baseline, made):
    people = People.of([case.recording for case in made], CLASSES)
    plan = plan_splits(people, outer_folds=3, repeats=1, validation_fraction=0.25, seed=1)
    rows = cross_validate([baseline], made, plan, classes=CLASSES, seeds=[1]).test
    return METRICS["auroc"](scores_of(rows, baseline.name))


def test_it_is_registered_under_its_own_name(baseline):
    assert BASELINES.get(baseline.name) is type(baseline)


def test_every_baseline_is_tested_for_what_it_must_find():
    assert {*PLANTED, *BLIND} == set(BASELINES.names())


@pytest.mark.slow
def test_it_finds_nothing_where_there_is_nothing(baseline, corpus):
    found = auroc(baseline, corpus("nothing"))

    assert found.low <= 0.5 <= found.high


@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=pytest.mark.slow) if each == "egemaps" else each for each in PLANTED],
)
def test_it_finds_what_is_planted_for_it(name, corpus):
    assert auroc(BASELINES.get(name)(), corpus(PLANTED[name])).estimate > 0.9


@pytest.mark.parametrize(
    ("name", "planted"),
    [
        ("tfidf_svm", "pauses"),
        ("linguistic", "pitch"),
        ("length_only", "pitch"),
        ("pauses_only", "words"),
        ("demographics_only", "words"),
        ("acoustic_functionals", "pauses"),
        ("random_embeddings", "vectors"),
        ("random_embeddings", "words"),
    ],
)
def test_it_does_not_see_what_is_planted_elsewhere(name, planted, corpus):
    found = auroc(BASELINES.get(name)(), corpus(planted))

    assert found.low <= 0.5 <= found.high


def task_of(made, classes=CLASSES):
    people = People.of([case.recording for case in made], classes)
    plan = plan_splits(people, outer_folds=3, repeats=1, validation_fraction=0.25, seed=1)
    return fold_task(made, plan.folds[0], classes=classes, seed=1)[0]


@pytest.mark.slow
def test_an_older_answer_is_not_given_for_other_words(baseline, corpus):
    """What is kept of a recording belongs to its words and vectors, not to its name alone."""
    before, after = (task_of(corpus(p)) for p in ("nothing", PLANTED.get(baseline.name, "words")))
    baseline.fit_predict(before)

    found = baseline.fit_predict(after).test.probabilities

    np.testing.assert_array_equal(found, type(baseline)().fit_predict(after).test.probabilities)


def test_three_classes_are_answered_with_three_probabilities(baseline, corpus):
    classes = ("a", "b", "c")
    made = [
        dataclasses.replace(c, recording=dataclasses.replace(c.recording, label=classes[n % 3]))
        for n, c in enumerate(corpus("nothing"))
    ]
    task = task_of(made, classes)

    found = baseline.fit_predict(task).test.probabilities

    assert found.shape == (len(task.test), 3)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


class Peeping(FeatureBaseline):
    """Would know everything, if it were told."""

    name = "peeping"
    looks_at = "an answer"

    def vector(self, case):
        known = case.recording
        told = [known.label == CLASSES[1], known.mmse or 0.0, float(known.metadata.get("cdr", 0))]
        return np.array([float(each) for each in told])


def test_features_are_made_without_the_answers(corpus):
    made = [
        dataclasses.replace(
            case,
            recording=dataclasses.replace(
                case.recording,
                mmse=29.0 - 9 * CLASSES.index(case.recording.label),
                metadata={"cdr": str(CLASSES.index(case.recording.label))},
            ),
        )
        for case in corpus("nothing")
    ]
    peeping = Peeping()
    assert peeping.why_not(made) is None  # asked about everybody before anything is divided

    assert auroc(peeping, made).estimate == 0.5


def test_majority_answers_the_share_of_the_training_side():
    made = [make_case(n, CLASSES[n % 3 == 0]) for n in range(30)]
    people = People.of([case.recording for case in made], CLASSES)
    plan = plan_splits(people, outer_folds=5, repeats=1, validation_fraction=0.25, seed=1)
    task, test = fold_task(made, plan.folds[0], classes=CLASSES, seed=1)

    found = BASELINES.get("majority")().fit_predict(task)

    share = np.mean(task.train_labels + task.validation_labels)
    assert found.test.positive.tolist() == [share] * len(test)
    assert 0.2 < share < 0.4


def visits_of(made):
    """The same recordings, as two visits of half as many people."""
    return [
        dataclasses.replace(
            case,
            recording=dataclasses.replace(case.recording, participant_id=f"p{n // 4 * 2 + n % 2}"),
        )
        for n, case in enumerate(made)
    ]


@pytest.mark.parametrize("name", BASELINES.names())
def test_an_answer_does_not_depend_on_who_else_is_tested(name, corpus):
    visits = visits_of(corpus("nothing"))
    system = BASELINES.get(name)()
    task = task_of(visits)

    alone = system.fit_predict(dataclasses.replace(task, test=task.test[1:2])).test.positive

    np.testing.assert_allclose(system.fit_predict(task).test.positive[1:2], alone)


@pytest.mark.parametrize("name", sorted(set(BASELINES.names()) - {"majority"}))
def test_the_inner_folds_keep_the_visits_of_a_person_together(name, corpus, monkeypatch):
    seen, real = [], feature_model.inner_folds
    for module in (feature_model, tfidf_svm):
        monkeypatch.setattr(
            module, "inner_folds", lambda *given: seen.append(real(*given)) or seen[-1]
        )
    task = task_of(visits_of(corpus("nothing")))

    BASELINES.get(name)().fit_predict(task)

    people = np.array([c.recording.participant_id for c in task.train + task.validation])
    assert seen
    for fitted, held_out in seen[0]:
        assert not set(people[fitted]) & set(people[held_out])


def unheard(case):
    """The same recording, of whose words and speaker nothing is known but the text."""
    words = tuple(Word(text=word.text) for word in case.transcript.words)
    return dataclasses.replace(
        case,
        recording=dataclasses.replace(case.recording, age_years=None),
        transcript=dataclasses.replace(case.transcript, words=words),
    )


@pytest.mark.parametrize(
    "name", ["pauses_only", "demographics_only", "acoustic_functionals", "egemaps"]
)
def test_it_says_why_it_does_not_apply(name, corpus):
    made = corpus("nothing")

    assert BASELINES.get(name)().why_not([*map(unheard, made)]).startswith("no recording has ")
    assert BASELINES.get(name)().why_not([unheard(made[0]), *made[1:]]) is None


def test_it_applies_to_whole_recordings(baseline, corpus):
    assert baseline.why_not(corpus("nothing")) is None


def test_some_recordings_of_which_little_is_known_spoil_nothing(baseline, corpus):
    made = [case if n % 8 > 1 else unheard(case) for n, case in enumerate(corpus("pitch"))]

    found = baseline.fit_predict(task_of(made)).test.probabilities

    assert np.isfinite(found).all()


def test_a_missing_sound_file_is_named(corpus):
    case = corpus("nothing")[0]
    gone = dataclasses.replace(case.recording, audio_path=Path("nowhere.wav"))

    with pytest.raises(Exception, match=r"nowhere\.wav"):
        BASELINES.get("acoustic_functionals")().why_not([dataclasses.replace(case, recording=gone)])
