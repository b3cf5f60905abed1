"""A bundle of a real run, and what it says about recordings."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from cogspeech import Predictor
from cogspeech.delivery.cli import main
from cogspeech.errors import BundleError, TranscriptError
from cogspeech.evaluation.base import PROBES
from cogspeech.explanation.base import EXPLAINERS, word_json
from cogspeech.training.bundle import load_bundle
from cogspeech.types import RESEARCH_STATEMENT, Attribution, Word
from tone_corpora import tone_corpus, tone_recording


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    tone_corpus(folder, participants=8, words=6, classes=("well", "ill"))
    study = {
        "corpus": {"path": "recordings.csv"},
        "target": {"classes": ["well", "ill"]},
        "compare": [],
        "training": {"max_epochs": 2},
        "evaluation": {"outer_folds": 2, "repeats": 1, "seeds": 1},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    assert main(["run", str(folder / "study.yaml"), "--out", str(folder / "run")]) == 0
    return folder / "run"


def test_the_answer_has_the_form_of_the_contract(run, capsys):
    audio = run.parent / "audio" / "p003-v1.wav"

    assert main(["predict", str(run / "model"), str(audio)]) == 0

    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == [
        "recording_id",
        "probability",
        "score",
        "decision",
        "reasons",
        "language",
        "words",
        "explainer",
        "streams",
        "quality",
        "bundle",
        "use",
    ]
    assert answer["recording_id"] == "p003-v1"
    assert answer["decision"] == ("ill" if answer["probability"] >= 0.5 else "well")
    assert answer["reasons"] == []
    assert [list(word) for word in answer["words"]] == [
        list(word_json(Attribution(word_index=0, word=Word(text="a"))))
    ] * 6
    assert answer["streams"] == ["audio", "text"]
    assert answer["quality"]["words_with_times"] == 6
    assert answer["quality"]["pauses"] == 5
    assert answer["bundle"]["weights_sha256"] == load_bundle(run / "model").digest
    assert answer["use"] == RESEARCH_STATEMENT


def test_another_explainer_is_asked_for_by_name(run, capsys):
    audio = run.parent / "audio" / "p003-v1.wav"
    known = {}
    for name in EXPLAINERS.names():
        assert main(["predict", str(run / "model"), str(audio), "--explainer", name]) == 0
        answer = json.loads(capsys.readouterr().out)
        known[name] = [(w["attribution"], w["pause_attribution"]) for w in answer["words"]]
    assert len({str(values) for values in known.values()}) == len(known) == 3
    assert all(pause is None for _, pause in known["attention"])

    assert main(["predict", str(run / "model"), str(audio), "--explainer", "occlusio"]) == 2
    assert "unknown explainer 'occlusio'; did you mean 'occlusion'?" in capsys.readouterr().err


def with_rule(run, folder, **changes):
    """The bundle of a run with another decision rule."""
    facts = json.loads((run / "model" / "bundle.json").read_text())
    facts["decision"] |= changes
    (folder / "bundle.json").write_text(json.dumps(facts))
    (folder / "model.safetensors").write_bytes((run / "model" / "model.safetensors").read_bytes())
    return Predictor.from_folder(folder)


def test_the_served_probability_is_calibrated_as_the_bundle_says(run, tmp_path):
    audio = run.parent / "audio" / "p003-v1.wav"

    raw = with_rule(run, tmp_path, method="none").predict(audio)["probability"]
    moved = with_rule(run, tmp_path, method="platt", slope=2.0, intercept=0.5).predict(audio)
    served = Predictor.from_folder(run / "model").predict(audio)["probability"]

    logit = np.log(raw / (1 - raw))
    assert moved["probability"] == pytest.approx(1 / (1 + np.exp(-2.0 * logit - 0.5)))
    rule = load_bundle(run / "model").facts.decision
    assert served == float(rule.calibrated(np.array([raw]))[0])
    assert rule.method == "temperature"


@pytest.mark.parametrize(
    ("largest", "decision", "reasons"),
    [
        ([1.0, 1.0], "abstain", ["uncertain: both classes are plausible at 90 % coverage"]),
        ([0.0, 0.0], "abstain", ["uncertain: neither class is plausible at 90 % coverage"]),
        ([1.0, 0.0], "well", []),
        ([0.0, 1.0], "ill", []),
    ],
)
def test_conformal_sets_of_the_bundle_decide_or_abstain(run, tmp_path, largest, decision, reasons):
    sets = {"kind": "marginal", "coverage": 0.9, "largest": largest}

    answer = with_rule(run, tmp_path, sets=sets).predict(run.parent / "audio" / "p003-v1.wav")

    assert (answer["decision"], answer["reasons"]) == (decision, reasons)


def test_the_same_recording_gets_the_same_answer_from_a_fresh_program(run):
    audio = run.parent / "audio" / "p004-v1.wav"

    first, second = (Predictor.from_folder(run / "model").predict(audio) for _ in range(2))

    assert first == second


def test_fewer_words_than_ever_seen_make_it_abstain(run, tmp_path):
    tone_recording(tmp_path, "short", words=2)

    answer = Predictor.from_folder(run / "model").predict(tmp_path / "short.wav")

    assert answer["decision"] == "abstain"
    assert answer["reasons"][:2] == [
        "too_short: duration 2 s, trained on 4.19 to 4.69 s",
        "too_short: words 2, trained on 6.38 to 7.38",
    ]


def test_a_named_transcript_is_used(run, tmp_path):
    tone_recording(tmp_path, "a", words=7)
    (tmp_path / "a.words.json").rename(tmp_path / "other.words.json")
    predictor = Predictor.from_folder(run / "model")

    assert predictor.predict(tmp_path / "a.wav", tmp_path / "other.words.json")["words"]
    with pytest.raises(TranscriptError, match="no such words file; give its path"):
        predictor.predict(tmp_path / "a.wav")


def test_a_bundle_whose_encoder_changed_its_size_is_refused(run, tmp_path):
    facts = json.loads((run / "model" / "bundle.json").read_text())
    facts["audio_encoder"]["mel_bands"] = 30
    (tmp_path / "bundle.json").write_text(json.dumps(facts))
    (tmp_path / "model.safetensors").write_bytes((run / "model" / "model.safetensors").read_bytes())

    with pytest.raises(BundleError, match="vectors of 32 and 65; the model was trained on 42"):
        Predictor.from_folder(tmp_path)


def test_the_run_folder_keeps_the_contract(run):
    metrics = json.loads((run / "metrics.json").read_text())
    header, *rows = (run / "predictions.csv").read_text().splitlines()
    provenance = json.loads((run / "provenance.json").read_text())

    assert (
        header
        == "system,repeat,fold,seed,participant_id,recording_id,label,probability,probability_raw"
    )
    assert len(rows) == 8
    assert metrics["n_participants"] == metrics["n_recordings"] == 8
    assert metrics["classes"] == ["well", "ill"]
    assert metrics["primary"] == "aligned_cross_attention"
    assert set(metrics["systems"]["aligned_cross_attention"]["auroc"]) == {
        "estimate",
        "low",
        "high",
        "n",
    }
    assert set(metrics["probes"]) == set(PROBES.names())
    bundle = json.loads((run / "model" / "bundle.json").read_text())
    assert bundle["probes"] == {n: p["verdict"] for n, p in metrics["probes"].items()}
    assert {"calibration", "abstention", "decision_curve"} <= set(metrics)
    assert {"data_sha256", "split_sha256", "weights_sha256", "libraries"} <= set(provenance)
    assert str(run.parent) not in (run / "study.yaml").read_text()


@pytest.mark.slow
def test_the_resolved_study_runs_again_to_the_same_numbers(run, tmp_path, capsys):
    again = run.parent / "again"

    assert main(["run", str(run / "study.yaml"), "--out", str(again)]) == 0

    for name in ("predictions.csv", "metrics.json", "attributions.json"):
        assert (again / name).read_bytes() == (run / name).read_bytes()
    assert "study: 8 participants, 8 recordings" in capsys.readouterr().out


def test_report_is_made_anew(run, capsys):
    (run / "report.html").unlink()

    assert main(["report", str(run)]) == 0

    assert capsys.readouterr().out.strip() == str(run / "report.html")
    assert "<html" in (run / "report.html").read_text()


def test_a_sample_rate_it_was_never_trained_on_makes_it_abstain(run, tmp_path):
    samples, rate_hz = soundfile.read(run.parent / "audio" / "p003-v1.wav")
    soundfile.write(tmp_path / "a.wav", samples[::2], rate_hz // 2)
    words = run.parent / "audio" / "p003-v1.words.json"

    answer = Predictor.from_folder(run / "model").predict(tmp_path / "a.wav", words)

    assert answer["decision"] == "abstain"
    assert answer["reasons"] == [
        "other_sample_rate: 8000 Hz, trained on recordings at 16000 Hz",
        "outside_training_range: bandwidth 4000 Hz, trained on 8000 to 8000 Hz",
    ]


@pytest.fixture(scope="module")
def robust(run):
    """A run whose model has learned to do without a stream."""
    study = yaml.safe_load((run.parent / "study.yaml").read_text())
    study["fusion"] = {"name": "word_concat", "stream_dropout": 0.4}
    (run.parent / "robust.yaml").write_text(yaml.safe_dump(study))
    out = run.parent / "robust"
    assert main(["run", str(run.parent / "robust.yaml"), "--out", str(out), "--quiet"]) == 0
    return out


@pytest.mark.parametrize("without", ["audio", "text"])
def test_without_a_stream_it_answers_and_says_so(robust, without, capsys):
    audio = str(robust.parent / "audio" / "p003-v1.wav")
    capsys.readouterr()

    assert main(["predict", str(robust / "model"), audio, "--without", without]) == 0
    assert main(["predict", str(robust / "model"), audio]) == 0

    answer, whole = map(json.loads, capsys.readouterr().out.splitlines())
    assert answer["streams"] == [{"audio": "text", "text": "audio"}[without]]
    assert whole["streams"] == ["audio", "text"]
    assert answer["probability"] != whole["probability"]
    assert [w["attribution"] for w in answer["words"]] != [w["attribution"] for w in whole["words"]]


def test_without_audio_neither_times_nor_the_sample_rate_matter(robust, tmp_path):
    tone_recording(tmp_path, "a", words=6)
    samples, rate_hz = soundfile.read(tmp_path / "a.wav")
    soundfile.write(tmp_path / "a.wav", samples[::2], rate_hz // 2)
    words = {"words": [{"text": f"word{i % 7}"} for i in range(6)]}
    (tmp_path / "a.words.json").write_text(json.dumps(words))
    predictor = Predictor.from_folder(robust / "model")

    answer = predictor.predict(tmp_path / "a.wav", without="audio")

    assert answer["decision"] in ("well", "ill")
    assert answer["quality"]["words_with_times"] == 0
    with pytest.raises(TranscriptError, match="no word with times"):
        predictor.predict(tmp_path / "a.wav")


def test_a_model_that_needs_both_streams_refuses_to_do_without(run, capsys):
    audio = str(run.parent / "audio" / "p003-v1.wav")

    assert main(["predict", str(run / "model"), audio, "--without", "text"]) == 2

    assert capsys.readouterr().err == (
        "error: recording 'p003-v1': without its text this model has no answer; use one that reads "
        "both streams and was trained with 'stream_dropout' above 0\n"
    )


def test_a_folder_with_other_files_is_never_written_into(run, tmp_path, capsys):
    mine = tmp_path / "study.yaml"
    mine.write_text((run.parent / "study.yaml").read_text())

    assert main(["run", str(run.parent / "study.yaml"), "--out", str(tmp_path)]) == 2

    assert "holds files that are no run" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]


def test_an_encoder_of_another_version_is_refused(run, tmp_path):
    shutil.copytree(run / "model", tmp_path / "model")
    facts = json.loads((run / "model" / "bundle.json").read_text())
    facts["encoders"]["audio"]["version"] = 1
    (tmp_path / "model" / "bundle.json").write_text(json.dumps(facts))

    with pytest.raises(BundleError, match=r"audio encoder is another one .* its version differs"):
        Predictor.from_folder(tmp_path / "model")


@pytest.mark.parametrize("files", [["a"], 5, "abc", {"a": 5}])
def test_files_without_digests_are_refused(run, tmp_path, capsys, files):
    shutil.copytree(run / "model", tmp_path / "model")
    facts = json.loads((run / "model" / "bundle.json").read_text())
    facts["encoders"]["text"]["files"] = files
    (tmp_path / "model" / "bundle.json").write_text(json.dumps(facts))

    assert main(["predict", str(tmp_path / "model"), str(run.parent / "audio/p003-v1.wav")]) == 2
    assert "'files' of an encoder" in capsys.readouterr().err


def test_answers_are_not_written_over_what_is_read(run, tmp_path, capsys):
    tone_recording(tmp_path, "a", words=6)
    audio, words = tmp_path / "a.wav", tmp_path / "a.words.json"

    for read in (audio, words):
        before = read.read_bytes()

        assert main(["predict", str(run / "model"), str(audio), "--json", str(read)]) == 2

        assert "is one of the files that are read" in capsys.readouterr().err
        assert read.read_bytes() == before


def test_names_that_are_no_text_are_told_in_json(run, tmp_path, capsys):
    tone_recording(tmp_path, "a", words=6)
    odd = os.fsdecode(bytes(tmp_path) + b"/\xff")
    (tmp_path / "a.wav").rename(f"{odd}.wav")
    words = json.loads((tmp_path / "a.words.json").read_text())
    language = "e\x1b[31mn" + "x" * 5000
    Path(f"{odd}.words.json").write_text(json.dumps(words | {"language": language}))
    out = tmp_path / "answers.json"

    assert main(["predict", str(run / "model"), f"{odd}.wav", "--json", str(out)]) == 0

    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert len(shown) < 1000
    answer = json.loads(out.read_text())
    assert answer["recording_id"] == "\udcff"
    assert len(answer["language"] or "") <= 200
