"""The whole path: a study in, a run folder out; the same study, the same numbers."""

import csv
import dataclasses
import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from cogspeech.config import Study, TranscriptsSection, study_hash
from cogspeech.corpora.base import import_corpus
from cogspeech.corpora.splits import Fold, SplitPlan
from cogspeech.decision import participants_digest
from cogspeech.embeddings.base import build_encoders
from cogspeech.embeddings.corpus import embed_corpus
from cogspeech.errors import (
    CheckpointError,
    CogspeechError,
    ConfigError,
    EmbeddingError,
    SplitError,
)
from cogspeech.evaluation.assessment import probe_names
from cogspeech.evaluation.base import PROBES
from cogspeech.evaluation.deciding import Decided
from cogspeech.evaluation.protocol import OutOfFold, fold_task
from cogspeech.explanation.base import EXPLAINERS, word_json
from cogspeech.final_fit import fit_bundle
from cogspeech.fusion.base import ModelSizes, build_fusion
from cogspeech.reporting.run_folder import StudyResult
from cogspeech.settings import Component
from cogspeech.study import (
    explain_unseen,
    run_study,
    split_corpus,
)
from cogspeech.study_file import load_study
from cogspeech.systems import Answered, FusionSystem, data_hash, other_systems, seeds_of
from cogspeech.training.bundle import load_bundle
from cogspeech.training.objectives.base import build_objective
from cogspeech.training.trainer import FittedFusion
from cogspeech.transcripts.processes import in_processes
from cogspeech.types import Attribution, Case

