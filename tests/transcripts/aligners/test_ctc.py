"""The ctc aligner on checkpoints that are saved, loaded and run by the real library.

Some are random. Others are set by hand so that the truth is known: they write one letter per tone,
and nothing where it is silent.
"""

import json
import shutil
import sys
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import soundfile
import torch
import transformers as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.corpora.audio import read_audio
from cogspeech.errors import AudioError, EncoderError, MissingExtra, TranscriptError
from cogspeech.transcripts import ctc_model
from cogspeech.transcripts.base import ALIGNERS
from cogspeech.transcripts.ctc_model import UNKNOWN, CtcModel
from cogspeech.transcripts.speech_energy import CLAIM_S
from cogspeech.types import Recording, Transcript, Utterance, Word

CtcAligner = ALIGNERS.get("ctc")
RATE_HZ = 16_000
LETTERS = "ABCDEF'"
VOCABULARY = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4} | {
    letter: 5 + n for n, letter in enumerate(LETTERS)
}
STRIDES = {"50 frames a second": (160, 2), "80 frames a second": (100, 2)}


def _save_beside(folder: Path, *, rate_hz: int = RATE_HZ, vocabulary: dict = VOCABULARY) -> None:
    tf.Wav2Vec2FeatureExtractor(sampling_rate=rate_hz, do_normalize=True).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    tf.Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)


