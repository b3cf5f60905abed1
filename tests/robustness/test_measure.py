"""The real path: a study with perturbations, its files, its cache, and what stays behind."""

import dataclasses
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from cogspeech.cache import ContentCache, cache_folder
from cogspeech.corpora.splits import SplitPlan
from cogspeech.embeddings.base import AUDIO_ENCODERS, build_encoders
from cogspeech.embeddings.corpus import embed_corpus
from cogspeech.engines.base import EngineOptions, build_engine
from cogspeech.errors import CacheError, ConfigError
from cogspeech.reporting.report import write_report
from cogspeech.robustness.base import PERTURBATIONS, SoundPerturbation
from cogspeech.robustness.embedding import Embedder
from cogspeech.robustness.measure import measure_robustness, surroundings_of
from cogspeech.study import import_study, run_study
from cogspeech.study_file import load_study
from cogspeech.systems import FusionSystem
from tone_corpora import tone_corpus

SETTINGS = {
    "name": "tones",
    "corpus": {"path": "recordings.csv"},
    "fusion": {"name": "audio_only"},
    "compare": [],
    "probes": [],
    "training": {"max_epochs": 2, "checkpoint_every_s": 0},
    "evaluation": {"outer_folds": 2, "repeats": 1, "seeds": 1},
    "robustness": ["noise_white"],
}
SOUND = [n for n in PERTURBATIONS.names() if issubclass(PERTURBATIONS.get(n), SoundPerturbation)]


def study_of(folder, **sections):
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({**SETTINGS, **sections}))
    return load_study(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight people; two recordings are stereo at 44.1 kHz and longer than a decoder's block."""
    folder = tmp_path_factory.mktemp("corpus")
    tone_corpus(folder, participants=8, words=9)
    for name in ("p000-v1", "p001-v1"):
        path = folder / "audio" / f"{name}.wav"
        samples = 0.1 * np.random.default_rng(int(name[3])).standard_normal((6 * 44_100, 2))
        soundfile.write(path, samples, 44_100)
    return folder


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    """The study, its result, its run folder, and what was told meanwhile."""
    told = []
    study = study_of(folder)
    place = tmp_path_factory.mktemp("finished")
    run_dir = place / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COGSPEECH_CACHE", str(place / "cache"))
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))
        result = run_study(study, run_dir, progress=lambda *step, audio_s=0.0: told.append(step))
        assert list(Path(tempfile.gettempdir()).glob("cogspeech*")) == []
    return study, result, run_dir, told


def embedder(study):
    return Embedder(
        encoders=build_encoders(study.audio_encoder, study.text_encoder),
        cache=ContentCache(cache_folder()),
        engine=build_engine("local", EngineOptions()),
        min_pause_s=study.transcripts.min_pause_s,
    )


def cases_of(study):
    return embed_corpus(import_study(study), study)


