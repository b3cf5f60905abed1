"""The whole program on real voices with a known truth, through its own command line."""

import json
import os
import subprocess
import sys

import pytest
import yaml

from digit_corpora import digit_corpus

pytestmark = [pytest.mark.real_speech, pytest.mark.timeout(280)]

TRAINING = {"max_epochs": 40, "patience": 8}


def run(folder, cache, truth, participants, speech, *, compare):
    """Builds the corpus, runs the study, gives metrics.json."""
    digit_corpus(speech, folder / "corpus", truth, participants=participants)
    study = {
        "name": f"digits with a planted truth: {truth}",
        "corpus": {"path": "corpus/recordings.csv"},
        "compare": compare,
        "training": TRAINING,
        "evaluation": {"outer_folds": 5, "repeats": 1, "seeds": 1},
        "probes": ["length_only"],
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    done = subprocess.run(
        [sys.executable, "-m", "cogspeech", "run", "study.yaml", "--out", "run", "--offline"],
        cwd=folder,
        env={**os.environ, "COGSPEECH_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "run" / "metrics.json").read_text())


def auroc(metrics, system):
    return metrics["systems"][system]["auroc"]


def covers_chance(estimate):
    return estimate["low"] <= 0.5 <= estimate["high"]


def test_a_text_model_finds_a_truth_in_the_text(tmp_path, real_speech):
    metrics = run(tmp_path, tmp_path / "cache", "text", 60, real_speech, compare=["text_only"])

    assert auroc(metrics, "text_only")["estimate"] >= 0.9


def test_only_an_aligned_model_finds_which_word_a_pause_belongs_to(tmp_path, real_speech):
    metrics = run(
        tmp_path,
        tmp_path / "cache",
        "alignment",
        160,
        real_speech,
        compare=["text_only", "pooled_cross_attention"],
    )

    assert auroc(metrics, "aligned_cross_attention")["estimate"] >= 0.9
    assert covers_chance(auroc(metrics, "text_only"))
    assert covers_chance(auroc(metrics, "pooled_cross_attention"))


def test_nobody_finds_anything_where_there_is_nothing(tmp_path, real_speech):
    metrics = run(
        tmp_path,
        tmp_path / "cache",
        "none",
        80,
        real_speech,
        compare=[
            "text_only",
            "audio_only",
            "late_fusion",
            "pooled_cross_attention",
            "tfidf_svm",
            "majority",
        ],
    )

    missed = {name: auroc(metrics, name) for name in metrics["systems"]}
    assert {n: e for n, e in missed.items() if not covers_chance(e)} == {}
    assert metrics["probes"]["length_only"]["verdict"] == "clear"
