"""A study whose encoders are trained: from the file to the answer about a recording."""

import json
import pickle
import shutil

import pytest
import yaml
from safetensors.torch import load_file, save_file

from checkpoints import save_audio_checkpoint, save_text_checkpoint
from cogspeech.cache import file_digest
from cogspeech.delivery.cli import main
from cogspeech.delivery.predictor import Predictor
from cogspeech.embeddings.corpus import embed_corpus
from cogspeech.errors import BundleError
from cogspeech.study import import_study, run_study
from cogspeech.study_file import load_study
from cogspeech.systems import FitJob, FitWorker
from cogspeech.training.bundle import load_bundle
from tone_corpora import tone_corpus

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
SECTIONS = {
    "trained": {"audio_layers": 1, "text_layers": 1, "learning_rate": 1e-3},
    "adapters": {"audio_layers": 1, "text_layers": 2, "learning_rate": 1e-2, "adapter": "lora"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    tone_corpus(folder, participants=8, words=6)
    save_audio_checkpoint("wav2vec2", folder / "audio-encoder")
    save_text_checkpoint("bert", folder / "text-encoder")
    for name, section in SECTIONS.items():
        content = {
            "corpus": {"path": "recordings.csv"},
            "audio_encoder": {"name": "huggingface", "model": str(folder / "audio-encoder")},
            "text_encoder": {"name": "huggingface", "model": str(folder / "text-encoder")},
            "fusion": {"name": "word_concat", "d_model": 8},
            "finetune": section,
            "compare": ["text_only", "majority"] if name == "trained" else ["majority"],
            "probes": [],
            "training": {"max_epochs": 2, "batch_size": 4},
            "evaluation": {"outer_folds": 2, "repeats": 1, "seeds": 1},
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return folder


@pytest.fixture(
    scope="module",
    params=[pytest.param(n, marks=pytest.mark.slow) if n == "adapters" else n for n in SECTIONS],
)
def run(request, folder):
    """The name of a study and what it gave."""
    study = load_study(folder / f"{request.param}.yaml")
    return request.param, run_study(study, folder / "runs" / request.param)


def test_a_bundle_answers_as_the_fit_did(folder, run):
    name, result = run

    predictor = Predictor.from_folder(folder / "runs" / name / "model")

    before, after = result.bundle.model.state_dict(), predictor._bundle.model.state_dict()
    assert before.keys() == after.keys()
    assert all((before[key] == after[key]).all() for key in before)
    assert result.bundle.model.encoders is not None
    answer = predictor.predict(folder / "audio" / "p003-v1.wav")
    again = Predictor(result.bundle).predict(folder / "audio" / "p003-v1.wav")
    assert answer == again
    assert answer["words"]


def test_the_answer_is_that_of_the_trained_layers(folder, run):
    """Put back to what the checkpoint has, they give another answer."""
    name, _ = run
    recording = folder / "audio" / "p003-v1.wav"
    bundle = load_bundle(folder / "runs" / name / "model")
    whole = Predictor(bundle).predict(recording)["probability"]
    trained = dict(bundle.model.encoders.named_parameters())
    for key, parameter in trained.items():
        if ".lora_B." in key or ".output" in key:
            parameter.data.zero_()

    assert Predictor(bundle).predict(recording)["probability"] != pytest.approx(whole, abs=1e-7)


def test_a_bundle_holds_only_what_was_trained(folder, run):
    name, _ = run
    tensors = load_file(folder / "runs" / name / "model" / "model.safetensors")
    facts = json.loads((folder / "runs" / name / "model" / "bundle.json").read_text())

    of_encoders = [key for key in tensors if key.startswith("encoders.")]

    assert len(of_encoders) == (12 if name == "adapters" else 32)
    assert facts["finetune"]["section"]["adapter"] == ("lora" if name == "adapters" else "none")
    assert facts["finetune"]["checkpoints"]["audio"]["model.safetensors"] == file_digest(
        folder / "audio-encoder" / "model.safetensors"
    )


def damaged(folder, place, change):
    """A bundle whose tensors were changed and whose digest is right."""
    tensors = load_file(folder / "runs" / "trained" / "model" / "model.safetensors")
    change(tensors)
    save_file(tensors, place / "model.safetensors")
    facts = json.loads((folder / "runs" / "trained" / "model" / "bundle.json").read_text())
    facts["weights_sha256"] = file_digest(place / "model.safetensors")
    (place / "bundle.json").write_text(json.dumps(facts))
    return place


@pytest.mark.parametrize("run", ["trained"], indirect=True)
def test_a_bundle_whose_encoder_weights_do_not_fit_is_refused(folder, run, tmp_path):
    key = "encoders.layers.text.blocks.0.output.dense.weight"
    changes = {
        "lacks": lambda tensors: tensors.pop(key),
        "expected": lambda tensors: tensors.update({key: tensors[key][:1].clone()}),
        "not finite": lambda tensors: tensors[key].fill_(float("nan")),
        "does not know": lambda tensors: tensors.update({f"{key}s": tensors[key].clone()}),
    }
    for word, change in changes.items():
        with pytest.raises(BundleError, match=word):
            load_bundle(damaged(folder, tmp_path, change))


@pytest.mark.parametrize("run", ["trained"], indirect=True)
def test_another_checkpoint_than_it_was_trained_on_is_refused(folder, run, tmp_path):
    shutil.copytree(folder / "text-encoder", tmp_path / "other")
    content = bytearray((tmp_path / "other" / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "other" / "model.safetensors").write_bytes(content)
    place = damaged(folder, tmp_path, lambda tensors: None)
    facts = json.loads((place / "bundle.json").read_text())
    facts["text_encoder"]["model"] = str(tmp_path / "other")
    (place / "bundle.json").write_text(json.dumps(facts))

    with pytest.raises(BundleError, match=r"the text encoder is another one .* model.safetensors"):
        load_bundle(place)


@pytest.mark.parametrize("run", ["trained"], indirect=True)
def test_a_fit_that_was_sent_away_is_the_same(folder, run, tmp_path):
    """As another process gets it: the states are mapped there, the encoders loaded there."""
    _, result = run
    study = load_study(folder / "trained.yaml")
    cases = embed_corpus(import_study(study), study)
    worker = FitWorker(study=study, cases=cases, checkpoints=tmp_path, data=result.data_hash)
    job = FitJob(component=study.fusion, fold=result.plan.folds[0], seed=study.seed)

    pickle.loads(pickle.dumps(worker))(job)

    place = "word_concat/repeat0-fold0-seed7/history.jsonl"
    there = (folder / "runs" / "trained" / "checkpoints" / place).read_bytes()
    assert (tmp_path / place).read_bytes() == there


def test_what_cannot_be_trained_is_one_line_before_anything_is_read(folder, capsys):
    content = yaml.safe_load((folder / "trained.yaml").read_text())
    content["finetune"]["text_layers"] = 9
    content["corpus"]["path"] = "nowhere.csv"
    (folder / "deep.yaml").write_text(yaml.safe_dump(content))

    assert main(["run", str(folder / "deep.yaml"), "--out", str(folder / "deep")]) == 2

    said = capsys.readouterr().err.strip()
    assert "finetune.text_layers" in said
    assert "has 2 layers; found 9" in said
    assert len(said.splitlines()) == 1
