"""The real library on a random model: the words mean nothing, all that surrounds them is real."""

import sys

import pytest

from cogspeech.cache import ContentCache
from cogspeech.config import TranscriptsSection
from cogspeech.errors import ConfigError, MissingExtra, TranscriptError
from cogspeech.settings import Component
from cogspeech.transcripts.transcribe import build_source, transcribe
from cogspeech.types import Recording, Transcript
from whisper_checkpoint import save_whisper

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_whisper(tmp_path_factory.mktemp("whisper")))


def section(model, **options):
    component = Component(
        name="faster_whisper", model=model, language="en", voice_gate=False, **options
    )
    return TranscriptsSection(source=component)


@pytest.fixture
def clip(real_speech):
    path = min((real_speech / "librivox").glob("*.wav"), key=lambda path: path.stat().st_size)
    return Recording(recording_id="r1", participant_id="p1", audio_path=path, where="row 2")


def test_words_have_times_and_confidence_and_the_second_time_nothing_is_decoded(
    model, clip, tmp_path, monkeypatch
):
    cache = ContentCache(tmp_path / "cache")

    (found,) = transcribe([clip], section(model), cache=cache)

    assert isinstance(found, Transcript)
    assert found.source.startswith("faster_whisper 1.")
    assert found.language == "en"
    assert all(0 <= word.confidence <= 1 for word in found.words)
    assert all(word.is_timed for word in found.words)
    assert found.utterances[-1].last_word == len(found.words)
    import faster_whisper

    monkeypatch.setattr(faster_whisper, "WhisperModel", lambda *_, **__: pytest.fail("loaded"))
    assert transcribe([clip], section(model), cache=cache) == (found,)


def test_every_decoding_option_and_the_model_itself_are_part_of_the_key(model, tmp_path):
    def fingerprint(model, **options):
        chosen = section(model, **options)
        return build_source(chosen.sources[0], chosen).fingerprint()

    known = [
        fingerprint(model),
        fingerprint(model, verbatim=True),
        fingerprint(model, compute_type="float32"),
        fingerprint("tiny"),
    ]

    assert len({str(each) for each in known}) == 4
    assert model not in str(known[0])
    assert "model.bin" in known[0]["model"]


def test_a_model_that_is_not_there_ends_the_work_and_is_not_fetched(clip, tmp_path):
    cache = ContentCache(tmp_path / "cache")

    with pytest.raises(ConfigError, match="cannot be loaded; give the folder of a CTranslate2"):
        transcribe([clip], section(str(tmp_path / "none")), cache=cache)


def test_without_a_model_the_study_is_refused():
    chosen = TranscriptsSection(source="faster_whisper")

    with pytest.raises(ConfigError, match="the key 'model' is required"):
        build_source(chosen.sources[0], chosen)


def test_a_missing_library_gives_the_pip_line(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    chosen = section(model)

    with pytest.raises(MissingExtra, match=r"pip install 'cogspeech\[asr\]'"):
        build_source(chosen.sources[0], chosen)


def test_a_recording_without_a_word_is_refused(model, clip, monkeypatch):
    import faster_whisper

    monkeypatch.setattr(
        faster_whisper.WhisperModel, "transcribe", lambda *_, **__: (iter(()), None)
    )
    chosen = section(model)

    with pytest.raises(TranscriptError, match="row 2: no word is heard"):
        build_source(chosen.sources[0], chosen).transcript_of(clip)
