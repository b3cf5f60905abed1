"""Every probe there is: red on its artefact, clear without, silent where it does not apply."""

import dataclasses
import functools
import json

import numpy as np
import pytest
import soundfile

from artefact_corpora import PLANTED, study_of
from cogspeech.audit.gather import hear_all
from cogspeech.cache import ContentCache, cache_folder
from cogspeech.corpora.splits import SplitPlan
from cogspeech.evaluation.base import PROBES
from cogspeech.evaluation.change_probe import ChangeProbe
from cogspeech.evaluation.feature_probe import FeatureProbe
from cogspeech.evaluation.probes.channel import channel_of
from cogspeech.evaluation.probing import probes_json, run_probes
from cogspeech.types import Recording, Word

PEOPLE = 80
STRONG = 0.95
RATE_HZ = 16_000
OF_SOUND = ("channel", "silence_only")


def heard(task, folder, planted):
    """The study with a noise of its own for everybody; of the second class louder, if planted."""
    generator = np.random.default_rng(0)
    cases = []
    for case in task.cases:
        path = folder / f"{planted}-{case.recording.recording_id}.wav"
        loud = 10 ** (generator.normal(0, 2) / 20) * (3 if planted and task.label(case) else 1)
        soundfile.write(path, 0.01 * loud * generator.standard_normal(3 * RATE_HZ), RATE_HZ)
        words = tuple(Word(text="word", start_s=0.4 * at, end_s=0.4 * at + 0.2) for at in range(3))
        cases.append(
            dataclasses.replace(
                case,
                recording=dataclasses.replace(case.recording, audio_path=path),
                transcript=dataclasses.replace(case.transcript, words=words),
            )
        )
    return dataclasses.replace(task, cases=tuple(cases))


def study(name, folder, *, is_planted):
    if name in OF_SOUND:
        bare = study_of(None, participants=40, auroc=STRONG, seed=3, repeats=1)
        return heard(bare, folder, is_planted)
    artefact = PLANTED[name]
    kind = artefact.planted if is_planted else artefact.absent
    return made(kind)


@functools.cache
def made(kind):
    return study_of(kind, participants=PEOPLE, auroc=STRONG, seed=3, repeats=1)


def run(name, task):
    (result,) = run_probes([name], task)
    return result


def assert_keeps_the_contract(result):
    told = json.loads(json.dumps(probes_json([result]), allow_nan=False))[result.name]
    assert {"auroc", "p_value", "verdict", "rule"} <= set(told)
    assert told["verdict"] == "shortcut"
    assert 1 / 1000 <= told["p_value"] <= 1
    assert set(told["auroc"]) == {"estimate", "low", "high", "n"}


@pytest.mark.parametrize("name", PROBES.names())
def test_it_turns_red_on_its_planted_artefact_and_only_then(name, tmp_path):
    planted = run(name, study(name, tmp_path, is_planted=True))
    clean = run(name, study(name, tmp_path, is_planted=False))

    assert planted.verdict == "shortcut", planted
    assert clean.verdict == "clear", clean
    assert planted.auroc.low <= planted.auroc.estimate <= planted.auroc.high
    assert run(name, study(name, tmp_path, is_planted=True)) == planted
    assert_keeps_the_contract(planted)


@pytest.mark.parametrize("name", PROBES.names())
def test_it_says_what_it_looks_at_by_which_rule_and_what_red_means(name):
    probe = PROBES.get(name)

    assert probe.name == name
    for said in (probe.looks_at, probe.rule, probe.red_means):
        assert len(said) > 20
    assert probe.rule.startswith("shortcut: ")
    assert probe.red_means.endswith(".")


def nobody(name, task):
    """The study without anything that the probe looks at."""
    cases = []
    for case in task.cases:
        row = dataclasses.replace(case.recording, age_years=None, sex=None, education_years=None)
        words = tuple(
            dataclasses.replace(word, confidence=None)
            for word in case.transcript.words
            if word.speaker == "participant"
        )
        if name == "silence_only":
            words = (Word(text="long", start_s=0.0, end_s=30.0),)
        instant = np.zeros_like(case.embedded.event_start_s)
        embedded = dataclasses.replace(
            case.embedded, event_start_s=instant, event_duration_s=instant
        )
        cases.append(
            dataclasses.replace(
                case,
                recording=row,
                transcript=dataclasses.replace(case.transcript, words=words),
                embedded=embedded,
            )
        )
    return dataclasses.replace(task, cases=tuple(cases))


FEATURE_PROBES = [name for name in PROBES.names() if issubclass(PROBES.get(name), FeatureProbe)]
CHANGE_PROBES = [name for name in PROBES.names() if issubclass(PROBES.get(name), ChangeProbe)]


@pytest.mark.parametrize("name", [n for n in FEATURE_PROBES if n != "channel"])
def test_it_does_not_apply_where_nobody_has_what_it_looks_at(name, tmp_path):
    result = run(name, nobody(name, study(name, tmp_path, is_planted=True)))

    assert (result.verdict, result.auroc, result.p_value) == ("not_applicable", None, None)
    assert result.reason.startswith("0 participants have")


@pytest.mark.parametrize("name", FEATURE_PROBES)
def test_it_sees_the_test_side_without_labels(name, tmp_path):
    task = study(name, tmp_path, is_planted=True)
    blind = [
        dataclasses.replace(case, recording=dataclasses.replace(case.recording, label=None))
        for case in task.cases
    ]

    assert PROBES.get(name)().features(blind) == PROBES.get(name)().features(task.cases)


