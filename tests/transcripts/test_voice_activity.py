"""A second opinion: seconds of speech in spans, and what is counted where it disagrees."""

import csv
import dataclasses
import json

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from cogspeech.cache import ContentCache
from cogspeech.config import TranscriptsSection
from cogspeech.corpora.base import write_recordings_table
from cogspeech.delivery.cli import main
from cogspeech.errors import AudioError, ConfigError
from cogspeech.settings import Component, Settings
from cogspeech.study_file import load_study
from cogspeech.transcripts.quality import quality_of
from cogspeech.transcripts.transcribe import Untranscribed, transcribe
from cogspeech.transcripts.voice_activity import (
    DETECTORS,
    SpeechDetector,
    VoiceActivity,
    build_detector,
    voice_activity_of,
)
from cogspeech.types import Recording, Transcript, Word

RATE_HZ = 16_000


def activity(*spans):
    return VoiceActivity(spans=np.array(spans, dtype=np.float64).reshape(-1, 2))


@given(st.lists(st.integers(0, 5), max_size=12), st.lists(st.tuples(*[st.integers(0, 60)] * 2)))
def test_seconds_of_speech_are_those_of_a_count_of_quarters(steps, asked):
    edges = np.cumsum(steps)[: len(steps) // 2 * 2].reshape(-1, 2) / 4
    spans = np.sort(np.array(asked, dtype=np.float64).reshape(-1, 2), axis=1) / 4
    is_speech = np.zeros(80, dtype=bool)
    for start, end in edges:
        is_speech[round(4 * start) : round(4 * end)] = True

    found = VoiceActivity(spans=edges).speech_s(spans)

    expected = [is_speech[round(4 * a) : round(4 * b)].sum() / 4 for a, b in spans]
    assert found.tolist() == pytest.approx(expected)


def test_disagreement_is_counted_in_words_and_seconds():
    """A word in silence, two that are heard in part, and a voice in a pause."""
    times = [(0.0, 0.5), (1.0, 1.5), (3.0, 3.5), (6.0, 6.4)]
    words = tuple(Word(text="the", start_s=start, end_s=end) for start, end in times)
    strangers = (
        Word(text="so", start_s=8.0, end_s=8.5, speaker="interviewer"),
        Word(text="the", start_s=6.4, end_s=6.4),
        Word(text="the"),
    )
    transcript = Transcript(recording_id="r1", words=words + strangers)
    heard = activity((0.0, 0.5), (1.0, 1.4), (2.0, 2.75), (6.3, 7.0))

    found = quality_of(transcript, TranscriptsSection(), heard)

    assert found.unheard_words == 1
    assert found.unheard_words_s == pytest.approx(0.9)
    assert found.speech_in_pauses_s == pytest.approx(0.75)


def test_without_a_detector_nothing_is_said():
    words = (Word(text="the", start_s=0.0, end_s=0.5),)

    found = quality_of(Transcript(recording_id="r1", words=words), TranscriptsSection())

    assert (found.unheard_words, found.unheard_words_s, found.speech_in_pauses_s) == (None,) * 3


def test_where_no_speech_is_heard_every_word_is_doubted():
    words = (Word(text="the", start_s=0.0, end_s=0.5), Word(text="a", start_s=1.0, end_s=1.5))

    found = quality_of(Transcript(recording_id="r1", words=words), TranscriptsSection(), activity())

    assert (found.unheard_words, found.unheard_words_s, found.speech_in_pauses_s) == (2, 1.0, 0.0)


class _Counting(SpeechDetector):
    """Hears the first second of everything."""

    asked = 0

    class Options(Settings):
        until_s: float = 1.0

    def __init__(self, options):
        self._until_s = options.until_s

    def fingerprint(self):
        return {"name": "counting", "until_s": self._until_s}

    def detect(self, samples):
        type(self).asked += 1
        return np.array([[0.0, self._until_s]])


@pytest.fixture
def counting(monkeypatch):
    DETECTORS.names()
    monkeypatch.setitem(DETECTORS._entries, "counting", _Counting)
    _Counting.asked = 0


def test_a_recording_is_listened_to_once_per_detector_and_option(counting, tmp_path):
    soundfile.write(tmp_path / "r1.wav", np.full(RATE_HZ, 0.1), RATE_HZ)
    recording = Recording(
        recording_id="r1", participant_id="p1", audio_path=tmp_path / "r1.wav", where="row 2"
    )
    cache = ContentCache(tmp_path / "cache")

    def listen(**options):
        section = TranscriptsSection(voice_activity=Component(name="counting", **options))
        return voice_activity_of(recording, build_detector(section), cache).spans.tolist()

    assert [listen(), listen(), listen(until_s=0.5), listen()] == [
        [[0.0, 1.0]], [[0.0, 1.0]], [[0.0, 0.5]], [[0.0, 1.0]]
    ]  # fmt: skip
    assert _Counting.asked == 2
    assert {(entry.kind, entry.maker) for entry in cache.entries()} == {("speech", "counting")}
    assert len(cache.keys_of("p1")) == 2
    other = dataclasses.replace(recording, participant_id="p2")
    detector = build_detector(TranscriptsSection(voice_activity="counting"))
    assert voice_activity_of(other, detector, cache).spans.tolist() == [[0.0, 1.0]]
    assert len(cache.keys_of("p2")) == 1


def test_audio_that_cannot_be_listened_to_fails_for_its_recording_only(counting, tmp_path):
    recordings = []
    for number, level in enumerate((0.0, 0.1)):
        path = tmp_path / f"r{number}.wav"
        soundfile.write(path, np.full(RATE_HZ, level), RATE_HZ)
        (tmp_path / f"r{number}.words.json").write_text(
            json.dumps({"words": [{"text": "the", "start_s": 0.1, "end_s": 0.5}]})
        )
        recordings.append(
            Recording(
                recording_id=f"r{number}",
                participant_id="p1",
                audio_path=path,
                transcript_path=tmp_path / f"r{number}.words.json",
                where=f"table:{number}",
            )
        )
    section = TranscriptsSection(voice_activity="counting")

    silent, heard = transcribe(recordings, section, cache=ContentCache(tmp_path / "cache"))

    assert isinstance(silent, Untranscribed)
    assert "table:0: audio file" in silent.problem
    assert "digital silence" in silent.problem
    assert isinstance(heard, Transcript)
    assert _Counting.asked == 1
    with pytest.raises(AudioError):
        voice_activity_of(recordings[0], build_detector(section), ContentCache(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("silro", "unknown speech detector 'silro'; did you mean 'silero'"),
        ("{name: energy, level: 3}", "transcripts.voice_activity: unknown key 'level'"),
    ],
)
def test_a_wrong_detector_or_option_is_refused_at_once(tmp_path, chosen, expected):
    path = tmp_path / "study.yaml"
    path.write_text(
        f"corpus: {{path: recordings.csv}}\ntranscripts: {{voice_activity: {chosen}}}\n"
    )

    with pytest.raises(ConfigError) as caught:
        load_study(path)

    assert expected in str(caught.value)


@pytest.mark.real_speech
@pytest.mark.parametrize("detector", ["silero", "energy"])
def test_a_made_up_word_and_a_missing_one_are_found(detector, tmp_path, real_speech, capsys):
    """Two sentences with 3 s of faint noise between: one word is made up there, the second
    sentence is left out but for its last word, and no time is changed."""
    clips = sorted((real_speech / "librivox").glob("*.wav"))
    one, two = soundfile.read(clips[1])[0], soundfile.read(clips[4])[0]
    noise = 1e-3 * np.random.default_rng(0).standard_normal(3 * RATE_HZ)
    soundfile.write(tmp_path / "r1.wav", np.concatenate([one, noise, two]), RATE_HZ)
    ends_s = len(one) / RATE_HZ
    begins_s = ends_s + 3.0
    times = [
        (0.2, 2.6),
        (ends_s + 1.2, ends_s + 1.6),
        (begins_s + 0.25, begins_s + 0.45),
        (begins_s + 2.2, begins_s + 2.7),
    ]
    words = [{"text": "word", "start_s": start, "end_s": end} for start, end in times]
    (tmp_path / "r1.words.json").write_text(json.dumps({"words": words}))
    row = {
        "recording_id": "r1",
        "participant_id": "p1",
        "audio_path": "r1.wav",
        "transcript_path": "r1.words.json",
        "diagnosis": "control",
    }
    write_recordings_table(
        tmp_path / "recordings.csv",
        [row, row | {"recording_id": "r2", "participant_id": "p2", "diagnosis": "dementia"}],
    )
    (tmp_path / "study.yaml").write_text(
        f"corpus: {{path: recordings.csv}}\ntranscripts: {{voice_activity: {detector}}}\n"
    )

    assert main(["transcribe", str(tmp_path / "study.yaml"), "--out", str(tmp_path / "out")]) == 0

    assert "r1: 1 words lie where transcripts.voice_activity hears no" in capsys.readouterr().out
    with (tmp_path / "out" / "quality.csv").open() as stream:
        found = next(csv.DictReader(stream))
    assert int(found["unheard_words"]) == 1
    assert 0.4 <= float(found["unheard_words_s"]) < 1.2
    assert 1.2 < float(found["speech_in_pauses_s"]) < 2.5
    written = json.loads((tmp_path / "out" / "r1.words.json").read_text())["words"]
    starts, ends = zip(*times, strict=True)
    assert [word["start_s"] for word in written] == pytest.approx(starts, abs=1e-3)
    assert [word["end_s"] for word in written] == pytest.approx(ends, abs=1e-3)
