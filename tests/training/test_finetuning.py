"""Encoder layers that are trained with a fusion; the frozen path is the reference."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from checkpoints import AUDIO_KINDS, TEXT_KINDS, save_audio_checkpoint, save_text_checkpoint
from cogspeech.cache import ContentCache, cache_folder
from cogspeech.config import Component, Study, TrainingSection
from cogspeech.corpora.base import import_corpus
from cogspeech.embeddings.corpus import embed_corpus
from cogspeech.errors import BundleError, CogspeechError, ConfigError
from cogspeech.fusion.base import ModelSizes, build_fusion
from cogspeech.training.finetuning import Finetuning
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.trainer import Trainer
from tone_corpora import tone_corpus

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
BOTH = {"audio_layers": 1, "text_layers": 1, "dropout": False}
FUSION = {"name": "aligned_cross_attention", "d_model": 16}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Every family, saved once."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for kind in AUDIO_KINDS:
        save_audio_checkpoint(kind, folder / kind)
    for kind in TEXT_KINDS:
        save_text_checkpoint(kind, folder / kind)
    return folder


@pytest.fixture(scope="module")
def corpus_folder(tmp_path_factory):
    """Eight participants; 7 s of noise and 12 words or more, so a text has several windows."""
    folder = tmp_path_factory.mktemp("corpus")
    tone_corpus(folder, participants=8, words=12)
    return folder


def a_study(checkpoints, corpus_folder, *, audio="wav2vec2", text="bert", finetune=None, **more):
    content = {
        "corpus": {"path": str(corpus_folder / "recordings.csv")},
        "audio_encoder": {
            "name": "huggingface", "model": str(checkpoints / audio), "window_s": 2, "context_s": 1,
        },
        "text_encoder": {"name": "huggingface", "model": str(checkpoints / text)},
        "fusion": FUSION,
        "finetune": finetune,
        "training": {"max_epochs": 3, "batch_size": 4},
        **more,
    }  # fmt: skip
    return Study.model_validate(content)


def embedded(study):
    corpus = import_corpus(study.corpus, study.target)
    return [case.embedded for case in embed_corpus(corpus, study)]


def part(recordings):
    return LabelledPart(
        recordings=tuple(recordings), labels=tuple(n % 2 for n in range(len(recordings)))
    )


def fitted(study, recordings, **given):
    given = {"section": study.training, "seed": 3, "resume": False, **given}
    trainer = Trainer(
        Component(**FUSION),
        given["section"],
        seed=given["seed"],
        folder=given.get("folder"),
    )
    return trainer.fit(
        part(recordings[:6]),
        part(recordings[4:]),
        finetuning=Finetuning.of(study),
        resume=given["resume"],
    )


def model_of(study, recordings):
    torch.manual_seed(0)
    model = build_fusion(study.fusion, ModelSizes.of(recordings[0], num_outputs=1))
    Finetuning.of(study).attach(model)
    return model


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    ("audio", "text"), [*((kind, "bert") for kind in AUDIO_KINDS), *(("hubert", k) for k in TEXT_KINDS)]
)  # fmt: skip
def test_untrained_layers_give_the_vectors_of_the_frozen_encoders(
    checkpoints, corpus_folder, audio, text, count
):
    finetune = {"audio_layers": count, "text_layers": count}
    study = a_study(checkpoints, corpus_folder, audio=audio, text=text, finetune=finetune)
    recordings = embedded(study)[:3]
    model = model_of(study, recordings).eval()

    with torch.inference_mode():
        inputs = model.inputs_of(recordings)

    assert len(recordings[0].event_states.window_lengths) > 2
    for row, recording in enumerate(recordings):
        for side in ("event", "token"):
            frozen = getattr(recording, f"{side}_vectors")
            live = getattr(inputs, f"{side}_vectors")[row]
            np.testing.assert_allclose(live[: len(frozen)].numpy(), frozen, atol=1e-5)
            assert not live[len(frozen) :].any()


@pytest.mark.parametrize("adapter", ["none", "lora"])
@pytest.mark.parametrize(
    ("audio", "text"), [("wav2vec2", "bert"), ("wav2vec2-layer-norm", "roberta")]
)
def test_a_rate_of_zero_is_the_fit_with_frozen_encoders(
    checkpoints, corpus_folder, audio, text, adapter
):
    finetune = {**BOTH, "learning_rate": 0, "adapter": adapter}
    frozen_study, study = (
        a_study(checkpoints, corpus_folder, audio=audio, text=text, finetune=section)
        for section in (None, finetune)
    )
    frozen = fitted(frozen_study, embedded(frozen_study))

    live = fitted(study, embedded(study))

    for one, two in zip(frozen.history, live.history, strict=True):
        assert two.training_loss == pytest.approx(one.training_loss, abs=1e-5)
        assert two.validation_loss == pytest.approx(one.validation_loss, abs=1e-5)
    assert live.best_epoch == frozen.best_epoch
    weights = live.model.state_dict()
    for name, tensor in frozen.model.state_dict().items():
        torch.testing.assert_close(weights[name], tensor, atol=1e-5, rtol=0)
