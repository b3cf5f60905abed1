"""The real loading code on tiny checkpoints that the library's own writers saved."""

import numpy as np
import pytest
import torch

from checkpoints import (
    AUDIO_KINDS,
    D_AUDIO,
    D_TEXT,
    TEXT_KINDS,
    WORDS,
    save_audio_checkpoint,
    save_text_checkpoint,
)
from cogspeech.embeddings.extract import CONTEXT_S, encode_frames
from cogspeech.embeddings.huggingface import (
    HuggingFaceAudioEncoder,
    HuggingFaceTextEncoder,
    checkpoint_folder,
)
from cogspeech.errors import EncoderError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module", params=AUDIO_KINDS)
def audio_encoder(request, tmp_path_factory):
    folder = save_audio_checkpoint(request.param, tmp_path_factory.mktemp(request.param))
    return HuggingFaceAudioEncoder(HuggingFaceAudioEncoder.Options(model=str(folder)))


@pytest.fixture(scope="module", params=TEXT_KINDS)
def text_encoder(request, tmp_path_factory):
    folder = save_text_checkpoint(request.param, tmp_path_factory.mktemp(request.param))
    return HuggingFaceTextEncoder(HuggingFaceTextEncoder.Options(model=str(folder)))


def noise(samples, seed=0):
    return np.random.default_rng(seed).standard_normal(samples).astype(np.float32)


def test_audio_sizes_are_discovered(audio_encoder):
    assert audio_encoder.dimension == D_AUDIO
    assert audio_encoder.sample_rate_hz == 16_000
    assert audio_encoder.geometry.stride == 320


@pytest.mark.parametrize("samples", [400, 719, 720, 16_000, 31_999])
def test_the_encoder_gives_as_many_frames_as_its_geometry_says(audio_encoder, samples):
    frames = audio_encoder.encode(noise(samples)[None])

    assert frames.shape == (1, audio_encoder.geometry.num_frames(samples), D_AUDIO)
    assert np.isfinite(frames).all()


def test_a_frame_covers_the_samples_its_geometry_says(tmp_path):
    """Convolutions without group normalisation: only frames that see a sample change with it."""
    folder = save_audio_checkpoint("wav2vec2-layer-norm", tmp_path)
    encoder = HuggingFaceAudioEncoder(HuggingFaceAudioEncoder.Options(model=str(folder)))
    extractor = encoder._model.feature_extractor
    samples = torch.from_numpy(noise(8_000))[None]
    changed = samples.clone()
    changed[0, 3_333] += 1.0

    with torch.inference_mode():
        before, after = extractor(samples)[0], extractor(changed)[0]

    moved = torch.nonzero((before != after).any(dim=0)).flatten().tolist()
    geometry = encoder.geometry
    expected = [
        frame
        for frame in range(geometry.num_frames(8_000))
        if frame * geometry.stride <= 3_333 < frame * geometry.stride + geometry.kernel
    ]
    assert moved == expected


def test_a_window_gives_the_same_frames_alone_and_among_others(audio_encoder):
    windows = np.stack([noise(8_000, seed) for seed in range(3)])

    together = audio_encoder.encode(windows)

    for index in range(3):
        alone = audio_encoder.encode(windows[index : index + 1])[0]
        np.testing.assert_allclose(together[index], alone, atol=1e-5)


def test_normalisation_is_over_the_recording(audio_encoder):
    prepared = audio_encoder.prepare(noise(16_000) * 3 + 1)

    if audio_encoder.geometry.centred:
        np.testing.assert_array_equal(prepared, noise(16_000) * 3 + 1)
    else:
        np.testing.assert_allclose([prepared.mean(), prepared.std()], [0, 1], atol=1e-4)


def test_long_audio_is_encoded_in_windows_without_a_gap(audio_encoder):
    samples = audio_encoder.prepare(noise(16_000 * 45))

    frames = encode_frames(samples, audio_encoder)

    assert frames.shape == (audio_encoder.geometry.num_frames(len(samples)), D_AUDIO)
    assert np.isfinite(frames).all()
    assert CONTEXT_S > 0


def test_the_fingerprint_changes_with_the_weights_and_needs_no_model(tmp_path):
    folder = save_audio_checkpoint("wav2vec2", tmp_path)
    options = HuggingFaceAudioEncoder.Options(model=str(folder))
    before = HuggingFaceAudioEncoder(options).fingerprint()
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)

    encoder = HuggingFaceAudioEncoder(options)

    assert encoder.fingerprint() != before
    assert "_model" not in vars(encoder)