@pytest.mark.parametrize("name", CHANGE_PROBES)
def test_it_does_not_apply_without_fits_that_can_be_asked(name, tmp_path):
    task = dataclasses.replace(study(name, tmp_path, is_planted=True), primary=None)

    assert run(name, task).verdict == "not_applicable"


@pytest.mark.parametrize("name", CHANGE_PROBES)
def test_it_asks_every_fit_only_about_people_it_has_not_seen(name, tmp_path):
    task = study(name, tmp_path, is_planted=True)
    asked = []

    class Watched:
        name = "watched"

        def answer(self, fold, cases):
            asked.append((fold, [case.recording.participant_id for case in cases]))
            return task.primary.answer(fold, cases)

    run(name, dataclasses.replace(task, primary=Watched()))

    tested = {f.fold: set(f.test) for f in task.plan.folds if f.repeat == 0}
    assert {fold for fold, _ in asked} == set(tested)
    assert all(set(people) == tested[fold] for fold, people in asked)
    assert all(len(people) == len(tested[fold]) for fold, people in asked)


def test_a_category_that_differs_is_found_among_numbers_that_do_not(tmp_path):
    task = study("demographics_only", tmp_path, is_planted=False)
    rows = [
        dataclasses.replace(case.recording, sex=("f", "m")[task.label(case)]) for case in task.cases
    ]
    cases = tuple(
        dataclasses.replace(case, recording=row) for case, row in zip(task.cases, rows, strict=True)
    )

    assert run("demographics_only", dataclasses.replace(task, cases=cases)).verdict == "shortcut"


def test_an_interviewer_of_one_class_only_is_a_shortcut(tmp_path):
    task = study("interviewer_only", tmp_path, is_planted=False)
    cases = tuple(
        dataclasses.replace(
            case,
            transcript=dataclasses.replace(
                case.transcript, words=case.transcript.participant_words
            ),
        )
        if task.label(case)
        else case
        for case in task.cases
    )

    result = run("interviewer_only", dataclasses.replace(task, cases=cases))

    assert result.verdict == "shortcut"
    assert result.auroc.estimate > 0.95


def test_the_verdicts_are_corrected_for_their_number(tmp_path):
    task = study("length_only", tmp_path, is_planted=False)
    results = run_probes(["demographics_only", "length_only", "interviewer_only"], task)

    smallest = min(result.p_value for result in results)
    assert min(r.p_adjusted for r in results) == pytest.approx(min(1.0, 3 * smallest))


def test_none_applies_where_every_fold_tests_one_class(tmp_path):
    task = study("length_only", tmp_path, is_planted=True)
    labels = {case.recording.participant_id: task.label(case) for case in task.cases}
    folds = tuple(
        dataclasses.replace(fold, test=tuple(n for n in fold.test if labels[n] == fold.fold % 2))
        for fold in task.plan.folds
    )
    task = dataclasses.replace(task, plan=SplitPlan(folds=folds))

    for result in run_probes(PROBES.names(), task):
        assert result.verdict == "not_applicable"
        assert result.reason == "no fold tests participants of two classes"


def test_none_applies_to_a_score_without_classes(tmp_path):
    task = dataclasses.replace(study("length_only", tmp_path, is_planted=True), classes=())

    assert {r.verdict for r in run_probes(PROBES.names(), task)} == {"not_applicable"}


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_the_channel_does_not_tell_how_long_somebody_speaks(tmp_path, suffix):
    generator = np.random.default_rng(0)
    features = []
    for seconds in (3, 9, 30):
        path = tmp_path / f"{seconds}.{suffix}"
        samples = 0.05 * generator.standard_normal(seconds * RATE_HZ)
        samples[:: 2 * RATE_HZ // seconds] *= 0.1  # compresses another way
        soundfile.write(path, samples, RATE_HZ)
        recording = Recording(recording_id=path.stem, participant_id=path.stem, audio_path=path)
        (sound,) = hear_all([recording], ContentCache(cache_folder())).values()
        features.append(channel_of(sound, path.stat().st_size))

    for name in ("bit_rate", "dc_offset", "codec", "bits"):
        assert len({found[name] for found in features}) == 1, name


def test_who_is_only_trained_on_is_not_tested_for_a_shortcut():
    """A held-out test set of whom nobody has an interviewer."""
    task = made(PLANTED["interviewer_only"].planted)
    everybody = sorted({case.recording.participant_id for case in task.cases})
    bare = set(everybody[::2])
    cases = tuple(
        dataclasses.replace(
            case,
            transcript=dataclasses.replace(
                case.transcript,
                words=tuple(w for w in case.transcript.words if w.speaker != "interviewer"),
            ),
        )
        if case.recording.participant_id in bare
        else case
        for case in task.cases
    )
    (fold,) = (f for f in task.plan.folds if (f.repeat, f.fold) == (0, 0))
    rest = [name for name in everybody if name not in bare]
    sides = {"train": tuple(rest[4:]), "validation": tuple(rest[:4]), "test": tuple(sorted(bare))}
    plan = SplitPlan(folds=(dataclasses.replace(fold, **sides),))

    (result,) = run_probes(["interviewer_only"], dataclasses.replace(task, cases=cases, plan=plan))

    assert result.verdict == "not_applicable"
    assert "0 tested participants" in result.reason
