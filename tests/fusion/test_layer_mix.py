"""Several encoder layers: mixed with weights that are learned."""

import json

import numpy as np
import pytest
import torch

from checkpoints import D_AUDIO, D_TEXT, save_audio_checkpoint, save_text_checkpoint
from cogspeech.delivery.predictor import Predictor
from cogspeech.fusion.base import ModelSizes
from cogspeech.fusion.streams import LayerMix
from cogspeech.learning_sections import TrainingSection
from cogspeech.settings import Component
from cogspeech.study import run_study
from cogspeech.study_file import load_study
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.trainer import Trainer
from conftest import make_embedded
from tone_corpora import tone_corpus


def test_it_is_the_softmax_weighted_sum_and_begins_as_the_mean():
    mix, vectors = LayerMix(3), torch.randn(2, 5, 12)
    layers = vectors.view(2, 5, 3, 4)

    torch.testing.assert_close(mix(vectors), layers.mean(dim=2))

    torch.nn.init.normal_(mix.weight)
    weight = mix.weight.exp() / mix.weight.exp().sum()
    expected = sum(weight[layer] * layers[:, :, layer] for layer in range(3))
    torch.testing.assert_close(mix(vectors), expected)


def test_one_layer_is_left_as_it_is_and_has_no_weight():
    mix, vectors = LayerMix(1), torch.randn(2, 5, 4)

    assert mix(vectors) is vectors
    assert not list(mix.parameters())


@pytest.mark.slow
def test_the_layer_that_carries_the_signal_gets_the_weight(tmp_path):
    generator = np.random.default_rng(0)
    recordings, labels = [], []
    for number in range(80):
        made = make_embedded(f"r{number}", d_audio=12, seed=number)
        label = number % 2
        made.event_vectors[:] = generator.standard_normal(made.event_vectors.shape)
        made.event_vectors[:, 8:12] += 1.5 * label  # the third of three layers
        object.__setattr__(made, "audio_layers", 3)
        recordings.append(made)
        labels.append(label)
    part = LabelledPart(recordings=tuple(recordings), labels=tuple(labels))
    trainer = Trainer(
        Component(name="audio_only", d_model=16),
        TrainingSection(max_epochs=30, learning_rate=1e-2),
        seed=1,
        folder=tmp_path,
        identity={},
    )

    model = trainer.fit(part, part, resume=False).model

    (weight,) = [p for name, p in model.named_parameters() if name.endswith("mix.weight")]
    assert weight.argmax() == 2


def test_sizes_that_layers_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="multiple of its number of layers"):
        ModelSizes(d_audio=10, d_text=4, audio_layers=3)


def test_from_a_study_with_all_layers_to_a_prediction(tmp_path, monkeypatch):
    monkeypatch.setenv("COGSPEECH_CACHE", str(tmp_path / "cache"))
    tone_corpus(tmp_path, participants=10, words=10)
    audio = save_audio_checkpoint("wav2vec2", tmp_path / "audio-model")
    text = save_text_checkpoint("roberta", tmp_path / "text-model")
    study = {
        "corpus": {"path": "recordings.csv"},
        "audio_encoder": {"name": "huggingface", "model": str(audio), "layers": "all"},
        "text_encoder": {"name": "huggingface", "model": str(text), "layers": [1, 2]},
        "training": {"max_epochs": 2},
        "evaluation": {"outer_folds": 2, "repeats": 1, "seeds": 1},
        "compare": [],
        "probes": [],
    }
    (tmp_path / "study.yaml").write_text(json.dumps(study))

    result = run_study(load_study(tmp_path / "study.yaml"), tmp_path / "run")

    assert result.bundle.facts.sizes == ModelSizes(
        d_audio=3 * D_AUDIO, d_text=2 * D_TEXT, audio_layers=3, text_layers=2
    )
    answer = Predictor.from_folder(tmp_path / "run" / "model").predict(
        tmp_path / "audio" / "p001-v1.wav"
    )
    assert 0 < answer["probability"] < 1
