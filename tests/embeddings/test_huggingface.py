"""The real loading code on tiny checkpoints that the library's own writers saved."""

import pickle

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
from cogspeech.embeddings.base import Level
from cogspeech.embeddings.checkpoint_files import checkpoint_folder
from cogspeech.embeddings.huggingface import (
    HuggingFaceAudioEncoder,
    HuggingFaceTextEncoder,
)
from cogspeech.errors import ConfigError, EncoderError, TranscriptError

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
    extractor = encoder._checkpoint.model.feature_extractor
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
    samples = noise(16_000) * 3 + 1
    level = Level(mean=float(samples.mean()), variance=float(samples.var()))

    prepared = audio_encoder.prepare(samples, level)

    if audio_encoder.geometry.centred:
        np.testing.assert_array_equal(prepared, samples)
    else:
        expected = audio_encoder._extractor(samples, sampling_rate=16_000).input_values[0]
        np.testing.assert_allclose(prepared, expected, atol=1e-5)


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
    assert "model" not in vars(encoder._checkpoint)


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
        hidden = text_encoder._checkpoint.model(input_ids=encoded["input_ids"]).last_hidden_state[
            0, 1:-1
        ]
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


def test_words_without_any_token_are_refused(text_encoder):
    with pytest.raises(TranscriptError, match="finds no token"):
        text_encoder.encode(())


def test_where_two_windows_see_a_token_their_vectors_are_averaged(text_encoder):
    """Checked against the model itself, window by window."""
    words = [WORDS[index % len(WORDS)] for index in range(60)]
    ids = text_encoder._tokenizer(words, is_split_into_words=True, add_special_tokens=False)
    window, overlap = text_encoder._window_tokens(), text_encoder._window_tokens() // 4
    special = text_encoder._tokenizer(["the"], is_split_into_words=True)["input_ids"]
    tokens = ids["input_ids"]
    total, count = np.zeros((len(tokens), D_TEXT)), np.zeros((len(tokens), 1))
    for at in range(0, len(tokens) - overlap, window - 2 - overlap):
        piece = tokens[at : at + window - 2]
        with torch.inference_mode():
            hidden = text_encoder._checkpoint.model(
                torch.tensor([[special[0], *piece, special[-1]]])
            ).last_hidden_state[0, 1:-1]
        total[at : at + len(piece)] += hidden.numpy()
        count[at : at + len(piece)] += 1

    found = text_encoder.encode(tuple(words))

    assert count.max() == 2
    np.testing.assert_allclose(found.vectors, total / count, atol=1e-5)


def test_the_text_fingerprint_changes_with_the_weights(tmp_path):
    options = HuggingFaceTextEncoder.Options(model=str(save_text_checkpoint("bert", tmp_path)))
    before = HuggingFaceTextEncoder(options).fingerprint()
    weights = tmp_path / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)

    assert HuggingFaceTextEncoder(options).fingerprint() != before


def with_options(kind, folder, **options):
    save = save_audio_checkpoint if kind in AUDIO_KINDS else save_text_checkpoint
    plugin = HuggingFaceAudioEncoder if kind in AUDIO_KINDS else HuggingFaceTextEncoder
    return plugin(plugin.Options(model=str(save(kind, folder)), **options))


@pytest.mark.parametrize("kind", [*AUDIO_KINDS, *TEXT_KINDS])
def test_the_last_layer_is_the_output_of_the_model(kind, tmp_path):
    last, by_number = (with_options(kind, tmp_path, layers=layers) for layers in ("last", [-1]))
    data = noise(8_000)[None] if kind in AUDIO_KINDS else ("the", "boy", "falls")

    one, two = last.encode(data), by_number.encode(data)

    if kind not in AUDIO_KINDS:
        one, two = one.vectors, two.vectors
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("kind", [*AUDIO_KINDS, *TEXT_KINDS])
def test_all_layers_lie_one_after_the_other(kind, tmp_path):
    data = noise(8_000)[None] if kind in AUDIO_KINDS else ("the", "boy", "falls")
    encoders = [with_options(kind, tmp_path, layers=layers) for layers in ("all", [0], [1], [2])]

    every, *single = (encoder.encode(data) for encoder in encoders)

    if kind not in AUDIO_KINDS:
        every, single = every.vectors, [tokens.vectors for tokens in single]
    assert encoders[0].num_layers == 3
    assert every.shape[-1] == encoders[0].dimension == 3 * encoders[1].dimension
    np.testing.assert_array_equal(every, np.concatenate(single, axis=-1))


@pytest.mark.parametrize("layers", [[3], [-4], [1, 1], []])
def test_layers_that_do_not_exist_are_refused(layers, tmp_path):
    with pytest.raises(ConfigError, match="layer"):
        with_options("wav2vec2", tmp_path, layers=layers)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("kind", ["wav2vec2-layer-norm", "whisper", "roberta"])
def test_half_precision_is_nearly_the_same_and_comes_back_as_float32(kind, dtype, tmp_path):
    data = noise(8_000)[None] if kind in AUDIO_KINDS else ("the", "boy", "falls")
    whole, half = (with_options(kind, tmp_path, dtype=d) for d in ("float32", dtype))

    one, two = whole.encode(data), half.encode(data)

    if kind not in AUDIO_KINDS:
        one, two = one.vectors, two.vectors
    assert two.dtype == np.float32
    assert not np.array_equal(one, two)
    cosine = (one * two).sum(-1) / np.linalg.norm(one, axis=-1) / np.linalg.norm(two, axis=-1)
    assert cosine.min() > 0.99
    assert whole.fingerprint() != half.fingerprint()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_machine_that_computes_a_convolution_wrongly_is_refused(dtype, tmp_path, monkeypatch):
    right = torch.nn.Conv1d.forward

    def wrong_in_groups(layer, heard):
        answer = right(layer, heard)
        return answer if layer.groups == 1 else answer.roll(1, dims=1)

    monkeypatch.setattr(torch.nn.Conv1d, "forward", wrong_in_groups)

    with pytest.raises(
        EncoderError, match=r"pos_conv_embed\S* wrongly in .*; set dtype to float32"
    ):
        with_options("wav2vec2", tmp_path, dtype=dtype).encode(noise(8_000)[None])


def test_auto_takes_bfloat16_only_where_the_processor_computes_with_it(tmp_path, monkeypatch):
    chosen = []
    for native in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda native=native: native)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
        chosen.append(with_options("bert", tmp_path, dtype="auto").fingerprint()["dtype"])

    assert chosen == ["bfloat16", "float32"]


def test_an_encoder_can_travel_before_its_weights_are_loaded(audio_encoder):
    options = audio_encoder.options
    fresh = pickle.loads(pickle.dumps(HuggingFaceAudioEncoder(options)))
    windows = noise(8_000)[None]

    np.testing.assert_array_equal(fresh.encode(windows), audio_encoder.encode(windows))