def _random_config(**changes) -> tf.Wav2Vec2Config:
    sizes = {
        "vocab_size": len(VOCABULARY), "pad_token_id": 0, "hidden_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
        "conv_dim": (16,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
        "feat_extract_norm": "layer", "do_stable_layer_norm": True,
    }  # fmt: skip
    return tf.Wav2Vec2Config(**sizes | changes)


def _save_random(folder: Path, **changes) -> Path:
    torch.manual_seed(0)
    tf.Wav2Vec2ForCTC(_random_config(**changes)).save_pretrained(folder)
    _save_beside(folder)
    return folder


def _frequency_hz(letter: int, stride: int, rate_hz: int = RATE_HZ) -> float:
    """Whole periods in a stride, so that every frame sees the same phase."""
    return (letter + 2) * rate_hz / stride


def _save_tone_reader(folder: Path, strides: tuple[int, int], rate_hz: int = RATE_HZ) -> Path:
    """Writes a letter where its tone sounds, and the blank where there is none."""
    channels, size = len(LETTERS) + 1, 16
    model = tf.Wav2Vec2ForCTC(
        _random_config(
            hidden_size=size, num_hidden_layers=0, conv_dim=(channels,) * 2,
            conv_kernel=(2 * strides[0], 2), conv_stride=strides, num_feat_extract_layers=2,
        )
    )  # fmt: skip
    state = {name: torch.zeros_like(value) for name, value in model.state_dict().items()}
    for name in state:
        if name.endswith("layer_norm.weight"):
            state[name] += 1
        if "parametrizations.weight.original1" in name:  # a direction, of length zero
            state[name] += 1
    tones = [
        np.sin(
            2 * np.pi * _frequency_hz(n, strides[0], rate_hz) * np.arange(2 * strides[0]) / rate_hz
        )
        for n in range(len(LETTERS))
    ]
    layers = "wav2vec2.feature_extractor.conv_layers.{}.conv.weight"
    state[layers.format(0)][:-1, 0] = torch.from_numpy(np.array(tones))
    state[layers.format(1)] += torch.eye(channels)[:, :, None] / 2
    state["wav2vec2.feature_projection.projection.weight"][:channels] = torch.eye(channels)
    for n in range(len(LETTERS)):
        state["lm_head.weight"][5 + n, n] = 4.0
    state["lm_head.bias"][0] = 5.0
    model.load_state_dict(state)
    model.save_pretrained(folder)
    _save_beside(folder, rate_hz=rate_hz)
    return folder


@pytest.fixture(autouse=True)
def _one_thread():
    """Two would wait for each other longer than these models take."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def random_model(tmp_path_factory) -> Path:
    return _save_random(tmp_path_factory.mktemp("random"))


@pytest.fixture(scope="module")
def tone_reader(tmp_path_factory) -> Path:
    return _save_tone_reader(tmp_path_factory.mktemp("tones"), (160, 2))


@pytest.fixture
def at_the_letters(monkeypatch) -> None:
    """Words end where their letters do."""
    monkeypatch.setattr(sys.modules[CtcAligner.__module__], "REACH_S", 0.0)


def _aligner(model: Path, **options):
    return CtcAligner(CtcAligner.Options(model=str(model), **options))


def _recording(
    folder: Path, sounds: list, duration_s: float, *, stride: int = 160, rate_hz: int = RATE_HZ
) -> Recording:
    """Tones of (letters, start_s, end_s), each letter for the same time."""
    samples = np.zeros(round(duration_s * rate_hz))
    for letters, start_s, end_s in sounds:
        edges = np.linspace(start_s, end_s, len(letters) + 1) * rate_hz
        for letter, first, last in zip(letters, edges, edges[1:], strict=False):
            at = np.arange(round(first), round(last))
            frequency_hz = _frequency_hz(LETTERS.index(letter), stride, rate_hz)
            samples[at] = 0.3 * np.sin(2 * np.pi * frequency_hz * at / rate_hz)
    path = folder / "r1.wav"
    soundfile.write(path, samples, rate_hz, subtype="PCM_16")
    return Recording(
        recording_id="r1", participant_id="p1", audio_path=path, where="recordings.csv:2"
    )


def _transcript(*texts: str, utterances: tuple = ()) -> Transcript:
    return Transcript(
        recording_id="r1",
        words=tuple(Word(text=text) for text in texts),
        utterances=tuple(
            Utterance(first_word=a, last_word=b, start_s=start_s, end_s=end_s)
            for a, b, start_s, end_s in utterances
        ),
    )


def _times(transcript: Transcript) -> list:
    return [word.start_s if word.start_s is None else (word.start_s, word.end_s)
            for word in transcript.words]  # fmt: skip


SPOKEN = [("BAD", 0.5, 0.8), ("CAFE", 1.3, 1.7), ("DAD", 1.8, 2.1), ("BAD", 3.5, 3.8)]


@pytest.mark.parametrize("strides", STRIDES.values(), ids=STRIDES)
@pytest.mark.parametrize("rate_hz", [8_000, 16_000])
def test_a_word_is_where_its_letters_sound(tmp_path, at_the_letters, strides, rate_hz) -> None:
    model = _save_tone_reader(tmp_path / "model", strides, rate_hz)
    recording = _recording(tmp_path, SPOKEN, 5.0, stride=strides[0], rate_hz=rate_hz)

    found = _aligner(model).align(_transcript("bad", "cafe", "dad", "bad"), recording)

    frame_s = strides[0] * strides[1] / rate_hz
    truth = [(start_s, end_s) for _, start_s, end_s in SPOKEN]
    assert np.abs(np.array(_times(found)) - truth).max() <= frame_s
    assert all(word.confidence > 0.5 for word in found.words)
    assert found.warnings == ()


def test_a_word_begins_and_ends_with_its_speech(tmp_path, tone_reader) -> None:
    recording = _recording(tmp_path, SPOKEN, 3.85)

    times = _times(_aligner(tone_reader).align(_transcript("bad", "cafe", "dad", "bad"), recording))

    assert np.array(times) == pytest.approx(np.array([span for _, *span in SPOKEN]), abs=0.02)


def test_all_else_about_the_words_stays(tmp_path, tone_reader) -> None:
    recording = _recording(tmp_path, SPOKEN, 4.0)
    words = (
        Word(text="bad", speaker="interviewer", start_s=3.0, end_s=3.1, repair="interpolated"),
        Word(text="...", start_s=3.2, end_s=3.3, confidence=0.4, spread=True),
        Word(text="cafe", is_filler=True),
    )
    transcript = Transcript(
        recording_id="r1", words=words, language="en", source="chat", warnings=("a.cha:3: odd",)
    )

    found = _aligner(tone_reader).align(transcript, recording)

    assert [(w.text, w.speaker, w.is_filler) for w in found.words] == [
        ("bad", "interviewer", False), ("...", "participant", False), ("cafe", "participant", True)
    ]  # fmt: skip
    assert [word.is_timed for word in found.words] == [True, False, True]
    assert found.words[1].confidence is None
    assert not any(word.spread or word.repair == "interpolated" for word in found.words)
    assert (found.recording_id, found.language, found.source) == ("r1", "en", "chat")
    assert found.warnings == (
        "a.cha:3: odd",
        "ctc: 1 words have no times: the model knows none of their letters",
    )


def test_an_utterance_with_times_is_looked_for_in_its_own_stretch(
    tmp_path, tone_reader, at_the_letters
) -> None:
    recording = _recording(tmp_path, [("BAD", 1.0, 1.3), ("BAD", 3.0, 3.3)], 5.0)

    anywhere = _times(_aligner(tone_reader).align(_transcript("bad"), recording))
    late = _aligner(tone_reader).align(
        _transcript("bad", utterances=((0, 1, 2.0, 4.0),)), recording
    )
    early = _aligner(tone_reader).align(
        _transcript("bad", utterances=((0, 1, 0.5, 2.0),)), recording
    )

    assert len(anywhere) == 1
    assert _times(late) == [pytest.approx((3.0, 3.3), abs=0.02)]
    assert _times(early) == [pytest.approx((1.0, 1.3), abs=0.02)]


def test_words_leave_the_stretch_of_their_utterance_only_to_end_with_their_speech(
    tmp_path, tone_reader
) -> None:
    recording = _recording(tmp_path, [("BAD", 1.0, 1.3)], 5.0)
    spans = ((0, 2, 1.113, 1.207), (2, 3, 4.0, 4.051))

    times = _times(
        _aligner(tone_reader).align(_transcript("a", "a", "d", utterances=spans), recording)
    )

    assert times[0] == (pytest.approx(1.0, abs=0.02), times[1][0])
    assert 1.113 <= times[0][1] <= 1.207
    assert times[1][1] == pytest.approx(1.3, abs=0.02)
    assert 4.0 <= times[2][0] <= times[2][1] <= 4.051


def test_words_between_timed_utterances_are_looked_for_between_them(
    tmp_path, tone_reader, at_the_letters
) -> None:
    sounds = [("BAD", at, at + 0.3) for at in (0.5, 1.5, 2.5, 3.5, 4.5)]
    recording = _recording(tmp_path, sounds, 6.0)
    spans = ((1, 2, 1.4, 1.9), (2, 3, None, None), (3, 4, 3.4, 3.9))

    times = _times(
        _aligner(tone_reader).align(_transcript(*["bad"] * 5, utterances=spans), recording)
    )

    assert [start_s for start_s, _ in times] == pytest.approx([0.5, 1.5, 2.5, 3.5, 4.5], abs=0.02)


def test_a_stretch_that_is_too_short_leaves_its_words_without_times(tmp_path, tone_reader) -> None:
    recording = _recording(tmp_path, SPOKEN, 4.0)
    spans = ((0, 1, 0.4, 0.9), (1, 3, 1.30, 1.35), (3, 3, 2.0, 2.1), (3, 4, 3.0, 99.0))

    found = _aligner(tone_reader).align(
        _transcript("bad", "cafe", "dad", "bad", utterances=spans), recording
    )

    assert [word.is_timed for word in found.words] == [True, False, False, True]
    assert found.warnings == (
        "ctc: 2 words have no times: their stretch of audio is too short for them",
    )


def test_words_between_utterances_that_leave_no_room_have_no_times(tmp_path, tone_reader) -> None:
    recording = _recording(tmp_path, SPOKEN, 4.0)
    spans = ((0, 1, 0.4, 2.5), (2, 3, 1.8, 2.5))

    found = _aligner(tone_reader).align(
        _transcript("bad", "cafe", "dad", utterances=spans), recording
    )

    assert [word.is_timed for word in found.words] == [True, False, True]


def test_a_wildcard_places_what_the_model_cannot_write(
    tmp_path, tone_reader, at_the_letters
) -> None:
    recording = _recording(tmp_path, SPOKEN, 4.0)
    transcript = _transcript("bad", "1984", "dad", "bad")

    placed = _aligner(tone_reader).align(transcript, recording)
    left_out = _aligner(tone_reader, wildcard=False).align(transcript, recording)

    truth = [(start_s, end_s) for _, start_s, end_s in SPOKEN]
    assert np.abs(np.array(_times(placed)) - truth).max() <= 0.02
    assert [word.confidence is None for word in placed.words] == [False, True, False, False]
    assert placed.warnings == ()
    assert [word.is_timed for word in left_out.words] == [True, False, True, True]
    assert left_out.warnings == (
        "ctc: 1 words have no times: the model knows none of their letters",
    )


def test_a_text_that_is_not_spoken_has_a_low_confidence(tmp_path, tone_reader) -> None:
    recording = _recording(tmp_path, SPOKEN, 4.0)

    right = _aligner(tone_reader).align(_transcript("bad", "cafe", "dad", "bad"), recording)
    wrong = _aligner(tone_reader).align(_transcript("efface", "beef", "fee"), recording)

    assert min(w.confidence for w in right.words) > 5 * max(w.confidence for w in wrong.words)
    assert all(0 <= word.confidence <= 1 for word in (*right.words, *wrong.words))


def test_the_confidence_is_the_mean_over_the_frames_whatever_their_number(tmp_path) -> None:
    model = tf.Wav2Vec2ForCTC(_random_config())
    model.lm_head.weight.data.zero_()
    model.lm_head.bias.data.zero_()
    model.save_pretrained(tmp_path / "model")
    _save_beside(tmp_path / "model")
    recording = _recording(tmp_path, SPOKEN, 4.0)

    found = _aligner(tmp_path / "model").align(_transcript("fadefade", "a"), recording)

    assert [word.confidence for word in found.words] == pytest.approx([1 / len(VOCABULARY)] * 2)


SPELLED = {
    "bad": "BAD", "Bad": "BAD", "b-a.d": "BAD", "fa\u2019d": "FA'D", "fad\u00e9": "FAD?",
    "fade\u0301": "FAD?", "|": "", "a|b": "AB", "<pad>": "?AD", "12": "??", "...": "",
    "$5": "??", "\u65e5": "?", "a\u0000b": "AB", "\U0001f600": "", "a&b": "A?B",
}  # fmt: skip


@pytest.mark.parametrize("text", SPELLED)
def test_a_word_is_spelled_in_the_letters_of_the_model(tone_reader, text) -> None:
    alphabet = CtcModel(str(tone_reader)).alphabet
    wanted = [UNKNOWN if sign == "?" else VOCABULARY[sign] for sign in SPELLED[text]]

    assert list(alphabet.spell(text, wildcard=True)) == wanted
    assert list(alphabet.spell(text, wildcard=False)) == [n for n in wanted if n != UNKNOWN]


def test_a_letter_may_be_two_in_the_case_of_the_model() -> None:
    alphabet = ctc_model.Alphabet(labels={"S": 1, "A": 2}, blank=0, delimiter=None)

    assert alphabet.spell("a\u00df", wildcard=True) == (2, 1, 1)


def test_the_alphabet_may_be_that_of_one_of_many_languages(tmp_path) -> None:
    folder = _save_random(tmp_path / "model")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings |= {"target_lang": "deu", "word_delimiter_token": None}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "vocab.json").write_text(json.dumps({"eng": {"x": 3}, "deu": {"<pad>": 0, "a": 7}}))

    assert CtcModel(str(folder)).alphabet == ctc_model.Alphabet(
        labels={"a": 7}, blank=0, delimiter=None
    )


def test_the_blank_is_no_letter(tmp_path) -> None:
    folder = _save_random(tmp_path / "model")
    (folder / "vocab.json").write_text(json.dumps({"_": 0, "A": 5, "|": 4}))

    alphabet = CtcModel(str(folder)).alphabet

    assert alphabet == ctc_model.Alphabet(labels={"A": 5}, blank=0, delimiter=4)


def test_a_checkpoint_without_settings_of_its_tokenizer_has_the_usual_delimiter(tmp_path) -> None:
    folder = _save_random(tmp_path / "model")
    (folder / "tokenizer_config.json").unlink()

    alphabet = CtcModel(str(folder)).alphabet

    assert alphabet.delimiter == VOCABULARY["|"]
    assert alphabet.labels == {letter: VOCABULARY[letter] for letter in LETTERS}


@pytest.mark.parametrize("num_samples", [1, 399, 400, 719, 720, 16_000, 23_456])
def test_scores_are_those_of_the_library_itself(random_model, num_samples) -> None:
    samples = np.random.default_rng(0).standard_normal(num_samples).astype(np.float32) * 0.1 + 0.02
    model = CtcModel(str(random_model))

    scores = model.scores(samples, [5, 9])

    network = tf.AutoModelForCTC.from_pretrained(random_model).eval()
    frames = max(0, int(network._get_feat_extract_output_lengths(num_samples)))
    assert scores.shape == (frames, 4)
    if frames:
        extractor = tf.AutoFeatureExtractor.from_pretrained(random_model)
        inputs = extractor(samples, sampling_rate=RATE_HZ, return_tensors="pt")
        with torch.inference_mode():
            whole = network(inputs.input_values).logits[0].log_softmax(-1).numpy()
        np.testing.assert_allclose(scores[:, [0, 2, 3]], whole[:, [0, 5, 9]], atol=1e-4)
        np.testing.assert_allclose(scores[:, 1], whole[:, 1:].max(axis=1), atol=1e-4)


@pytest.mark.parametrize("seconds", [2.4, 2.4125, 2.7])
def test_windows_give_the_same_scores_as_the_whole(tmp_path, monkeypatch, seconds) -> None:
    # Without transformer blocks a frame depends on its surroundings only.
    model = CtcModel(str(_save_random(tmp_path / "model", num_hidden_layers=0)))
    samples = np.random.default_rng(0).standard_normal(round(seconds * RATE_HZ)).astype(np.float32)
    whole = model.scores(samples, [5, 6, 7])
    monkeypatch.setattr(ctc_model, "WINDOW_S", 0.8)
    monkeypatch.setattr(ctc_model, "CONTEXT_S", 0.4)

    np.testing.assert_allclose(model.scores(samples, [5, 6, 7]), whole, atol=1e-4)


def test_windows_of_a_whole_model_give_nearly_the_same_scores(random_model, monkeypatch) -> None:
    model = CtcModel(str(random_model))
    samples = np.random.default_rng(0).standard_normal(2 * RATE_HZ).astype(np.float32)
    whole = model.scores(samples, [5, 6, 7])
    monkeypatch.setattr(ctc_model, "WINDOW_S", 0.7)
    monkeypatch.setattr(ctc_model, "CONTEXT_S", 0.5)

    parts = model.scores(samples, [5, 6, 7])

    assert np.abs(parts - whole).max() < 0.3 * whole.std()


def test_the_model_never_sees_more_than_a_window_and_its_context(random_model, monkeypatch) -> None:
    seen = []
    forward = tf.Wav2Vec2ForCTC.forward

    def spy(self, heard, *args, **kwargs):
        seen.append(heard.shape[1] / RATE_HZ)
        return forward(self, heard, *args, **kwargs)

    monkeypatch.setattr(tf.Wav2Vec2ForCTC, "forward", spy)
    monkeypatch.setattr(ctc_model, "WINDOW_S", 0.2)
    monkeypatch.setattr(ctc_model, "CONTEXT_S", 0.06)
    samples = np.random.default_rng(0).standard_normal(2 * RATE_HZ).astype(np.float32)

    CtcModel(str(random_model)).scores(samples, [5])

    assert len(seen) == 10
    assert max(seen) == pytest.approx(0.32, abs=0.01)


def test_the_fingerprint_follows_the_content_and_not_the_place(tmp_path) -> None:
    folder = _save_random(tmp_path / "here")
    shutil.copytree(folder, tmp_path / "there")
    fingerprint = _aligner(folder).fingerprint()

    assert json.loads(json.dumps(fingerprint)) == fingerprint
    assert set(fingerprint["files"]) >= {"config.json", "model.safetensors", "vocab.json"}
    assert _aligner(tmp_path / "there").fingerprint() == fingerprint
    assert _aligner(folder, wildcard=False).fingerprint() != fingerprint
    (tmp_path / "there" / "vocab.json").write_text("{}")
    assert _aligner(tmp_path / "there").fingerprint() != fingerprint


def _without(name: str):
    return lambda folder: (folder / name).unlink()


def _holding(name: str, content: str):
    return lambda folder: (folder / name).write_text(content)


def _vocabulary(**changes):
    return _holding("vocab.json", json.dumps(VOCABULARY | changes))


def _config(**changes):
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _without_a_head(folder: Path) -> None:
    tf.Wav2Vec2Model(_random_config()).save_pretrained(folder)


def _another_kind(folder: Path) -> None:
    tf.BertConfig(hidden_size=24, num_attention_heads=2).save_pretrained(folder)


def _cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


DAMAGE = {
    "no config": (_without("config.json"), "found no config.json"),
    "no vocabulary": (_without("vocab.json"), "found no vocab.json"),
    "pickled": (_pickled, "found no *.safetensors"),
    "config no json": (_holding("config.json", "{"), "cannot be"),
    "config of nothing": (_holding("config.json", "{}"), "cannot be"),
    "another kind of model": (_another_kind, "cannot be loaded as a model with CTC letters"),
    "no head": (_without_a_head, "weights are missing"),
    "weights cut short": (_cut_short, "cannot be loaded as a model with CTC letters"),
    "sizes do not fit": (_config(hidden_size=64), "cannot be loaded as a model with CTC letters"),
    "no extractor": (_without("preprocessor_config.json"), "preprocessor_config.json cannot be"),
    "extractor no json": (_holding("preprocessor_config.json", "["), "preprocessor_config.json"),
    "vocabulary no json": (_holding("vocab.json", "{"), "its vocab.json cannot be read"),
    "vocabulary too deep": (_holding("vocab.json", "[" * 100_000), "vocab.json cannot be read"),
    "vocabulary not utf-8": (
        lambda folder: (folder / "vocab.json").write_bytes(b"\xff"), "its vocab.json cannot be read"
    ),
    "vocabulary a list": (_holding("vocab.json", "[1]"), "its vocab.json is no json object"),
    "vocabulary without letters": (_holding("vocab.json", '{"<s>": 1}'), "does not give the lett"),
    "label too large": (_vocabulary(A=99), "does not give the letters that it writes"),
    "label negative": (_vocabulary(A=-1), "does not give the letters that it writes"),
    "label no number": (_vocabulary(A="1"), "does not give the letters that it writes"),
    "delimiter no number": (_vocabulary(**{"|": []}), "does not give the letters that it writes"),
    "tokenizer settings no json": (
        _holding("tokenizer_config.json", "{"), "its tokenizer_config.json cannot be read"
    ),
    "no blank": (_config(pad_token_id=None), "does not give the letters that it writes"),
    "blank too large": (_config(pad_token_id=99), ""),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "match"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path, damage, match) -> None:
    folder = _save_random(tmp_path / "model")
    recording = _recording(tmp_path, SPOKEN, 4.0)
    damage(folder)

    with pytest.raises(EncoderError) as refusal:
        _aligner(folder).align(_transcript("bad"), recording)

    message = str(refusal.value)
    assert message.startswith(f"aligner model '{folder}': ")
    assert match in message
    assert len(message.splitlines()) == 1


def test_a_weight_that_only_training_needs_may_be_missing(tmp_path) -> None:
    torch.manual_seed(0)
    model = tf.Wav2Vec2ForCTC(_random_config())
    state = {k: v for k, v in model.state_dict().items() if "masked_spec_embed" not in k}
    model.save_pretrained(tmp_path / "model", state_dict=state)
    _save_beside(tmp_path / "model")

    assert CtcModel(str(tmp_path / "model")).scores(np.ones(800, np.float32), [5]).shape == (2, 3)


def test_frames_that_are_not_those_of_the_convolutions_are_refused(tmp_path) -> None:
    folder = _save_random(tmp_path / "model", add_adapter=True, num_adapter_layers=1)

    with pytest.raises(EncoderError, match="its frames are not those of its convolutions"):
        CtcModel(str(folder)).scores(np.ones(8000, np.float32), [5])


def test_a_model_without_convolutions_is_refused(tmp_path) -> None:
    folder = tmp_path / "model"
    config = tf.Wav2Vec2BertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        vocab_size=len(VOCABULARY), pad_token_id=0, feature_projection_input_dim=160,
    )  # fmt: skip
    tf.Wav2Vec2BertForCTC(config).save_pretrained(folder)
    _save_beside(folder)

    with pytest.raises(EncoderError, match="it has no convolutions that give its frames times"):
        _ = CtcModel(str(folder)).frames


def test_weights_that_are_no_numbers_are_told_with_the_recording(tmp_path) -> None:
    torch.manual_seed(0)
    model = tf.Wav2Vec2ForCTC(_random_config())
    model.lm_head.bias.data[3] = torch.nan
    model.save_pretrained(tmp_path / "model")
    _save_beside(tmp_path / "model")

    with pytest.raises(TranscriptError, match=r"^recordings.csv:2: recording 'r1': .*not finite"):
        _aligner(tmp_path / "model").align(_transcript("bad"), _recording(tmp_path, SPOKEN, 4.0))


def test_a_hub_name_is_not_looked_for_offline(monkeypatch) -> None:
    asked = []

    def not_found(model, **settings):
        asked.append((model, settings))
        raise huggingface_hub.errors.LocalEntryNotFoundError("not here")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", not_found)
    with pytest.raises(EncoderError, match=r"'nobody/nothing': .*; allow the network once"):
        _aligner(Path("nobody/nothing"))
    monkeypatch.setenv("COGSPEECH_OFFLINE", "0")
    with pytest.raises(EncoderError, match=r"'nobody/nothing': .*; check the name and"):
        _aligner(Path("nobody/nothing"))

    patterns = ["*.json", "*.safetensors"]
    assert asked == [
        ("nobody/nothing", {"allow_patterns": patterns, "local_files_only": offline})
        for offline in (True, False)
    ]


def test_a_name_that_no_hub_takes_is_refused() -> None:
    with pytest.raises(EncoderError, match="neither a local folder nor available from the hub"):
        _aligner(Path("no/such/folder/anywhere"))


def test_what_the_hub_has_is_read_like_a_local_folder(random_model, monkeypatch) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(random_model))

    assert _aligner(Path("some/body")).fingerprint() == _aligner(random_model).fingerprint()


@pytest.mark.parametrize("library", ["torch", "transformers"])
def test_a_library_that_is_not_installed_is_named(
    tmp_path, random_model, monkeypatch, library
) -> None:
    recording = _recording(tmp_path, SPOKEN, 4.0)
    monkeypatch.setitem(sys.modules, library, None)
    aligner = _aligner(random_model)
    aligner.fingerprint()

    with pytest.raises(MissingExtra, match=rf"{library} is not installed; .*cogspeech\[align\]"):
        aligner.align(_transcript("bad"), recording)


def test_words_that_the_model_cannot_write_are_an_error_without_a_word(
    tmp_path, random_model
) -> None:
    recording = _recording(tmp_path, SPOKEN, 4.0)

    with pytest.raises(TranscriptError) as refusal:
        _aligner(random_model, wildcard=False).align(_transcript("zzz", "1984"), recording)

    assert str(refusal.value) == (
        "recordings.csv:2: recording 'r1': the aligner's model knows no letter of its 2 words; "
        "choose a model of their language"
    )


@pytest.mark.parametrize("duration_s", [0.01, 0.1])
def test_audio_that_is_too_short_is_an_error_without_a_word(
    tmp_path, random_model, duration_s
) -> None:
    recording = _recording(tmp_path, [("A", 0.0, duration_s)], duration_s)

    with pytest.raises(TranscriptError) as refusal:
        _aligner(random_model).align(_transcript("abba", "fade", "cede"), recording)

    assert str(refusal.value) == (
        "recordings.csv:2: recording 'r1': its audio is too short for its words; is it the right "
        "audio?"
    )


def test_silence_is_an_error_of_the_audio(tmp_path, random_model) -> None:
    with pytest.raises(AudioError, match="digital silence"):
        _aligner(random_model).align(_transcript("bad"), _recording(tmp_path, [], 4.0))


def test_a_transcript_without_words_is_an_error(tmp_path, random_model) -> None:
    with pytest.raises(TranscriptError, match="knows no letter of its 0 words"):
        _aligner(random_model).align(_transcript(), _recording(tmp_path, SPOKEN, 4.0))


def test_very_loud_audio_is_aligned_like_any_other(tmp_path, tone_reader) -> None:
    recording = _recording(tmp_path, SPOKEN, 4.0)
    samples, _ = soundfile.read(recording.audio_path)
    soundfile.write(tmp_path / "r1.wav", samples * 1e28, RATE_HZ, subtype="FLOAT")
    assert np.abs(read_audio(recording.audio_path, sample_rate_hz=RATE_HZ)).max() > 1e27

    times = _times(_aligner(tone_reader).align(_transcript("bad", "cafe", "dad", "bad"), recording))

    assert times[0] == pytest.approx((0.5, 0.8), abs=0.02)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, random_model):
    folder = tmp_path_factory.mktemp("any")
    return _aligner(random_model), _recording(folder, SPOKEN[:1], 1.5)


TIMES = st.one_of(
    st.just((None, None)), st.tuples(st.floats(0, 2), st.floats(0, 2)).map(sorted).map(tuple)
)


@settings(max_examples=30)
@given(
    texts=st.lists(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=9).filter(str.strip),
        min_size=1,
        max_size=8,
    ),
    cuts=st.lists(st.integers(0, 8), max_size=6).map(sorted),
    times=st.lists(TIMES, min_size=3, max_size=3),
)
def test_any_words_get_times_in_order_or_none(loaded, texts, cuts, times) -> None:
    cuts = [min(cut, len(texts)) for cut in cuts]
    spans = zip(cuts[::2], cuts[1::2], times, strict=False)
    transcript = _transcript(*texts, utterances=tuple((a, b, *t) for a, b, t in spans))
    aligner, recording = loaded
    place, found = "recordings.csv:2: recording 'r1': ", None
    try:
        found = aligner.align(transcript, recording)
    except TranscriptError as error:
        message = str(error)
    if found is None:
        assert message.startswith(place)
        return

    assert [word.text for word in found.words] == [word.text for word in transcript.words]
    assert all(word.end_s <= 1.5 for word in found.words if word.is_timed)
    assert all(word.start_s < word.end_s for word in found.words if word.is_timed)
    for utterance in transcript.utterances:
        inside = found.words[utterance.first_word : utterance.last_word]
        times = [time for word in inside if word.is_timed for time in (word.start_s, word.end_s)]
        assert times == sorted(times)
        if times and utterance.start_s is not None:
            assert times[0] >= utterance.start_s - CLAIM_S
            assert times[-1] <= utterance.end_s + CLAIM_S
