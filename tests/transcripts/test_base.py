"""Transcripts are checked against their audio before anything is made of them."""

from pathlib import Path

import pytest

from cogspeech.config import TranscriptsSection
from cogspeech.errors import NoWordsError, TranscriptError
from cogspeech.transcripts.base import (
    READERS,
    SOURCES,
    checked,
    read_transcript_file,
)
from cogspeech.types import Transcript, Word

LEAVE = TranscriptsSection()
SPREAD = TranscriptsSection(untimed_words="spread")


def _transcript(*words: Word) -> Transcript:
    return Transcript(recording_id="r1", words=words)


def _word(start_s: float | None = None, end_s: float | None = None, **facts) -> Word:
    return Word(**{"text": "ladder", "start_s": start_s, "end_s": end_s, **facts})


def test_the_words_file_and_the_files_source_are_found_by_name() -> None:
    assert "words_json" in READERS.names()
    assert "files" in SOURCES.names()


def test_every_reader_knows_how_its_files_end() -> None:
    suffixes = [suffix for name in READERS.names() for suffix in READERS.get(name).suffixes]

    assert all(suffix.startswith(".") for suffix in suffixes)
    assert len(suffixes) == len(set(suffixes))


def test_a_file_is_read_by_the_end_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "r1.words.json").write_text('{"words": [{"text": "the"}]}')

    transcript = read_transcript_file(tmp_path / "r1.words.json", recording_id="r1")

    assert transcript == _transcript(Word(text="the"))


@pytest.mark.parametrize("name", ["r1.docx", "r1", "words.json.bak"])
def test_a_file_of_an_unknown_format_names_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        TranscriptError, match=r"no reader for this file name; expected .*\.words\.json"
    ):
        read_transcript_file(tmp_path / name, recording_id="r1")


def test_sound_words_come_back_as_they_are() -> None:
    transcript = _transcript(
        _word(0.0, 0.4), _word(), _word(0.2, 1.0), _word(0.1, 0.5, speaker="interviewer")
    )

    assert checked(transcript, 1.0, LEAVE) == transcript


def test_a_word_may_end_a_rounding_error_after_the_audio() -> None:
    transcript = _transcript(_word(0.5, 1.0005))

    assert checked(transcript, 1.0, LEAVE) == transcript


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ([], "has no words of the participant; correct its transcript"),
        ([_word(0.0, 0.5, speaker="interviewer")], "has no words of the participant"),
        ([_word(), _word()], "has no word with times; align it, or set transcripts.untimed_words"),
        ([_word(), _word(0.1, 0.2, speaker="other")], "has no word with times"),
        (
            [_word(0.0, 0.5), _word(0.5, 1.5)],
            r"word 2 ends at 1\.500 s, after the audio \(1\.000 s\); are the times in seconds and",
        ),
        ([_word(0.0, 0.5), _word(0.0, 9.0, speaker="other")], r"word 2 ends at 9\.000 s"),
        (
            [_word(0.5, 0.9), _word(0.4, 0.6)],
            r"word 2 starts at 0\.400 s, before the word that precedes it; put the words in the",
        ),
    ],
    ids=range(7),
)
def test_words_that_cannot_be_used_are_refused_by_number(words: list[Word], match: str) -> None:
    with pytest.raises(TranscriptError, match=match) as refusal:
        checked(_transcript(*words), 1.0, LEAVE, where="recordings.csv:3")

    assert str(refusal.value).startswith("recordings.csv:3: recording 'r1'")
    assert "ladder" not in str(refusal.value)


def test_a_file_that_could_not_be_read_is_not_a_person_who_says_nothing() -> None:
    unread = Transcript(recording_id="r1", words=(), warnings=("a.ctm:1: passed over", "and more"))

    with pytest.raises(TranscriptError, match=r"could be read: a\.ctm:1: passed over$") as refusal:
        checked(unread, 1.0, LEAVE)

    assert not isinstance(refusal.value, NoWordsError)


def test_without_a_place_the_recording_is_named() -> None:
    with pytest.raises(TranscriptError, match=r"^recording 'r1' has no words"):
        checked(_transcript(), 1.0, LEAVE)


def test_words_without_times_are_spread_evenly_if_that_is_asked_for() -> None:
    transcript = _transcript(_word(), _word(speaker="interviewer"), _word(), _word())

    spread = checked(transcript, 2.0, SPREAD)

    assert [(word.start_s, word.end_s) for word in spread.words] == [
        (0.0, 0.5),
        (0.5, 1.0),
        (1.0, 1.5),
        (1.5, 2.0),
    ]
    assert all(word.spread for word in spread.words)
    assert [word.speaker for word in spread.words][1] == "interviewer"


def test_one_word_with_times_is_enough_and_nothing_is_spread() -> None:
    transcript = _transcript(_word(), _word(0.2, 0.3), _word())

    assert checked(transcript, 1.0, SPREAD) == transcript