RATE_HZ = 16_000
SETTINGS = {
    "name": "tiny",
    "corpus": {"path": "recordings.csv"},
    "fusion": {"name": "text_only"},
    "compare": ["audio_only", "majority"],
    "probes": "all",
    "training": {"max_epochs": 2, "checkpoint_every_s": 0},
    "evaluation": {"outer_folds": 2, "repeats": 1, "seeds": 2, "coverage": 0.5},
}
FILES = {
    "attributions.json",
    "audit.json",
    "checklists/stard_ai.md",
    "checklists/tripod_ai.md",
    "corpus.json",
    "data_card.md",
    "metrics.json",
    "predictions.csv",
    "provenance.json",
    "quality.csv",
    "report.html",
    "splits.json",
    "study.yaml",
    "tables/results.md",
    "tables/results.tex",
    "model/README.md",
    "model/bundle.json",
    "model/model.safetensors",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight participants, two of them with a second visit; 1.5 s of noise and four words each."""
    folder = tmp_path_factory.mktemp("corpus")
    generator = np.random.default_rng(0)
    rows = ["recording_id,participant_id,audio_path,transcript_path,diagnosis"]
    for number in range(10):
        name, person = f"r{number}", number % 8
        label = ("control", "dementia")[person % 2]
        soundfile.write(folder / f"{name}.wav", generator.normal(0, 0.1, 24_000), RATE_HZ)
        words = [
            {"text": text, "start_s": 0.5 + 0.25 * n, "end_s": 0.7 + 0.25 * n}
            for n, text in enumerate(generator.choice(["the", "old", "boy", "fell"], 4).tolist())
        ]
        (folder / f"{name}.words.json").write_text(json.dumps({"words": words}))
        rows.append(f"{name},p{person},{name}.wav,{name}.words.json,{label}")
    (folder / "recordings.csv").write_text("\n".join([*rows, ""]))
    (folder / "study.yaml").write_text(yaml.safe_dump(SETTINGS))
    return folder


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    return load_study(folder / "study.yaml")


@pytest.fixture(scope="module")
def finished(
    study: Study, tmp_path_factory: pytest.TempPathFactory
) -> tuple[StudyResult, Path, list[tuple[str, int, int]]]:
    """The study after its run, the run folder, and what was told meanwhile."""
    told: list[tuple[str, int, int]] = []
    run_dir = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COGSPEECH_CACHE", str(tmp_path_factory.mktemp("cache-of-study")))
        result = run_study(study, run_dir, progress=lambda *step, audio_s=0.0: told.append(step))
    return result, run_dir, told


@pytest.fixture
def cases(study: Study) -> tuple[Case, ...]:
    return embed_corpus(import_corpus(study.corpus, study.target), study)


def _files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "checkpoints" not in path.parts
    }


def _study(folder: Path, **sections: object) -> Path:
    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump({**SETTINGS, **sections}))
    return path


def test_the_run_folder_holds_what_the_contract_promises(finished) -> None:
    _, run_dir, _ = finished

    assert _files(run_dir) == FILES
    assert (run_dir / "checkpoints" / "text_only").is_dir()


def test_every_system_says_something_about_every_recording_once_per_run(finished) -> None:
    result, run_dir, _ = finished
    with (run_dir / "predictions.csv").open() as stream:
        rows = list(csv.DictReader(stream))

    found = sorted((r["system"], r["seed"], r["recording_id"]) for r in rows)
    seeds = {"text_only": "78", "audio_only": "78", "majority": "7"}
    assert found == sorted(
        (system, seed, f"r{number}")
        for system in seeds
        for seed, number in product(seeds[system], range(10))
    )
    assert len(result.predictions) == len(rows)
    assert all(0.0 <= prediction.probability <= 1.0 for prediction in result.predictions)


def test_no_participant_is_scored_by_a_fit_that_saw_another_visit(finished) -> None:
    result, _, _ = finished
    folds: dict[str, set[int]] = {}
    for prediction in result.predictions:
        folds.setdefault(prediction.participant_id, set()).add(prediction.fold)

    assert len(folds) == 8
    assert all(len(numbers) == 1 for numbers in folds.values())


def test_metrics_name_the_systems_the_comparisons_and_the_probes(finished) -> None:
    _, run_dir, _ = finished
    metrics = json.loads((run_dir / "metrics.json").read_text())

    assert (metrics["n_participants"], metrics["n_recordings"]) == (8, 10)
    assert metrics["primary"] == "text_only"
    assert set(metrics["systems"]) == {"text_only", "audio_only", "majority"}
    assert {(c["a"], c["b"]) for c in metrics["comparisons"]} == {
        ("text_only", "audio_only"),
        ("text_only", "majority"),
    }
    assert set(metrics["probes"]) == set(PROBES.names())
    assert metrics["systems"]["majority"]["auroc"]["estimate"] == 0.5


def test_every_recording_is_explained_word_by_word(finished) -> None:
    result, run_dir, _ = finished

    assert set(result.attributions) == {f"r{number}" for number in range(10)}
    for attributions in result.attributions.values():
        assert [attribution.word_index for attribution in attributions] == [0, 1, 2, 3]
        assert all(np.isfinite(attribution.value) for attribution in attributions)
    written = json.loads((run_dir / "attributions.json").read_text())
    assert written == {
        "explainer": "occlusion",
        "meaning": EXPLAINERS.get("occlusion").meaning,
        "recordings": {
            name: [word_json(attribution) for attribution in attributions]
            for name, attributions in result.attributions.items()
        },
    }


def test_the_bundle_travels(finished, study: Study) -> None:
    result, run_dir, _ = finished

    bundle = load_bundle(run_dir / "model")

    assert bundle.digest == result.bundle.digest
    assert bundle.facts.fusion == study.fusion
    assert bundle.facts.training.participants == 8
    assert bundle.facts.training.classes == dict.fromkeys(study.target.classes)  # fewer than ten
    assert {"duration_s", "words", "level_dbfs"} <= set(bundle.facts.ranges)
    assert bundle.facts.sample_rates_hz == (16_000,)


def test_the_study_in_the_run_folder_is_the_study(finished, study: Study) -> None:
    _, run_dir, _ = finished

    again = load_study(run_dir / "study.yaml")

    assert study_hash(again) == study_hash(study)
    assert again.corpus.path.resolve() == study.corpus.path


def test_every_stage_tells_how_far_it_has_come(finished) -> None:
    _, _, told = finished

    assert {stage for stage, _, _ in told} >= {
        "import",
        "transcripts",
        "embed",
        "evaluate",
        "probes",
        "explain",
    }
    for stage in {stage for stage, _, _ in told}:
        steps = [(done, total) for name, done, total in told if name == stage]
        assert steps[-1][0] == steps[-1][1]


def test_the_provenance_names_what_the_words_come_from(finished) -> None:
    _, run_dir, _ = finished

    provenance = json.loads((run_dir / "provenance.json").read_text())

    assert provenance["transcripts"] == {"source files": None}


@pytest.mark.slow
def test_the_same_study_gives_the_same_numbers(finished, study: Study, tmp_path: Path) -> None:
    result, _, _ = finished

    again = run_study(study, tmp_path / "run")

    assert again.predictions == result.predictions
    assert again.bundle.digest == result.bundle.digest
    assert (again.data_hash, again.plan) == (result.data_hash, result.plan)


def test_a_run_that_was_interrupted_goes_on_to_the_same_numbers(
    finished, study: Study, tmp_path: Path
) -> None:
    result, _, _ = finished

    def interrupt(stage: str, done: int, total: int, *, audio_s: float = 0.0) -> None:
        if (stage, done) == ("evaluate", 3):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(study, tmp_path / "run", progress=interrupt)
    assert not (tmp_path / "run" / "metrics.json").exists()

    again = run_study(study, tmp_path / "run", resume=True)

    assert again.predictions == result.predictions
    assert again.bundle.digest == result.bundle.digest
    assert _files(tmp_path / "run") == FILES


def test_a_run_is_not_mixed_with_an_old_one(finished, study: Study) -> None:
    _, run_dir, _ = finished

    with pytest.raises(CogspeechError, match="holds a run already; add --resume"):
        run_study(study, run_dir)


def test_a_run_is_not_resumed_with_another_training(
    study: Study, folder: Path, tmp_path: Path
) -> None:
    changed = load_study(_study(folder, training={"max_epochs": 1}, compare=[], probes=[]))
    run_study(changed, tmp_path / "run")
    other = changed.model_copy(update={"training": study.training})

    with pytest.raises(CogspeechError, match=r"training\.\w+ is .* there and .* here"):
        run_study(other, tmp_path / "run", resume=True)


def test_a_second_run_encodes_nothing(
    study: Study, cases: tuple[Case, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments, **_options):
        raise AssertionError("encoded again")

    monkeypatch.setattr("cogspeech.embeddings.worker.Worker.__call__", refuse)

    again = embed_corpus(import_corpus(study.corpus, study.target), study)

    for one, two in zip(cases, again, strict=True):
        np.testing.assert_array_equal(one.embedded.event_vectors, two.embedded.event_vectors)
        np.testing.assert_array_equal(one.embedded.token_vectors, two.embedded.token_vectors)


@pytest.mark.slow
def test_several_workers_find_and_encode_the_same(
    study: Study, cases: tuple[Case, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def noted(work, jobs, *, workers):
        asked.append(workers)
        return in_processes(work, jobs, workers=workers)

    monkeypatch.setattr("cogspeech.transcripts.transcribe.in_processes", noted)
    monkeypatch.setenv("COGSPEECH_CACHE", str(tmp_path / "cache"))
    listening = TranscriptsSection(voice_activity="energy")

    again = embed_corpus(
        import_corpus(study.corpus, study.target),
        study.model_copy(update={"transcripts": listening}),
        workers=2,
    )

    assert asked == [2]
    for one, two in zip(cases, again, strict=True):
        assert one.transcript == two.transcript
        np.testing.assert_allclose(
            one.embedded.event_vectors, two.embedded.event_vectors, atol=1e-5
        )


def test_a_study_that_is_refused_leaves_an_empty_folder(folder: Path, tmp_path: Path) -> None:
    study = load_study(_study(folder, evaluation={"outer_folds": 5, "repeats": 1, "seeds": 1}))

    with pytest.raises(SplitError, match="class 'control' has 4 participants, fewer than the 5"):
        run_study(study, tmp_path / "run")

    assert list((tmp_path / "run").iterdir()) == []


def test_the_smallest_corpus_that_can_be_divided_can_be_compared_with_a_baseline(
    folder: Path, tmp_path: Path
) -> None:
    compared = ["tfidf_svm", "demographics_only", "egemaps"]
    sections = {"compare": compared, "probes": [], "training": {"max_epochs": 1}}

    result = run_study(load_study(_study(folder, **sections)), tmp_path / "run")

    written = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(result.metrics) == set(written["systems"]) == {"text_only", "tfidf_svm", "egemaps"}
    compared_with = [c["b"] for c in written["comparisons"] if c["metric"] == "auroc"]
    assert compared_with == ["tfidf_svm", "egemaps"]
    assert written["not_applicable"].keys() == {"demographics_only"}
    assert "non-commercial" in written["terms"]["egemaps"]
    page = (tmp_path / "run" / "report.html").read_text()
    assert "no recording has an age" in page
    assert "non-commercial" in page


def test_a_recording_too_short_for_the_encoder_is_refused(
    study: Study, cases: tuple[Case, ...], tmp_path: Path
) -> None:
    recording = dataclasses.replace(
        cases[0].recording,
        audio_path=tmp_path / "short.wav",
        transcript_path=tmp_path / "short.words.json",
        where="recordings.csv:2",
    )
    soundfile.write(recording.audio_path, np.full(100, 0.1), RATE_HZ)
    words = {"words": [{"text": "the", "start_s": 0.0, "end_s": 0.005}]}
    recording.transcript_path.write_text(json.dumps(words))
    corpus = dataclasses.replace(import_corpus(study.corpus, study.target), recordings=(recording,))

    with pytest.raises(EmbeddingError, match=r"recordings\.csv:2: .* less than one frame"):
        embed_corpus(corpus, study)


@pytest.mark.parametrize(
    ("sections", "match"),
    [
        ({"corpus": {"importer": "tabel", "path": "x"}}, "unknown corpus importer 'tabel'"),
        (
            {"corpus": {"path": "x", "sheet": 1}},
            "corpus: unknown key 'sheet'; known: importer, pat",
        ),
        ({"audio_encoder": {"name": "acustic"}}, r"unknown audio encoder 'acustic'; did you mean"),
        ({"audio_encoder": {"name": "acoustic", "x": 1}}, "audio_encoder: unknown key 'x'"),
        ({"text_encoder": {"name": "hashed"}}, "unknown text encoder 'hashed'; did you mean"),
        ({"fusion": {"name": "texts_only"}, "compare": []}, "unknown fusion 'texts_only'; did you"),
        ({"fusion": {"name": "text_only", "d_modell": 8}}, "did you mean 'd_model'"),
        ({"transcripts": {"source": "file"}}, "unknown transcript source 'file'; did you mean"),
        ({"probes": ["silence"]}, "unknown probe 'silence'; did you mean 'silence_only'"),
        ({"explanation": "oclusion"}, "unknown explainer 'oclusion'; did you mean 'occlusion'"),
        (
            {"explanation": {"name": "occlusion", "step": 3}},
            "explanation: unknown key 'step'; .*known: name",
        ),
        (
            {"explanation": {"name": "attention"}},
            "the fusion 'text_only' has no attention between audio and text to explain it by; use",
        ),
        ({"compare": ["audio"]}, "compare: unknown system 'audio'; did you mean 'audio_only'"),
    ],
    ids=range(13),
)
def test_a_study_that_names_what_does_not_exist_is_refused_with_its_file(
    folder: Path, sections: dict[str, object], match: str
) -> None:
    path = _study(folder, **sections)

    with pytest.raises(ConfigError, match=match) as refusal:
        load_study(path)

    assert str(refusal.value).startswith(f"{path}: ")
    assert str(refusal.value).count(str(path)) == 1


def test_seeds_are_declared_by_the_study(study: Study) -> None:
    assert seeds_of(study) == (7, 8)


def test_all_probes_or_the_chosen_ones(study: Study) -> None:
    assert probe_names(study) == PROBES.names()
    assert probe_names(study.model_copy(update={"probes": ("length_only",)})) == ("length_only",)


def test_the_folds_of_a_study_hold_participants_and_not_recordings(study: Study) -> None:
    plan = split_corpus(import_corpus(study.corpus, study.target), study)

    assert len(plan.folds) == 2
    for fold in plan.folds:
        assert sorted(fold.train + fold.validation + fold.test) == [f"p{n}" for n in range(8)]


def test_encoders_take_their_options_and_are_not_loaded_before_they_are_used() -> None:
    audio, text = build_encoders(
        Component(name="acoustic", mel_bands=20), Component(name="hashed_words", size=16)
    )

    assert (audio.dimension, text.dimension) == (22, 17)


def test_other_systems_are_fusions_and_baselines_in_the_order_of_the_study(
    study: Study, tmp_path: Path
) -> None:
    systems = other_systems(study, tmp_path, data="d")

    assert [(system.name, system.is_seeded) for system in systems] == [
        ("audio_only", True),
        ("majority", False),
    ]


def test_the_digest_of_the_data_ignores_the_order_of_the_recordings(
    cases: tuple[Case, ...],
) -> None:
    assert data_hash(cases[::-1]) == data_hash(cases)


@pytest.mark.parametrize("part", ["label", "participant_id", "recording_id", "audio_path"])
def test_the_digest_of_the_data_tells_every_fact(cases: tuple[Case, ...], part: str) -> None:
    other = {
        "label": "dementia",
        "participant_id": "p9",
        "recording_id": "r99",
        "audio_path": cases[1].recording.audio_path,
    }
    recording = dataclasses.replace(cases[0].recording, **{part: other[part]})
    changed = (dataclasses.replace(cases[0], recording=recording), *cases[1:])

    assert data_hash(changed) != data_hash(cases)


def test_the_digest_of_the_data_tells_the_time_of_a_word(cases: tuple[Case, ...]) -> None:
    words = cases[0].transcript.words
    later = dataclasses.replace(words[-1], end_s=1.5)
    transcript = dataclasses.replace(cases[0].transcript, words=(*words[:-1], later))
    changed = (dataclasses.replace(cases[0], transcript=transcript), *cases[1:])

    assert data_hash(changed) != data_hash(cases)


def test_a_recording_is_explained_by_the_fit_that_has_never_seen_its_participant(
    study: Study, cases: tuple[Case, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [f"p{number}" for number in range(8)]
    plan = SplitPlan(
        folds=tuple(
            Fold(
                repeat=repeat,
                fold=fold,
                train=tuple(people[(fold * 4 + 4) % 8 :][:3]),
                validation=tuple(people[(fold * 4 + 7) % 8 :][:1]),
                test=tuple(people[fold * 4 :][:4]),
            )
            for repeat, fold in product((0, 1), (0, 1))
        )
    )
    primary = FusionSystem(study.fusion, study, tmp_path, data="d")
    for fold in (0, 1):
        model = build_fusion(study.fusion, ModelSizes(d_audio=42, d_text=65))
        primary.first_fits[fold] = FittedFusion(
            model=model, objective=build_objective(study.target), history=(), best_epoch=0
        )
    used = {}

    class Notes:
        def explain(self, model, embedded, transcript, *, objective) -> tuple[Attribution, ...]:
            used[embedded.recording_id] = model
            return ()

    class Only:
        def get(self, _name: str) -> type:
            return Notes

    monkeypatch.setattr("cogspeech.study.EXPLAINERS", Only())
    told = []

    explained = explain_unseen(
        primary,
        cases,
        plan,
        study.explanation,
        progress=lambda *step, audio_s=0.0: told.append(step),
    )

    assert set(explained) == {f"r{number}" for number in range(10)}
    for case in cases:
        fold = int(case.recording.participant_id in people[4:])
        assert used[case.recording.recording_id] is primary.first_fits[fold].model
    assert told[-1] == ("explain", 10, 10)


def test_the_bundle_is_fitted_on_everybody_but_those_who_decide_when_to_stop(
    study: Study, cases: tuple[Case, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    fit = FusionSystem.fit

    def note(self, training, validation, **place):
        seen.append((training, validation, place))
        return fit(self, training, validation, **place)

    monkeypatch.setattr(FusionSystem, "fit", note)
    corpus = import_corpus(study.corpus, study.target)

    system = FusionSystem(study.fusion, study, tmp_path, data="d")
    nobody = Decided(answered=OutOfFold(test=(), validation=()), rules={})
    answered = Answered(primary=system, systems=(system,), decided=nobody, why_not={})
    bundle = fit_bundle(study, corpus, cases, split_corpus(corpus, study), answered)

    ((training, validation, place),) = seen
    names = [{r.recording_id for r in part.recordings} for part in (training, validation)]
    person = {case.recording.recording_id: case.recording.participant_id for case in cases}
    people = [{person[name] for name in part} for part in names]
    assert names[0] | names[1] == set(person)
    assert people[0] & people[1] == set()
    assert set(training.labels) == set(validation.labels) == {0, 1}
    assert (place["place"], place["seed"]) == ("everybody", 7)
    assert bundle.facts.training.recordings == 10
    fitted_on = bundle.facts.decision.fitted_on
    assert fitted_on.participants_sha256 == participants_digest(people[1])
    assert fitted_on.participants == len(people[1])


def test_decisions_are_in_the_run_folder_and_in_its_bundle(finished):
    _, run_dir, _ = finished
    metrics = json.loads((run_dir / "metrics.json").read_text())
    with (run_dir / "predictions.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["system"] == "text_only"]

    assert metrics["calibration"]["method"] == "temperature"
    assert metrics["calibration"]["systems"]["text_only"]["fits"] == 4
    assert metrics["calibration"]["systems"]["majority"]["before"] is None
    told = metrics["abstention"]["systems"]
    assert set(told) == {"text_only", "audio_only"}
    decision = load_bundle(run_dir / "model").facts.decision
    assert decision.sets.kind == told["text_only"]["kind"] == "class_conditional"
    assert decision.sets.coverage == metrics["abstention"]["coverage"] == 0.5
    moved = [(float(r["probability_raw"]), float(r["probability"])) for r in rows]
    assert all((a - 0.5) * (b - 0.5) >= 0 for a, b in moved)
    assert any(a != b for a, b in moved)
    assert [c["n"] for c in metrics["decision_curve"]] == [8, 8]


@pytest.mark.parametrize("field", ["data", "study"])
def test_a_fit_is_not_resumed_on_other_data_or_by_another_study(study, cases, tmp_path, field):
    plan = split_corpus(import_corpus(study.corpus, study.target), study)
    task, _ = fold_task(cases, plan.folds[0], classes=study.target.classes, seed=study.seed)
    FusionSystem(study.fusion, study, tmp_path, data="d").fit_predict(task)
    other = study.model_copy(update={"seed": study.seed + (field == "study")})
    data = "e" if field == "data" else "d"

    with pytest.raises(CheckpointError, match=f"{field} is .* there and .* here"):
        FusionSystem(study.fusion, other, tmp_path, data=data).fit_predict(task)


def test_a_fit_takes_each_part_of_its_fold_for_what_it_is(study, cases, tmp_path, monkeypatch):
    plan = split_corpus(import_corpus(study.corpus, study.target), study)
    task, _ = fold_task(cases, plan.folds[0], classes=study.target.classes, seed=study.seed)
    seen, fit = [], FusionSystem.fit
    monkeypatch.setattr(FusionSystem, "fit", lambda *a, **k: seen.append(a[1:]) or fit(*a, **k))
    system = FusionSystem(study.fusion, study, tmp_path, data="d")

    system.fit_predict(task)

    ((training, validation),) = seen
    assert training.recordings == tuple(case.embedded for case in task.train)
    assert training.labels == task.train_labels
    assert validation.recordings == tuple(case.embedded for case in task.validation)
    assert validation.labels == task.validation_labels


def test_a_prediction_does_not_depend_on_who_else_is_tested(study, cases, tmp_path):
    plan = split_corpus(import_corpus(study.corpus, study.target), study)
    task, _ = fold_task(cases, plan.folds[0], classes=study.target.classes, seed=study.seed)
    alone = dataclasses.replace(task, test=task.test[:1])

    first, second = (
        FusionSystem(study.fusion, study, tmp_path / n, data="d").fit_predict(t)
        for n, t in (("all", task), ("one", alone))
    )

    np.testing.assert_allclose(first.test.positive[:1], second.test.positive, atol=1e-6)


def test_a_kept_fit_answers_again_what_it_answered(study, cases, tmp_path):
    plan = split_corpus(import_corpus(study.corpus, study.target), study)
    task, test = fold_task(cases, plan.folds[1], classes=study.target.classes, seed=study.seed)
    system = FusionSystem(study.fusion, study, tmp_path, data="d")

    answers = system.fit_predict(task)

    np.testing.assert_array_equal(system.answer(1, test).positive, answers.test.positive)
    assert answers.validation is not None
    assert len(answers.validation.positive) == len(task.validation)


def test_explanations_come_from_the_first_repeat_and_seed(study, cases, tmp_path):
    plan = split_corpus(import_corpus(study.corpus, study.target), study)
    task, _ = fold_task(cases, plan.folds[0], classes=study.target.classes, seed=study.seed)
    system = FusionSystem(study.fusion, study, tmp_path, data="d")
    system.fit_predict(task)
    first = system.first_fits[0]

    system.fit_predict(dataclasses.replace(task, seed=study.seed + 1))
    system.fit_predict(dataclasses.replace(task, repeat=1))

    assert system.first_fits[0] is first


@pytest.fixture
def with_splits(folder: Path) -> Path:
    """The same participants: the first two of each class are the official test set."""
    lines = (folder / "recordings.csv").read_text().splitlines()
    split = [("test" if int(line.split(",")[1][1:]) < 4 else "train") for line in lines[1:]]
    rows = [f"{lines[0]},official_split,site"]
    rows += [
        f"{line},{side},{'xy'[int(line.split(',')[1][1:]) % 4 // 2]}"
        for line, side in zip(lines[1:], split, strict=True)
    ]
    (folder / "with_splits.csv").write_text("\n".join([*rows, ""]))
    return folder


def test_an_official_test_set_is_tested_and_never_trained_on(with_splits, tmp_path) -> None:
    evaluation = {"protocol": "official_split", "seeds": 2}
    path = _study(with_splits, corpus={"path": "with_splits.csv"}, evaluation=evaluation)

    result = run_study(load_study(path), tmp_path / "run")

    tested = {f"p{n}" for n in range(4)}
    assert result.plan.tested == tested
    assert {p.participant_id for p in result.predictions} == tested
    assert set(result.attributions) == {"r0", "r1", "r2", "r3", "r8", "r9"}
    assert result.bundle.facts.training.participants == 4
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert (metrics["n_participants"], metrics["n_recordings"]) == (4, 6)
    written = json.loads((tmp_path / "run" / "splits.json").read_text())
    assert written["sha256"] == result.plan.digest()
    assert (tmp_path / "run" / "report.html").is_file()
    assert load_study(tmp_path / "run" / "study.yaml").evaluation.protocol == "official_split"


def test_each_site_is_tested_on_the_others(with_splits, tmp_path) -> None:
    evaluation = {"protocol": "column", "fold_column": "site", "seeds": 1}
    path = _study(with_splits, corpus={"path": "with_splits.csv"}, evaluation=evaluation)
    study = load_study(path)

    plan = split_corpus(import_corpus(study.corpus, study.target), study)

    assert [set(fold.test) for fold in plan.folds] == [
        {"p0", "p1", "p4", "p5"}, {"p2", "p3", "p6", "p7"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("evaluation", "match"),
    [
        ({"protocol": "column"}, "'protocol: column' and 'fold_column' go together"),
        ({"fold_column": "site"}, "go together"),
        ({"protocol": "official_split", "repeats": 2}, "'repeats' has no meaning"),
        ({"protocol": "official_split", "outer_folds": 3}, "'outer_folds' has no meaning"),
    ],
)
def test_protocols_that_do_not_fit_are_refused(folder, evaluation, match) -> None:
    with pytest.raises(ConfigError, match=match):
        load_study(_study(folder, evaluation=evaluation))


def test_an_official_split_needs_its_column(folder, tmp_path) -> None:
    study = load_study(_study(folder, evaluation={"protocol": "official_split"}))

    with pytest.raises(SplitError, match=r"recordings\.csv:2: official_split is empty"):
        run_study(study, tmp_path / "run")
