"""Encoder layers that are trained with a fusion; the frozen path is the reference."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from checkpoints import AUDIO_KINDS, TEXT_KINDS, save_audio_checkpoint, save_text_checkpoint
from cogspeech.config import Study
from cogspeech.corpora.base import import_corpus
from cogspeech.embeddings.corpus import embed_corpus
from cogspeech.embeddings.trained_layers import TrainedLayers
from cogspeech.errors import BundleError, ConfigError, EncoderError, MissingExtra
from cogspeech.fusion.base import ModelSizes, build_fusion
from cogspeech.settings import Component
from cogspeech.training import trainer
from cogspeech.training.finetuning import Finetuning
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.prediction import predict_outputs
from tone_corpora import tone_corpus

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
FAMILIES = [*((kind, "bert") for kind in AUDIO_KINDS), *(("hubert", kind) for kind in TEXT_KINDS)]
TWO = [("wav2vec2", "bert"), ("wav2vec2-layer-norm", "roberta")]
"""With group norm and without a last norm; with layer norm and a last norm."""
BOTH = {"audio_layers": 1, "text_layers": 1, "dropout": False}
FUSION = {"name": "aligned_cross_attention", "d_model": 16}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Every family, saved once; and eight participants who say 12 words or more."""
    folder = tmp_path_factory.mktemp("places")
    for kind in AUDIO_KINDS:
        save_audio_checkpoint(kind, folder / kind)
    for kind in TEXT_KINDS:
        save_text_checkpoint(kind, folder / kind)
    tone_corpus(folder / "corpus", participants=8, words=6)
    tone_corpus(folder / "long", participants=2, words=20)
    return folder


def a_study(places, *, audio="wav2vec2-layer-norm", text="roberta", finetune=None, **more):
    content = {
        "corpus": {"path": str(places / "corpus" / "recordings.csv")},
        "audio_encoder": {
            "name": "huggingface", "model": str(places / audio), "window_s": 2, "context_s": 1,
        },
        "text_encoder": {"name": "huggingface", "model": str(places / text)},
        "fusion": FUSION,
        "finetune": finetune,
        "training": {"max_epochs": 3, "batch_size": 4},
        **more,
    }  # fmt: skip
    return Study.model_validate(content)


def embedded(study):
    corpus = import_corpus(study.corpus, study.target)
    return [case.embedded for case in embed_corpus(corpus, study)]


@pytest.fixture(scope="module")
def recordings(places):
    """With the states of the last layer of both encoders."""
    return embedded(a_study(places, finetune=BOTH))


def part(recordings):
    labels = tuple(n % 2 for n in range(len(recordings)))
    return LabelledPart(recordings=tuple(recordings), labels=labels)


def fitted(study, recordings, *, folder=None, resume=False, fusion=None, **training):
    section = study.training.model_copy(update=training)
    given = fusion or study.fusion
    return trainer.Trainer(given, section, seed=3, folder=folder).fit(
        part(recordings[:6]),
        part(recordings[4:]),
        finetuning=Finetuning.of(study),
        resume=resume,
    )


def model_of(study, recordings):
    torch.manual_seed(0)
    model = build_fusion(study.fusion, ModelSizes.of(recordings[0], num_outputs=1))
    Finetuning.of(study).attach(model)
    return model


def frozen(recordings):
    return [replace(each, event_states=None, token_states=None) for each in recordings]


def fresh_layers(study):
    """The trained layers as the checkpoints have them, by the names of a model's weights."""
    audio, text = Finetuning.of(study).encoders
    return {
        f"encoders.layers.{stream}.{name}": tensor
        for stream, encoder in (("audio", audio), ("text", text))
        for name, tensor in encoder.trained_layers().state_dict().items()
    }


@pytest.mark.parametrize(
    ("audio", "text", "count"),
    [*((*pair, 1) for pair in FAMILIES), ("wavlm", "bert", 2), ("wav2vec2", "distilbert", 2)],
)
def test_untrained_layers_give_the_vectors_of_the_frozen_encoders(places, audio, text, count):
    """Several windows on both sides, the last of another length."""
    finetune = {"audio_layers": count, "text_layers": count}
    corpus = {"path": str(places / "long" / "recordings.csv")}
    study = a_study(places, audio=audio, text=text, finetune=finetune, corpus=corpus)
    long = embedded(study)[: 1 if audio == "whisper" else 2]
    model = model_of(study, long).eval()

    for is_training in (False, True):
        with torch.set_grad_enabled(is_training):
            inputs = model.inputs_of(long)
        for row, recording in enumerate(long):
            for side in ("event", "token"):
                assert len(getattr(recording, f"{side}_states").window_lengths) > 1
                vectors = getattr(recording, f"{side}_vectors")
                live = getattr(inputs, f"{side}_vectors")[row]
                np.testing.assert_allclose(live[: len(vectors)].detach(), vectors, atol=1e-5)


