"""One fit on two processes, as ``torchrun`` and ``accelerate launch`` start them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors import safe_open

from cogspeech.training.checkpoint import HEADER
from tone_corpora import tone_corpus

SCRIPT = Path(__file__).with_name("steps_of_a_fit.py")
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
LAUNCH = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2"]
LAUNCH += ["--main_process_port=0"]  # any that is free
LAUNCH += ["--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no", "--module"]


def run(command, **environment):
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, "GLOO_SOCKET_IFNAME": "lo", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    assert run([sys.executable, SCRIPT, folder])[0] == 0
    return np.load(folder / "steps0.npz")


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    folder = tmp_path_factory.mktemp("together")
    code, said = run([*TORCHRUN, SCRIPT, folder])
    assert code == 0, said
    return [np.load(folder / f"steps{process}.npz") for process in (0, 1)]


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(alone, together):
    first, second = together
    assert len(first["gradients"]) == 9
    # Weights are not compared: AdamW divides by the size of a gradient, so where that is zero but
    # for rounding, as for the bias of keys, a weight may go either way; no output depends on it.
    for name in ("gradients", "outputs", "losses"):
        np.testing.assert_allclose(first[name], alone[name], atol=1e-5, rtol=0)
    for name in ("gradients", "final", "outputs", "losses"):
        np.testing.assert_array_equal(first[name], second[name])


@pytest.mark.slow
def test_two_processes_that_were_cut_off_go_on_together_to_the_same_bits(tmp_path, together):
    assert run([*TORCHRUN, SCRIPT, tmp_path, 4])[0] != 0
    _, said = run([sys.executable, SCRIPT, tmp_path])
    assert "belongs to another fit: processes is 2 there and 1 here" in said

    code, said = run([*TORCHRUN, SCRIPT, tmp_path])

    assert code == 0, said
    for name in ("final", "losses"):
        found = np.load(tmp_path / "steps1.npz")[name]
        np.testing.assert_array_equal(found, together[0][name])


@pytest.mark.slow
def test_accelerate_launch_runs_a_whole_study_into_one_folder(tmp_path):
    tone_corpus(tmp_path, participants=8, words=6)
    study = {
        "corpus": {"path": "recordings.csv"},
        "fusion": {"name": "text_only", "dropout": 0.0},
        "compare": ["majority"],
        "probes": [],
        "training": {"max_epochs": 2},
        "evaluation": {"outer_folds": 2, "repeats": 1, "seeds": 1},
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    cache = {"COGSPEECH_CACHE": str(tmp_path / "cache")}
    given = ["run", tmp_path / "study.yaml", "--out"]

    two, said = run([*LAUNCH, "cogspeech", *given, tmp_path / "two"], **cache)
    one, _ = run([sys.executable, "-m", "cogspeech", *given, tmp_path / "one"], **cache)

    assert (one, two) == (0, 0), said
    checkpoint = next((tmp_path / "two" / "checkpoints").rglob("step-*.safetensors"))
    with safe_open(checkpoint, framework="numpy") as kept:
        state = json.loads(json.loads(kept.metadata()[HEADER])["state"])
    assert state["identity"]["processes"] == 2
    rows = [
        np.genfromtxt(tmp_path / name / "predictions.csv", delimiter=",", names=True, dtype=None)
        for name in ("one", "two")
    ]
    assert rows[0]["recording_id"].tolist() == rows[1]["recording_id"].tolist()
    np.testing.assert_allclose(rows[0]["probability"], rows[1]["probability"], atol=1e-4)
