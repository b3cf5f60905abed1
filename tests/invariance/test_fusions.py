"""What must hold for every fusion there is, and for every one added tomorrow."""

import dataclasses

import numpy as np
import pytest
import torch

from cogspeech.config import TargetSection, TranscriptsSection
from cogspeech.errors import BundleError
from cogspeech.fusion.base import collate
from cogspeech.settings import Component
from cogspeech.training.bundle import load_bundle, make_bundle, save_bundle
from cogspeech.training.bundle_facts import BundleFacts
from fusion_variants import RECORDINGS, SIZES, VARIANTS, label, random_model, recordings_for


@pytest.fixture(params=VARIANTS, ids=label)
def component(request):
    return request.param


@pytest.fixture
def model(component):
    return random_model(component)


def logits(model, recordings):
    with torch.inference_mode():
        return model(collate(recordings)).logits


def assert_same(found, expected):
    assert torch.isfinite(expected).all()
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_padding_and_batch_mates_change_nothing(model):
    recordings = recordings_for(model)

    alone = torch.cat([logits(model, [recording]) for recording in recordings])

    assert_same(logits(model, recordings), alone)


def test_what_stands_in_the_padding_changes_nothing(model):
    clean = collate(recordings_for(model))
    noise = {
        "event_vectors": clean.event_vectors.masked_fill(~clean.event_is_real[..., None], 1e3),
        "token_vectors": clean.token_vectors.masked_fill(~clean.token_is_real[..., None], -1e3),
        "event_word": clean.event_word.masked_fill(~clean.event_is_real, 2),
        "event_is_pause": clean.event_is_pause | ~clean.event_is_real,
        "event_duration_s": clean.event_duration_s.masked_fill(~clean.event_is_real, 50.0),
        "token_word": clean.token_word.masked_fill(~clean.token_is_real, 1),
    }

    with torch.inference_mode():
        assert_same(model(dataclasses.replace(clean, **noise)).logits, model(clean).logits)


def test_the_order_of_the_batch_changes_nothing(model):
    recordings = recordings_for(model)

    backwards = logits(model, recordings[::-1]).flip(0)

    assert_same(backwards, logits(model, recordings))


def test_what_is_read_matters_and_nothing_else(model):
    recording = RECORDINGS[0]
    before = logits(model, [recording])
    changed = {
        "audio": {"event_vectors": recording.event_vectors[::-1] * 2.0},
        "text": {"token_vectors": recording.token_vectors[::-1] * 2.0},
        "pauses": {"event_duration_s": recording.event_duration_s * 3.0},
        "kind": {"event_is_pause": ~recording.event_is_pause},
    }

    moved = {
        what: not torch.allclose(
            logits(model, [dataclasses.replace(recording, **change)]), before, atol=1e-4
        )
        for what, change in changed.items()
    }

    hears = bool({"audio", "pauses"} & set(model.streams))
    assert moved == {
        "audio": "audio" in model.streams,
        "text": "text" in model.streams,
        "pauses": hears,
        "kind": hears,
    }


def test_a_missing_stream_has_no_say(model):
    recording = RECORDINGS[0]
    other = dataclasses.replace(
        RECORDINGS[0],
        event_vectors=recording.event_vectors + 9.0,
        event_duration_s=recording.event_duration_s + 9.0,
        token_vectors=recording.token_vectors + 9.0,
    )
    for stream, kept in (("audio", ("token_vectors",)), ("text", ("event_vectors",))):
        lacking = dataclasses.replace(recording, missing=(stream,))
        if not model.stream_dropout:
            needs = stream in model.streams or (stream == "audio" and "pauses" in model.streams)
            if needs:
                with pytest.raises(BundleError, match=f"'r0': without its {stream} this model"):
                    model.refuse_missing([RECORDINGS[1], lacking])
            else:
                model.refuse_missing([lacking])
            continue
        model.refuse_missing([lacking])
        same = {name: getattr(recording, name) for name in kept}
        if stream == "text":
            same["event_duration_s"] = recording.event_duration_s
        unseen = dataclasses.replace(other, missing=(stream,), **same)
        found = logits(model, [lacking])
        assert_same(logits(model, [unseen]), found)
        assert not torch.allclose(found, logits(model, [recording]), atol=1e-4)


def test_gradient_reaches_every_parameter(model):
    weights = torch.tensor([1.0, -2.0])
    (model(collate(recordings_for(model))).logits * weights).sum(1).square().sum().backward()

    largest = {
        name: 0.0 if p.grad is None else float(p.grad.abs().max())
        for name, p in model.named_parameters()
    }
    assert [name for name, value in largest.items() if not value > 1e-5] == []


def test_attention_on_request_is_that_of_the_fast_path(model):
    inputs = collate(recordings_for(model))

    with torch.inference_mode():
        asked, plain = model(inputs, return_attention=True), model(inputs)

    assert plain.attention is None
    assert plain.attention_back is None
    torch.testing.assert_close(asked.logits, plain.logits, atol=1e-6, rtol=0)
    sides = ((asked.attention, inputs.token_is_real), (asked.attention_back, inputs.event_is_real))
    for attention, is_real in sides:
        if attention is not None:
            complete = ~(inputs.lacks_audio | inputs.lacks_text)
            given = attention[:, complete]
            assert attention.shape[0] == model.options.num_layers
            torch.testing.assert_close(given.sum(-1), torch.ones(given.shape[:-1]))
            unreal = ~is_real[complete][None, :, None, None].expand(given.shape)
            assert not given[unreal].any()


def test_saved_and_loaded_it_gives_the_same_bits(model, component, tmp_path):
    facts = BundleFacts(
        study="s",
        target=TargetSection(classes=("a", "b", "c"), objective=Component(name="ordinal")),
        fusion=component,
        audio_encoder=Component(name="acoustic"),
        text_encoder=Component(name="hashed_words"),
        transcripts=TranscriptsSection(),
        sizes=SIZES,
        fewest_words=1,
        sample_rates_hz=(16_000,),
        training={},
        notice=None,
    )

    save_bundle(make_bundle(model, facts), tmp_path)

    loaded = load_bundle(tmp_path)
    assert loaded.facts == facts
    recordings = recordings_for(model)
    assert torch.equal(logits(loaded.model, recordings), logits(model, recordings))


def test_two_passes_in_training_differ_only_by_dropout(model):
    model.train()
    inputs = collate(recordings_for(model))

    torch.manual_seed(3)
    first = model(inputs).logits
    torch.manual_seed(3)
    again, other = model(inputs).logits, model(inputs).logits

    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert np.isfinite(other.detach().numpy()).all()