@pytest.fixture(scope="module")
def cases(folder, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COGSPEECH_CACHE", str(tmp_path_factory.mktemp("cache-of-cases")))
        return cases_of(study_of(folder))


def test_severity_0_is_the_score_of_the_study_to_the_last_bit(finished):
    _, result, _, _ = finished

    (curve,) = result.robustness.curves

    clean = curve.points[0]
    assert result.robustness.is_reproduced
    assert clean.severity == "clean"
    for name, estimate in clean.metrics.items():
        assert estimate == result.metrics["audio_only"][name]
    assert (clean.mean_shift.estimate, clean.flip_rate.estimate) == (0.0, 0.0)
    assert clean.auroc_change.estimate == 0.0


@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_an_unchanged_recording_is_encoded_to_the_same_bits_without_any_cache(
    folder, monkeypatch, tmp_path, storage
):
    study = study_of(folder, audio_encoder={"name": "acoustic", "storage": storage})
    cases = cases_of(study)
    monkeypatch.setenv("COGSPEECH_CACHE", str(tmp_path / "another"))

    again = embedder(study).embed(cases, lambda _, heard: heard)

    for one, two in zip(cases, again, strict=True):
        for field in dataclasses.fields(one.embedded):
            np.testing.assert_array_equal(
                getattr(one.embedded, field.name), getattr(two.embedded, field.name)
            )


def test_the_clean_path_finds_what_the_study_has_cached(folder, monkeypatch):
    study = study_of(folder)
    cases = cases_of(study)

    def refuse(*_arguments, **_options):
        raise AssertionError("encoded again")

    monkeypatch.setattr(AUDIO_ENCODERS.get("acoustic"), "encode", refuse)

    assert all(embedder(study).embed(cases, lambda _, heard: heard))


@pytest.mark.slow
def test_a_study_that_runs_again_encodes_no_perturbation_anew(finished, tmp_path, monkeypatch):
    study, first, run_dir, _ = finished
    monkeypatch.setenv("COGSPEECH_CACHE", str(run_dir.parent / "cache"))

    def refuse(*_arguments, **_options):
        raise AssertionError("encoded again")

    monkeypatch.setattr(AUDIO_ENCODERS.get("acoustic"), "encode", refuse)

    again = run_study(study, tmp_path / "again")

    assert again.robustness == first.robustness


def test_every_severity_has_intervals_n_and_both_classes(finished):
    _, _, run_dir, told = finished

    (curve,) = json.loads((run_dir / "metrics.json").read_text())["robustness"]["curves"]

    assert [p["severity"] for p in curve["points"]] == [
        "clean", "30", "20", "15", "10", "5", "0", "-5"
    ]  # fmt: skip
    for point in curve["points"]:
        estimates = [*point["metrics"].values(), point["mean_shift"], point["flip_rate"]]
        estimates += [e for effect in point["by_class"] for e in effect.values()]
        assert all(e["low"] <= e["estimate"] <= e["high"] for e in estimates)
        assert point["metrics"]["auroc"]["n"] == 8
        assert [effect["shift"]["n"] for effect in point["by_class"]] == [4, 4]
        assert point["num_left_out"] == 0
    assert len(curve["flip_gaps"]) == 7
    assert curve["points"][-1]["mean_shift"]["estimate"] > 0
    assert [step for step in told if step[0] == "robustness"][-1] == ("robustness", 8, 8)


def test_the_report_is_made_from_the_run_folder(finished):
    _, _, run_dir, _ = finished

    html = write_report(run_dir).read_text()

    assert '<section id="robustness"' in html
    assert "signal-to-noise ratio (dB)" in html
    assert "to the last bit" in html


def test_nothing_is_done_where_nothing_is_asked_for(folder, tmp_path):
    study = study_of(folder, robustness="none")

    fits = FusionSystem(study.fusion, study, tmp_path, data="d")

    assert measure_robustness(study, (), SplitPlan(folds=()), fits) is None


def test_an_unknown_perturbation_is_refused_before_anything_is_done(folder):
    with pytest.raises(ConfigError, match=r"unknown perturbation 'noise_whit'; did you mean"):
        study_of(folder, robustness=["noise_whit"])


def test_no_temporary_file_stays_after_an_error(folder, cases, tmp_path, monkeypatch):
    study = study_of(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = []

    def fail(*_arguments, **_options):
        seen.extend(path.name for path in tmp_path.rglob("*.wav"))
        raise CacheError("the disk is full")

    monkeypatch.setattr("cogspeech.robustness.embedding.fill_cache", fail)

    with pytest.raises(CacheError):
        embedder(study).embed(cases, lambda _, heard: heard)

    assert len(seen) == 8
    assert list(tmp_path.iterdir()) == []


def test_temporary_files_are_for_their_owner_only(folder, cases, tmp_path, monkeypatch):
    study = study_of(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    modes = []

    def change(_case, heard):
        modes.extend(path.stat().st_mode & 0o777 for path in tmp_path.iterdir())
        return heard

    embedder(study).embed(cases[:1], change)

    assert modes == [0o700]


def test_few_temporary_files_lie_around_at_a_time(folder, cases, tmp_path, monkeypatch):
    study = study_of(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("cogspeech.robustness.embedding.HELD_AUDIO_S", 20.0)
    most = []

    def change(_case, heard):
        most.append(len(list(tmp_path.rglob("*.wav"))))
        return heard

    made = embedder(study).embed(cases, change)

    assert max(most) <= 3
    assert [case.recording.recording_id for case in made] == [
        case.recording.recording_id for case in cases
    ]


def test_a_recording_of_which_nothing_is_left_is_left_out(folder, cases):
    study = study_of(folder)

    def change(case, heard):
        return None if case is cases[0] else heard

    made = embedder(study).embed(cases[:3], change)

    assert made[0] is None
    assert all(made[1:])


def test_a_recording_that_cannot_be_embedded_any_more_is_left_out(folder, cases):
    study = study_of(folder)

    def silence(case, heard):
        is_first = case is cases[0]
        return dataclasses.replace(heard, samples=heard.samples * (0 if is_first else 1))

    assert [case is None for case in embedder(study).embed(cases[:2], silence)] == [True, False]


def test_noise_is_of_other_people_and_the_same_for_both_visits_of_one(cases):
    visit = dataclasses.replace(cases[0].recording, recording_id="p000-v2")
    everybody = [*cases, dataclasses.replace(cases[0], recording=visit)]

    def around(number, name="noise_babble", seed=7):
        return surroundings_of(everybody[number], everybody, name=name, seed=seed)

    def draw(surroundings):
        return surroundings.generator.integers(2**62)

    others = {case.recording.participant_id for case in around(0).others}
    assert others == {f"p{n:03d}" for n in range(1, 8)}
    assert draw(around(0)) == draw(around(0)) == draw(around(-1))
    different = [around(1), around(0, name="noise_pink"), around(0, seed=8)]
    assert len({draw(each) for each in (around(0), *different)}) == 4


@pytest.mark.parametrize("name", SOUND)
def test_every_perturbation_can_be_embedded(folder, cases, name):
    plugin = PERTURBATIONS.get(name)()

    def change(case, heard):
        around = surroundings_of(case, cases, name=name, seed=7)
        return plugin.perturb(heard, plugin.severities[-1], around)

    made = embedder(study_of(folder)).embed(cases[1:3], change)

    for case, original in zip(made, cases[1:3], strict=True):
        assert case.recording == original.recording
        assert np.isfinite(case.embedded.event_vectors).all()


def test_a_score_has_no_decisions_that_could_hold(folder):
    with pytest.raises(ConfigError, match="a target without classes has none; leave 'robustness'"):
        study_of(folder, target={"column": "mmse", "objective": "regression"})
