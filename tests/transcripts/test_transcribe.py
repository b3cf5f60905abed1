"""The words of a whole corpus: sources, aligners and the cache between them."""

import dataclasses
import json
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import soundfile

from cogspeech.cache import ContentCache
from cogspeech.config import TranscriptsSection
from cogspeech.errors import ConfigError, TranscriptError
from cogspeech.settings import Component, Settings
from cogspeech.transcripts.base import ALIGNERS, SOURCES, Aligner, TranscriptSource
from cogspeech.transcripts.transcribe import (
    Untranscribed,
    makers_of,
    read_transcripts,
    transcribe,
)
from cogspeech.types import Recording, Transcript, Utterance, Word

LEAVE = TranscriptsSection()


@pytest.fixture
def cache(tmp_path: Path) -> ContentCache:
    return ContentCache(tmp_path / "cache")


def _recording(folder: Path, row: int, words: list[dict]) -> Recording:
    """A recording of one second and its words file."""
    audio, transcript = folder / f"r{row}.wav", folder / f"r{row}.words.json"
    soundfile.write(audio, np.full(16_000, 0.1), 16_000)
    transcript.write_text(json.dumps({"words": words}))
    return Recording(
        recording_id=f"r{row}",
        participant_id=f"p{row}",
        audio_path=audio,
        transcript_path=transcript,
        where=f"recordings.csv:{row}",
    )


def test_transcripts_come_in_the_order_of_the_recordings(
    tmp_path: Path, cache: ContentCache
) -> None:
    recordings = [
        _recording(tmp_path, row, [{"text": "the", "start_s": 0.1, "end_s": 0.2}]) for row in (3, 2)
    ]
    told = []

    transcripts = read_transcripts(
        recordings, LEAVE, cache=cache, progress=lambda *step, audio_s: told.append(step)
    )

    assert [transcript.recording_id for transcript in transcripts] == ["r3", "r2"]
    assert told == [("transcripts", 1, 2), ("transcripts", 2, 2)]


def test_the_first_problem_is_told_and_how_many_recordings_have_one(
    tmp_path: Path, cache: ContentCache
) -> None:
    late = [{"text": "ladder", "start_s": 0.5, "end_s": 7.0}]
    recordings = [_recording(tmp_path, row, late) for row in (2, 3, 4)]

    with pytest.raises(
        TranscriptError, match=r"^recordings\.csv:2: .* word 1 ends at 7\.000 s.* \(\+2 more recor"
    ) as refusal:
        read_transcripts(recordings, LEAVE, cache=cache)

    assert "ladder" not in str(refusal.value)


def test_an_unknown_source_suggests_the_nearest(tmp_path: Path, cache: ContentCache) -> None:
    with pytest.raises(ConfigError, match=r"unknown transcript source 'file'; did you mean 'files"):
        read_transcripts([], TranscriptsSection(source="file"), cache=cache)


class _Recogniser(TranscriptSource):
    """Hears two words in everything but what is called "r4"; counts how often it is asked."""

    asked: ClassVar[list[str]] = []

    class Options(Settings):
        pass

    def __init__(self, options: Options, section: TranscriptsSection) -> None:
        self._section = section

    def fingerprint(self) -> dict[str, str]:
        return {"name": "recogniser"}

    def transcript_of(self, recording: Recording) -> Transcript:
        self.asked.append(recording.recording_id)
        if recording.recording_id == "r4":
            raise TranscriptError("nothing is heard")
        words = (
            Word(text="one", start_s=0.1, end_s=0.3, confidence=0.5, repair="trimmed"),
            Word(text="uh", start_s=0.4, end_s=0.5, is_filler=True),
        )
        return Transcript(
            recording_id=recording.recording_id,
            words=words,
            utterances=(Utterance(first_word=0, last_word=2, start_s=0.1, end_s=0.5),),
            source="recogniser",
            warnings=("odd",),
        )


class _Aligner(Aligner):
    """Places all words side by side."""

    class Options(Settings):
        width_s: float = 0.1

    def __init__(self, options: Options) -> None:
        self._options = options

    def fingerprint(self) -> dict[str, object]:
        return {"name": "side_by_side", "width_s": self._options.width_s}

    def align(self, transcript: Transcript, recording: Recording) -> Transcript:
        width_s = self._options.width_s
        words = tuple(
            dataclasses.replace(word, start_s=i * width_s, end_s=(i + 1) * width_s)
            for i, word in enumerate(transcript.words)
        )
        return dataclasses.replace(transcript, words=words)


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    SOURCES.names(), ALIGNERS.names()
    monkeypatch.setitem(SOURCES._entries, "recogniser", _Recogniser)
    monkeypatch.setitem(ALIGNERS._entries, "side_by_side", _Aligner)
    _Recogniser.asked.clear()


def _recordings(tmp_path: Path) -> list[Recording]:
    """r2 has a file with times, r3 one without, r4 and r5 have none."""
    timed = {"text": "the", "start_s": 0.1, "end_s": 0.2}
    made = [
        _recording(tmp_path, 2, [timed]),
        _recording(tmp_path, 3, [{"text": "the"}, {"text": "boy"}]),
        _recording(tmp_path, 4, [timed]),
        _recording(tmp_path, 5, [timed]),
    ]
    return [*made[:2], *(dataclasses.replace(each, transcript_path=None) for each in made[2:])]


