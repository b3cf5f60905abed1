"""Every encoder there is, and every one added tomorrow."""

import json

import numpy as np
import pytest

from checkpoints import save_audio_checkpoint, save_text_checkpoint
from cogspeech.embeddings.base import AUDIO_ENCODERS, TEXT_ENCODERS, Level

WORDS = ("the", "boy", "um", "climbs", "a", "ladder")


def options(name, kind, folder):
    if name != "huggingface":
        return {}
    save = {"audio": save_audio_checkpoint, "text": save_text_checkpoint}[kind]
    return {"model": str(save({"audio": "wav2vec2", "text": "roberta"}[kind], folder))}


@pytest.fixture(scope="module", params=AUDIO_ENCODERS.names())
def audio_encoder(request, tmp_path_factory):
    plugin = AUDIO_ENCODERS.get(request.param)
    chosen = options(request.param, "audio", tmp_path_factory.mktemp("audio"))
    return plugin(plugin.Options(**chosen))


@pytest.fixture(scope="module", params=TEXT_ENCODERS.names())
def text_encoder(request, tmp_path_factory):
    plugin = TEXT_ENCODERS.get(request.param)
    chosen = options(request.param, "text", tmp_path_factory.mktemp("text"))
    return plugin(plugin.Options(**chosen))


def test_audio_frames_have_the_promised_shape(audio_encoder):
    samples = np.random.default_rng(0).standard_normal((2, 12_345)).astype(np.float32)

    frames = audio_encoder.encode(samples)

    expected = (2, audio_encoder.geometry.num_frames(12_345), audio_encoder.dimension)
    assert frames.shape == expected
    assert frames.dtype == np.float32
    assert np.isfinite(frames).all()


def test_audio_in_any_batch_gives_the_same_frames(audio_encoder):
    samples = np.random.default_rng(1).standard_normal((3, 9_000)).astype(np.float32)

    together = audio_encoder.encode(samples)

    alone = np.concatenate([audio_encoder.encode(row[None]) for row in samples])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_one_frame_is_the_shortest_audio(audio_encoder):
    geometry = audio_encoder.geometry
    shortest = 1 if geometry.centred else geometry.kernel

    assert geometry.num_frames(shortest) == 1
    assert geometry.num_frames(shortest - 1) == 0


def test_preparing_keeps_the_length(audio_encoder):
    samples = np.random.default_rng(2).standard_normal(5_000).astype(np.float32)

    prepared = audio_encoder.prepare(samples, Level(mean=0.1, variance=0.9))

    assert prepared.shape == samples.shape
    assert prepared.dtype == np.float32


def test_every_word_has_a_token(text_encoder):
    tokens = text_encoder.encode(WORDS)

    assert tokens.vectors.shape == (len(tokens.word_index), text_encoder.dimension)
    assert set(tokens.word_index.tolist()) == set(range(len(WORDS)))
    assert (np.linalg.norm(tokens.vectors, axis=1) > 0).all()


def test_an_audio_fingerprint_is_json_and_names_the_encoder(audio_encoder):
    assert json.loads(json.dumps(audio_encoder.fingerprint()))["name"]
    assert audio_encoder.fingerprint() == audio_encoder.fingerprint()


def test_a_text_fingerprint_is_json_and_names_the_encoder(text_encoder):
    assert json.loads(json.dumps(text_encoder.fingerprint()))["name"]
    assert text_encoder.fingerprint() == text_encoder.fingerprint()
