"""What must hold for every fusion there is, and for every one added tomorrow."""

import dataclasses

import pytest
import torch

from cogspeech.config import Component, TargetSection, TranscriptsSection
from cogspeech.fusion.base import FUSIONS, ModelSizes, build_fusion, collate
from cogspeech.training.bundle import BundleFacts, load_bundle, make_bundle, save_bundle
from conftest import make_embedded

RECORDINGS = [make_embedded(f"r{i}", words=words, seed=i) for i, words in enumerate([6, 3, 9])]


@pytest.fixture(params=FUSIONS.names())
def model(request):
    torch.manual_seed(0)
    built = build_fusion(Component(name=request.param), ModelSizes(d_audio=5, d_text=3)).eval()
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    built.fit_scaling(RECORDINGS)
    return built


def logits(model, recordings):
    with torch.inference_mode():
        return model(collate(recordings)).logits


def test_padding_and_batch_mates_change_nothing(model):
    together = logits(model, RECORDINGS)

    alone = torch.cat([logits(model, [recording]) for recording in RECORDINGS])

    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_what_stands_in_the_padding_changes_nothing(model):
    clean = collate(RECORDINGS)
    noise = {
        "event_vectors": clean.event_vectors.masked_fill(~clean.event_is_real[..., None], 1e3),
        "token_vectors": clean.token_vectors.masked_fill(~clean.token_is_real[..., None], -1e3),
        "event_word": clean.event_word.masked_fill(~clean.event_is_real, 77),
        "event_duration_s": clean.event_duration_s.masked_fill(~clean.event_is_real, 50.0),
        "token_word": clean.token_word.masked_fill(~clean.token_is_real, 99),
    }

    with torch.inference_mode():
        dirty = model(dataclasses.replace(clean, **noise)).logits
        torch.testing.assert_close(dirty, model(clean).logits, atol=1e-5, rtol=0)


def test_the_order_of_the_batch_changes_nothing(model):
    forwards = logits(model, RECORDINGS)

    torch.testing.assert_close(logits(model, RECORDINGS[::-1]).flip(0), forwards, atol=1e-5, rtol=0)


def test_each_stream_that_is_read_matters_and_no_other(model):
    recording = RECORDINGS[0]
    changed = {
        "audio": dataclasses.replace(recording, event_vectors=recording.event_vectors + 1.0),
        "text": dataclasses.replace(recording, token_vectors=recording.token_vectors + 1.0),
    }
    before = logits(model, [recording])

    moved = {
        stream: not torch.allclose(logits(model, [other]), before, atol=1e-4)
        for stream, other in changed.items()
    }

    assert moved == {stream: stream in model.streams for stream in ("audio", "text")}


def test_gradient_reaches_every_parameter(model):
    model.train()
    model(collate(RECORDINGS)).logits.square().sum().backward()

    untouched = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert untouched == []


def test_attention_on_request_leaves_the_logits_alone(model):
    inputs = collate(RECORDINGS)

    with torch.inference_mode():
        asked, plain = model(inputs, return_attention=True), model(inputs)

    assert plain.attention is None
    assert torch.equal(asked.logits, plain.logits)
    if asked.attention is not None:
        torch.testing.assert_close(asked.attention.sum(-1), torch.ones(asked.attention.shape[:-1]))


def test_saved_and_loaded_it_gives_the_same_bits(model, tmp_path):
    name = next(n for n in FUSIONS.names() if FUSIONS.get(n) is type(model))
    facts = BundleFacts(
        study="s",
        target=TargetSection(classes=("a", "b")),
        fusion=Component(name=name),
        audio_encoder=Component(name="acoustic"),
        text_encoder=Component(name="hashed_words"),
        transcripts=TranscriptsSection(),
        sizes=ModelSizes(d_audio=5, d_text=3),
        fewest_words=1,
        sample_rates_hz=(16_000,),
        training={},
        notice=None,
    )

    save_bundle(make_bundle(model, facts), tmp_path)

    loaded = load_bundle(tmp_path)
    assert loaded.facts == facts
    assert torch.equal(logits(loaded.model, RECORDINGS), logits(model, RECORDINGS))
