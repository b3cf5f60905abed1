"""The bundled model on real voices: words, their times, and nothing that depends on what came."""

import dataclasses
import sys
from itertools import pairwise

import jiwer
import numpy as np
import pytest
import soundfile

from cogspeech.config import TranscriptsSection
from cogspeech.corpora.audio import read_audio
from cogspeech.errors import ConfigError, MissingExtra, TranscriptError
from cogspeech.settings import Component
from cogspeech.transcripts.base import checked
from cogspeech.transcripts.sources import pocketsphinx as module
from cogspeech.transcripts.transcribe import build_source
from cogspeech.types import Recording
from word_error_rate import librivox_clips, spoken_text

RATE_HZ = 16_000
real = pytest.mark.real_speech


def source():
    return build_source(Component(name="pocketsphinx"), TranscriptsSection())


@pytest.fixture(scope="module")
def heard(real_speech):
    """Every clip with its text and what one source hears in it, one after the other."""
    one = source()
    return [(clip, text, one.transcript_of(clip)) for clip, text in librivox_clips(real_speech)]


def recording(folder, samples, **facts):
    path = folder / "r1.wav"
    soundfile.write(path, samples, RATE_HZ)
    return Recording(
        recording_id="r1", participant_id="p1", audio_path=path, where="row 2", **facts
    )


@real
def test_most_words_come_back(heard):
    texts, found = zip(*((text, spoken_text(each)) for _, text, each in heard), strict=True)

    assert jiwer.wer(list(texts), list(found)) < 0.4


@real
def test_times_are_those_of_the_audio_and_confidence_is_a_probability(heard):
    for clip, _, transcript in heard:
        duration_s = len(read_audio(clip.audio_path, sample_rate_hz=RATE_HZ)) / RATE_HZ
        words = transcript.words
        assert all(0.0 <= word.start_s < word.end_s <= duration_s for word in words)
        assert all(one.end_s <= two.start_s for one, two in pairwise(words))
        assert words[0].start_s < 0.5
        assert words[-1].end_s > duration_s - 0.6
        assert all(0.0 < word.confidence <= 1.0 for word in words)
        assert transcript.utterances[-1].last_word == len(words)
        assert transcript.language == "en"
        assert transcript.source.startswith("pocketsphinx 5.")
    confidences = {word.confidence for _, _, each in heard for word in each.words}
    assert len(confidences) > 30


@real
def test_sounds_are_no_words_and_pronunciations_have_no_numbers(heard):
    texts = {word.text for _, _, each in heard for word in each.words}

    assert {text for text in texts if not text.replace("'", "").isalpha()} == set()


@real
def test_the_same_comes_out_whatever_was_heard_before(heard):
    """A decoder that keeps its mean cepstrum hears other words in the second clip."""
    one = source()

    again = [one.transcript_of(clip) for clip, _, _ in (heard[4], heard[1])]

    assert again == [heard[4][2], heard[1][2]]


@real
def test_digital_silence_moves_words_and_changes_nothing_else(heard, tmp_path):
    clip, _, before = heard[1]
    samples = read_audio(clip.audio_path, sample_rate_hz=RATE_HZ)
    silence = np.zeros(30 * RATE_HZ, dtype=np.float32)

    found = source().transcript_of(recording(tmp_path, np.concatenate([silence, samples, silence])))

    assert [word.text for word in found.words] == [word.text for word in before.words]
    for word, original in zip(found.words, before.words, strict=True):
        assert word.start_s - 30.0 == pytest.approx(original.start_s, abs=0.1)
        assert word.end_s - 30.0 == pytest.approx(original.end_s, abs=0.1)