def test_each_recording_takes_the_first_source_that_has_something(
    tmp_path: Path, cache: ContentCache
) -> None:
    section = TranscriptsSection(source=("files", "recogniser"), untimed_words="spread")

    found = transcribe(_recordings(tmp_path), section, cache=cache)

    assert [getattr(each, "source", None) for each in found] == [
        "manual",
        "manual",
        None,
        "recogniser",
    ]
    assert isinstance(found[2], Untranscribed)
    assert found[2].problem == "recordings.csv:4: nothing is heard"


def test_what_was_recognised_is_kept_to_the_last_detail(
    tmp_path: Path, cache: ContentCache
) -> None:
    section = TranscriptsSection(source="recogniser")
    recordings = _recordings(tmp_path)[3:]

    first = transcribe(recordings, section, cache=cache)
    again = transcribe(recordings, section, cache=cache)

    assert _Recogniser.asked == ["r5"]
    assert first == again
    assert cache.keys_of("p5")


def test_recordings_whose_words_have_no_times_are_aligned_and_kept(
    tmp_path: Path, cache: ContentCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = TranscriptsSection(align=Component(name="side_by_side", width_s=0.2))
    recordings = _recordings(tmp_path)[:2]

    given, aligned = read_transcripts(recordings, section, cache=cache)

    assert [word.start_s for word in given.words] == [0.1]
    assert [(word.start_s, word.end_s) for word in aligned.words] == [(0.0, 0.2), (0.2, 0.4)]
    monkeypatch.setattr(_Aligner, "align", lambda *_: pytest.fail("aligned again"))
    assert read_transcripts(recordings, section, cache=cache) == (given, aligned)


def test_an_aligner_with_other_options_aligns_anew(tmp_path: Path, cache: ContentCache) -> None:
    recordings = _recordings(tmp_path)[1:2]
    ends = [
        read_transcripts(
            recordings,
            TranscriptsSection(align=Component(name="side_by_side", width_s=width_s)),
            cache=cache,
        )[0]
        .words[1]
        .end_s
        for width_s in (0.1, 0.2)
    ]

    assert ends == [0.2, 0.4]


@pytest.mark.parametrize(
    ("align", "match"),
    [
        ({"name": "side_by_sid"}, "unknown aligner 'side_by_sid'; did you mean 'side_by_side'"),
        ({"name": "side_by_side", "with_s": 1}, "unknown key 'with_s'; did you mean 'width_s'"),
    ],
)
def test_a_wrong_aligner_or_option_suggests_the_nearest(
    tmp_path: Path, cache: ContentCache, align: dict[str, object], match: str
) -> None:
    with pytest.raises(ConfigError, match=match):
        transcribe([], TranscriptsSection(align=Component(**align)), cache=cache)


def test_a_segmentation_says_who_spoke_what_was_recognised_or_aligned(
    tmp_path: Path, cache: ContentCache
) -> None:
    turns = tmp_path / "turns.csv"
    turns.write_text("speaker,begin,end\nINV,350,1000\nPAR,0,350\n")
    recordings = [
        dataclasses.replace(each, segmentation_path=turns) for each in _recordings(tmp_path)
    ]
    section = TranscriptsSection(
        source=("files", "recogniser"), align=Component(name="side_by_side", width_s=0.4)
    )

    found = transcribe([recordings[0], recordings[1], recordings[3]], section, cache=cache)

    assert [[word.speaker for word in each.words] for each in found] == [
        ["participant"],
        ["participant", "interviewer"],
        ["participant", "interviewer"],
    ]
    turns.write_text("speaker,begin,end\nINV,0,350\nPAR,350,1000\n")
    (again,) = transcribe(recordings[3:], section, cache=cache)
    assert [word.speaker for word in again.words] == ["interviewer", "participant"]
    assert _Recogniser.asked == ["r5"]


def test_a_segmentation_that_cannot_be_used_or_is_no_transcript_names_the_row(
    tmp_path: Path, cache: ContentCache
) -> None:
    turns = tmp_path / "turns.csv"
    turns.write_text("speaker,begin,end\nNurse,0,350\n")
    first, second, *_ = _recordings(tmp_path)
    recordings = [
        dataclasses.replace(first, segmentation_path=turns),
        dataclasses.replace(second, segmentation_path=tmp_path / "gone.csv"),
    ]

    problems = [each.problem for each in transcribe(recordings, LEAVE, cache=cache)]
    turns.write_text("speaker,begin,end\nPAR,0,350\n")
    (alone,) = transcribe([dataclasses.replace(first, transcript_path=turns)], LEAVE, cache=cache)

    assert problems[0].startswith(f"recordings.csv:2: {turns}:2: speaker 'Nurse' is not in tran")
    assert "recordings.csv:3: " in problems[1]
    assert "gone.csv: cannot be opened" in problems[1]
    assert alone.problem.startswith(
        f"recordings.csv:2: {turns}: has turns but no words; name it in segmentation_path, and ta"
    )


def test_what_the_words_come_from_can_be_told() -> None:
    section = TranscriptsSection(
        source=("files", "pocketsphinx"),
        align=Component(name="pocketsphinx"),
        voice_activity="energy",
    )

    makers = makers_of(section)

    assert list(makers) == ["source files", "source pocketsphinx", "aligner", "voice_activity"]
    assert makers["source files"] is None
    for key in ("source pocketsphinx", "aligner"):
        assert makers[key]["name"] == "pocketsphinx"
        assert version("pocketsphinx") in makers[key].values()
    assert makers["source pocketsphinx"]["model"]
    assert makers["voice_activity"]["name"] == "energy"
    assert json.loads(json.dumps(makers)) == makers