def test_text_tokens_know_their_word(text_encoder):
    tokens = text_encoder.encode(("the", "boy", "climbs", "unseenword", "ladder"))

    assert text_encoder.dimension == D_TEXT == tokens.vectors.shape[1]
    assert sorted(set(tokens.word_index.tolist())) == [0, 1, 2, 3, 4]
    assert (np.diff(tokens.word_index) >= 0).all()
    assert (tokens.word_index == 3).sum() > 1


def test_a_short_text_is_what_the_model_gives_without_special_tokens(text_encoder):
    words = ["the", "boy", "falls"]

    tokens = text_encoder.encode(tuple(words))

    tokenizer = text_encoder._tokenizer
    encoded = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    with torch.inference_mode():
        hidden = text_encoder._model(input_ids=encoded["input_ids"]).last_hidden_state[0, 1:-1]
    np.testing.assert_allclose(tokens.vectors, hidden.numpy(), atol=1e-6)


def test_a_long_text_is_read_in_windows_and_nothing_is_cut_off(text_encoder):
    words = tuple(WORDS[index % len(WORDS)] for index in range(150))
    whole = text_encoder._tokenizer(list(words), is_split_into_words=True, add_special_tokens=False)

    tokens = text_encoder.encode(words)

    assert tokens.word_index.tolist() == whole.word_ids()
    assert np.isfinite(tokens.vectors).all()
    assert np.linalg.norm(tokens.vectors, axis=1).min() > 0


def test_a_folder_without_safetensors_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")

    with pytest.raises(EncoderError, match="pickled weights are never read"):
        checkpoint_folder(str(tmp_path))


def test_a_folder_without_config_is_refused(tmp_path):
    with pytest.raises(EncoderError, match=r"no config\.json"):
        checkpoint_folder(str(tmp_path))


def test_an_unknown_hub_name_is_one_clear_error_offline():
    with pytest.raises(EncoderError, match="neither a local folder nor available"):
        checkpoint_folder("nobody/never-heard-of")


def test_a_broken_config_is_refused(tmp_path):
    folder = save_text_checkpoint("bert", tmp_path)
    (folder / "config.json").write_text('{"model_type": "no-such-model"}')

    with pytest.raises(EncoderError, match=r"its config\.json cannot be read"):
        HuggingFaceTextEncoder(HuggingFaceTextEncoder.Options(model=str(folder)))


def test_an_audio_encoder_without_convolutions_is_refused(tmp_path):
    folder = save_text_checkpoint("bert", tmp_path)
    encoder = HuggingFaceAudioEncoder(HuggingFaceAudioEncoder.Options(model=str(folder)))

    with pytest.raises(EncoderError, match="no convolutions"):
        _ = encoder.geometry


def test_weights_that_cannot_be_loaded_are_refused(tmp_path):
    folder = save_text_checkpoint("bert", tmp_path)
    (folder / "model.safetensors").write_bytes(b"not a tensor file")
    encoder = HuggingFaceTextEncoder(HuggingFaceTextEncoder.Options(model=str(folder)))

    with pytest.raises(EncoderError, match="weights cannot be loaded"):
        encoder.encode(("a",))


def test_words_without_any_token_are_refused(text_encoder, monkeypatch):
    monkeypatch.setattr(text_encoder, "_hidden", lambda ids: np.zeros((len(ids), D_TEXT), "f4"))

    with pytest.raises(EncoderError, match="found no token"):
        text_encoder.encode(())


def test_where_two_windows_see_a_token_their_vectors_are_averaged(text_encoder):
    ones = np.ones((3, D_TEXT), dtype=np.float32)

    tokens = text_encoder._averaged([(0, ones, [0, 1, 2]), (2, 3 * ones, [2, 3, 4])])

    assert tokens.vectors[:, 0].tolist() == [1.0, 1.0, 2.0, 3.0, 3.0]
    assert tokens.word_index.tolist() == [0, 1, 2, 3, 4]


def test_the_text_fingerprint_changes_with_the_weights(tmp_path):
    options = HuggingFaceTextEncoder.Options(model=str(save_text_checkpoint("bert", tmp_path)))
    before = HuggingFaceTextEncoder(options).fingerprint()
    weights = tmp_path / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)

    assert HuggingFaceTextEncoder(options).fingerprint() != before