@pytest.mark.parametrize("pooling", ["in_context", "isolated_words"])
def test_both_ways_to_pool_words_are_followed(places, pooling):
    study = a_study(places, finetune=BOTH)
    encoder = study.audio_encoder.model_copy(update={"pooling": pooling})
    study = study.model_copy(update={"audio_encoder": encoder})
    some = embedded(study)[:2]

    with torch.inference_mode():
        live = model_of(study, some).eval().inputs_of(some).event_vectors

    vectors = some[0].event_vectors
    np.testing.assert_allclose(live[0, : len(vectors)], vectors, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("adapter", ["none", "lora"])
@pytest.mark.parametrize(("audio", "text"), TWO)
def test_a_rate_of_zero_is_the_fit_with_frozen_encoders(places, audio, text, adapter):
    finetune = {**BOTH, "learning_rate": 0, "adapter": adapter}
    study = a_study(places, audio=audio, text=text, finetune=finetune)
    some = embedded(study)

    live = fitted(study, some)

    still = fitted(a_study(places), frozen(some))
    for one, two in zip(still.history, live.history, strict=True):
        assert two.training_loss == pytest.approx(one.training_loss, abs=1e-5)
        assert two.validation_loss == pytest.approx(one.validation_loss, abs=1e-5)
    assert live.best_epoch == still.best_epoch
    before, after = predict_outputs(still.model, frozen(some)), predict_outputs(live.model, some)
    torch.testing.assert_close(after, before, atol=1e-5, rtol=0)
    weights = live.model.state_dict()
    if adapter == "none":
        for name, tensor in fresh_layers(study).items():
            assert torch.equal(weights[name], tensor), name


def test_a_rate_of_zero_is_the_frozen_fit_to_the_bit_where_windows_are_read_one_by_one(
    places, recordings
):
    """As transcripts are: then no sum is taken in another order."""
    study = a_study(places, finetune={**BOTH, "learning_rate": 0})
    text_only = Component(name="text_only", d_model=16)

    live = fitted(study, recordings, fusion=text_only)

    still = fitted(a_study(places), frozen(recordings), fusion=text_only)
    weights = live.model.state_dict()
    for name, tensor in still.model.state_dict().items():
        assert torch.equal(weights[name], tensor), name
    assert live.history == still.history


def test_gradient_reaches_the_layers_that_are_trained_and_nothing_below(places, recordings):
    study = a_study(places, finetune={**BOTH, "learning_rate": 1e-3})
    model = model_of(study, recordings)

    model(model.inputs_of(recordings[:3])).logits.sum().backward()

    reached = {
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().max() > 0
    }
    trained = fresh_layers(study)
    assert trained.keys() <= {name for name, _ in model.named_parameters()}
    assert {name for name in trained if ".bias" not in name} <= reached
    assert {name.split(".")[2] for name in trained} == {"audio", "text"}
    assert not [name for name in trained if ".blocks.1." in name]


def test_only_the_trained_layers_change_and_the_checkpoint_stays(places, recordings):
    study = a_study(places, finetune={**BOTH, "learning_rate": 1e-3})
    files = {p: p.read_bytes() for p in places.glob("*/model.safetensors")}

    weights = fitted(study, recordings).model.state_dict()

    for name, tensor in fresh_layers(study).items():
        assert not torch.equal(weights[name], tensor), name
    assert {p: p.read_bytes() for p in places.glob("*/model.safetensors")} == files


def test_a_fusion_trains_only_what_it_reads(places, recordings):
    study = a_study(places, finetune={**BOTH, "learning_rate": 1e-3})

    models = {
        name: fitted(study, recordings, fusion=Component(name=name), max_epochs=1).model
        for name in ("text_only", "pause_only")
    }

    assert list(models["text_only"].encoders.layers) == ["text"]
    assert models["pause_only"].encoders is None


def test_the_loss_falls_through_the_encoders_alone(places, recordings):
    """The fusion stands nearly still; without trained layers the loss does too."""
    still = {"learning_rate": 1e-5, "warmup_fraction": 0.0, "batch_size": 6}
    fusion = Component(**FUSION, dropout=0)
    losses = {}
    for rate in (0, 3e-3):
        study = a_study(places, finetune={**BOTH, "learning_rate": rate})
        fit = fitted(study, recordings, fusion=fusion, max_epochs=12, patience=12, **still)
        losses[rate] = [epoch.training_loss for epoch in fit.history]

    assert losses[0][0] - losses[0][-1] < 0.005
    assert losses[3e-3][0] - losses[3e-3][-1] > 0.05


def test_gradient_checkpointing_is_the_same_fit_with_less_memory(places, recordings):
    fits, kept = [], []
    for saves in (False, True):
        finetune = {**BOTH, "dropout": True, "gradient_checkpointing": saves, "learning_rate": 1e-3}
        study = a_study(places, finetune=finetune)
        fits.append(fitted(study, recordings, max_epochs=2))
        sizes = []

        def pack(tensor, sizes=sizes):
            sizes.append(tensor.nbytes)
            return tensor

        model = model_of(study, recordings)
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            model.inputs_of(recordings[:3])
        kept.append(sum(sizes))

    one, two = (fit.model.state_dict() for fit in fits)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert kept[1] < kept[0] / 2


def test_dropout_of_the_encoders_is_there_if_asked_for(places, recordings):
    for dropout in (False, True):
        model = model_of(a_study(places, finetune={**BOTH, "dropout": dropout}), recordings)
        one, two = (model.train().inputs_of(recordings[:1]).event_vectors for _ in range(2))

        assert torch.equal(one, two) is not dropout
        one, two = (model.eval().inputs_of(recordings[:1]).event_vectors for _ in range(2))
        assert torch.equal(one, two)


@pytest.mark.parametrize(("audio", "text"), [*TWO, ("wavlm", "distilbert")])
def test_of_adapters_nothing_else_is_trained_or_kept(places, audio, text):
    finetune = {**BOTH, "adapter": "lora", "rank": 2, "learning_rate": 1e-3}
    study = a_study(places, audio=audio, text=text, finetune=finetune)
    some = embedded(study)
    before = model_of(study, some)
    of_encoder = {n: p.detach().clone() for n, p in before.encoders.named_parameters()}
    torch.manual_seed(0)

    fit = fitted(study, some)

    kept = [name for name in fit.model.state_dict() if name.startswith("encoders.")]
    assert len(kept) == 8
    assert all(".lora_A." in name or ".lora_B." in name for name in kept)
    assert {name.split(".")[2] for name in kept} == {"audio", "text"}
    for name, parameter in fit.model.encoders.named_parameters():
        assert parameter.requires_grad is (".lora_" in name)
        if ".lora_B." in name:
            assert parameter.abs().max() > 0
        elif ".lora_A." not in name:
            assert torch.equal(parameter, of_encoder[name]), name


@pytest.mark.slow
@pytest.mark.parametrize(("adapter", "cut_after"), [("none", 1), ("none", 4), ("lora", 3)])
def test_a_fit_that_was_cut_off_goes_on_to_the_same_bits(
    places, recordings, tmp_path, monkeypatch, cut_after, adapter
):
    finetune = {**BOTH, "dropout": True, "adapter": adapter, "learning_rate": 1e-3}
    study = a_study(places, finetune=finetune)
    often = {"checkpoint_every_s": 0.0, "averaging": "ema"}
    whole = fitted(study, recordings, folder=tmp_path / "whole", **often)
    steps = []
    take_step = trainer._Fit._take_step

    def cut(self, *args):
        if len(steps) == cut_after:
            raise KeyboardInterrupt
        steps.append(args)
        take_step(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(trainer._Fit, "_take_step", cut)
        with pytest.raises(KeyboardInterrupt):
            fitted(study, recordings, folder=tmp_path / "cut", **often)

    resumed = fitted(study, recordings, folder=tmp_path / "cut", resume=True, **often)

    assert resumed.history == whole.history
    one, two = whole.model.state_dict(), resumed.model.state_dict()
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(
    ("side", "count", "encoder", "message"),
    [
        ("audio", 1, {"name": "acoustic"}, r"finetune.audio_layers: this encoder has no layers"),
        ("text", 1, {"name": "hashed_words"}, r"finetune.text_layers: this encoder has no layers"),
        ("audio", 3, {}, r"finetune.audio_layers: .* has 2 layers; found 3"),
        ("audio", 1, {"layers": [-1]}, r"only 'layers: last' goes with trained"),
        ("text", 1, {"dtype": "bfloat16"}, r"float32; found 'dtype: bfloat16'"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(places, side, count, encoder, message):
    study = a_study(places, finetune={f"{side}_layers": count})
    given = encoder if "name" in encoder else getattr(study, f"{side}_encoder").model_dump()
    changed = {f"{side}_encoder": Component(**{**given, **encoder})}

    with pytest.raises(ConfigError, match=message) as caught:
        Finetuning.of(study.model_copy(update=changed))

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({}, "needs 'audio_layers' or 'text_layers' above 0"),
        ({"audio_layers": 1, "rank": 4}, "'rank' has no meaning without 'adapter: lora'"),
        ({"audio_layers": -1}, "greater than or equal to 0"),
        ({"audio_layers": 1, "adapter": "prefix"}, "'none' or 'lora'"),
    ],
)
def test_a_section_that_makes_no_sense_is_refused(places, section, message):
    with pytest.raises(ValueError, match=message):
        a_study(places, finetune=section)


def test_adapters_without_their_library_are_refused_at_once(places, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)

    with pytest.raises(MissingExtra, match=r"pip install 'cogspeech\[peft\]'"):
        Finetuning.of(a_study(places, finetune={**BOTH, "adapter": "lora"}))


def test_a_recording_without_states_is_refused_and_never_read_as_frozen(places, recordings):
    model = model_of(a_study(places, finetune=BOTH), recordings)

    with pytest.raises(BundleError, match=r"its audio was embedded for frozen encoders"):
        predict_outputs(model, frozen(recordings)[:1])


def test_a_model_whose_last_layers_alone_compute_something_else_is_refused(places, monkeypatch):
    monkeypatch.setattr(TrainedLayers, "forward", lambda self, states, **_: states * 2)

    with pytest.raises(EncoderError, match=r"do not give what the whole model gives"):
        embedded(a_study(places, finetune=BOTH))