@pytest.mark.slow
@real
def test_a_long_recording_is_divided_at_silences(heard, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LONGEST_S", 4.0)
    pieces, texts, edges = [], [], []
    for clip, text, _ in (heard[1], heard[4]):
        edges.append(sum(map(len, pieces)) / RATE_HZ)
        pieces += [
            read_audio(clip.audio_path, sample_rate_hz=RATE_HZ),
            np.zeros(2 * RATE_HZ, dtype=np.float32),
        ]
        texts.append(text)

    found = source().transcript_of(recording(tmp_path, np.concatenate(pieces)))

    assert len(found.utterances) == 2
    second = found.words[found.utterances[1].first_word]
    assert second.start_s > edges[1]
    assert jiwer.wer(" ".join(texts), spoken_text(found)) < 0.5


@real
def test_fillers_are_words(heard, monkeypatch):
    """What the decoder says is planted: nobody in the clips says one."""
    said = [("<s>", 0, 4), ("uh(2)", 5, 20), ("[NOISE]", 21, 30), ("boy", 31, 60), ("</s>", 61, 70)]
    one = source()
    monkeypatch.setattr(one, "_decoder", _Planted(said))

    found = checked(one.transcript_of(heard[0][0]), 7.0, TranscriptsSection())

    assert [(word.text, word.is_filler) for word in found.words] == [("uh", True), ("boy", False)]


class _Planted:
    """A decoder that always says the same."""

    def __init__(self, said):
        self._said = [_Segment(*each) for each in said]

    def seg(self):
        return self._said

    def process_raw(self, pcm, *, full_utt):
        pass

    reinit_feat = start_utt = end_utt = lambda self: None


@dataclasses.dataclass
class _Segment:
    word: str
    start_frame: int
    end_frame: int
    prob: float = 1.0001


@real
def test_where_the_decoder_finds_no_path_nothing_is_made_up(heard, monkeypatch):
    one = source()
    monkeypatch.setattr(one, "_decoder", _Planted([]))

    with pytest.raises(TranscriptError, match="no word is heard; give it a transcript file"):
        one.transcript_of(heard[0][0])


def test_a_word_is_never_drawn_out_over_a_silence(tmp_path, monkeypatch):
    """The decoder hears the pieces joined; a word over the joint belongs to the louder one."""
    generator = np.random.default_rng(0)
    samples = np.zeros(8 * RATE_HZ)
    for start_s, level in ((1.0, 0.2), (6.0, 0.4)):
        burst = slice(round(start_s * RATE_HZ), round((start_s + 0.5) * RATE_HZ))
        samples[burst] = level * generator.uniform(-1, 1, RATE_HZ // 2)
    one = source()
    monkeypatch.setattr(one, "_decoder", _Planted([("boy", 20, 135)]))

    (word,) = one.transcript_of(recording(tmp_path, samples)).words

    assert word.start_s == pytest.approx(6.0, abs=0.03)
    assert word.end_s == pytest.approx(6.5, abs=0.03)
    assert word.repair == "trimmed"
    assert word.confidence == 1.0


def test_a_click_in_silence_is_no_speech(tmp_path):
    samples = np.zeros(3 * RATE_HZ, dtype=np.float32)
    samples[RATE_HZ] = 0.5

    with pytest.raises(TranscriptError, match="row 2: no word is heard"):
        source().transcript_of(recording(tmp_path, samples))


@pytest.mark.parametrize("language", ["de", "deu", "fr-CA"])
def test_another_language_is_refused(tmp_path, language):
    samples = np.ones(RATE_HZ, dtype=np.float32)

    with pytest.raises(TranscriptError, match=r"row 2: its language is .* knows English only"):
        source().transcript_of(recording(tmp_path, samples, language=language))


@real
@pytest.mark.parametrize("language", ["en", "EN-us", "en_GB", "eng", "English"])
def test_every_english_is_english(heard, language, monkeypatch):
    one = source()
    monkeypatch.setattr(one, "_decoder", _Planted([("boy", 31, 60)]))

    found = one.transcript_of(dataclasses.replace(heard[1][0], language=language))

    assert [word.text for word in found.words] == ["boy"]


def test_the_key_holds_the_model(tmp_path, monkeypatch):
    one = source()
    found = one.fingerprint()

    assert found["library"].startswith("5.")
    assert {"en-us/means", "en-us.lm.bin", "cmudict-en-us.dict"} <= set(found["model"])
    assert all(len(digest) == 64 for digest in found["model"].values())
    assert source().fingerprint() == found
    two = source()
    monkeypatch.setattr(two._library, "get_model_path", lambda name: str(tmp_path / name))
    with pytest.raises(ConfigError, match="no model of pocketsphinx in"):
        two.fingerprint()
    with pytest.raises(ConfigError, match="unset POCKETSPHINX_PATH"):
        _ = two._decoder


def test_a_missing_library_gives_the_pip_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)

    with pytest.raises(MissingExtra, match=r"pip install 'cogspeech\[align\]'"):
        source()


def test_there_is_no_option():
    with pytest.raises(ConfigError, match="unknown key 'beam'"):
        build_source(Component(name="pocketsphinx", beam=1), TranscriptsSection())
