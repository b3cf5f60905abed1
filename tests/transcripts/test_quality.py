"""Counts that say what a transcript is worth."""

import csv
import io

import pytest

from cogspeech.config import TranscriptsSection
from cogspeech.transcripts import quality
from cogspeech.transcripts.quality import quality_csv, with_fillers
from cogspeech.types import Transcript, Word


def quality_of(transcript, **section):
    return quality.quality_of(transcript, TranscriptsSection(**section))


def spoken(*texts, **facts):
    words = tuple(
        Word(text=text, start_s=0.5 * i, end_s=0.5 * i + 0.25, **facts)
        for i, text in enumerate(texts)
    )
    return Transcript(recording_id="r1", words=words, source="manual", warnings=("a:1: odd",))


def test_filled_pauses_are_recognised_whatever_their_spelling():
    marked = with_fillers(spoken("Um,", "the", "UH", "erm...", "hum"))

    assert [word.is_filler for word in marked.words] == [True, False, True, True, False]


def test_everything_is_counted_once():
    words = (
        Word(text="the", start_s=0.0, end_s=0.2, confidence=0.5),
        Word(text="uh", start_s=0.4, end_s=0.6, is_filler=True, confidence=1.0),
        Word(text="boy", start_s=0.6, end_s=0.8, repair="interpolated"),
        Word(text="falls", start_s=0.8, end_s=1.0, repair="trimmed"),
        Word(text="down", start_s=1.0, end_s=2.0, repair="clipped"),
        Word(text="there"),
        Word(text="and", start_s=2.0, end_s=2.1, speaker="interviewer"),
    )

    found = quality_of(Transcript(recording_id="r1", words=words))

    assert (found.words, found.words_with_times, found.fillers) == (6, 4, 1)
    assert (found.interpolated, found.trimmed, found.clipped) == (1, 1, 1)
    assert found.confidence == pytest.approx(0.75)
    assert found.words_per_s == pytest.approx(5 / 2.0)


def test_a_transcript_without_times_or_confidence_has_none():
    found = quality_of(Transcript(recording_id="r1", words=(Word(text="the"),)))

    assert found.words_per_s is None
    assert found.confidence is None


@pytest.mark.parametrize(("times", "expected"), [(1, 0), (2, 0), (3, 1), (7, 2)])
def test_a_phrase_three_times_in_a_row_is_suspicious(times, expected):
    texts = ["so"] + ["thank", "you", "very", "much"] * times + ["and", "so"]

    assert quality_of(spoken(*texts)).repeated_phrases == expected


def test_gaps_are_counted_by_kind_and_pauses_by_duration():
    """Silences of 0.25, 0.5, 0.75 and 3 s; a filler of 0.25 s; 1.5 s until the next turn."""
    times = [(0.0, 0.5), (0.75, 1.0), (1.5, 2.0), (2.75, 3.0), (6.0, 6.5), (8.0, 8.5)]
    words = [Word(text="the", start_s=start, end_s=end) for start, end in times]
    words[1] = Word(text="uh", start_s=0.75, end_s=1.0, is_filler=True)
    words.insert(5, Word(text="yes", start_s=7.0, end_s=7.25, speaker="interviewer"))
    transcript = Transcript(recording_id="r1", words=tuple(words))

    found = quality_of(transcript, pause_bins_s=(0.5, 2.0))

    assert (found.pauses, found.pause_s) == (4, 4.5)
    assert (found.filled_pauses, found.filled_pause_s) == (1, 0.25)
    assert (found.turn_changes, found.turn_change_s) == (1, 1.5)
    (row,) = csv.DictReader(io.StringIO(quality_csv([found])))
    assert row["pauses_0.15_to_0.5_s"] == "1"
    assert row["pauses_0.5_to_2_s"] == "2"
    assert row["pauses_from_2_s"] == "1"
    assert row["confidence"] == row["unheard_words"] == ""
    assert "pauses_by_duration" not in row


def test_bins_below_the_shortest_pause_are_left_out():
    found = quality_of(spoken("the", "boy"), min_pause_s=0.6)

    assert list(found.pauses_by_duration) == [
        "pauses_0.6_to_1_s",
        "pauses_1_to_2_s",
        "pauses_from_2_s",
    ]


def test_without_bins_all_pauses_are_counted_together():
    found = quality_of(spoken("the", "boy"), pause_bins_s=())

    assert found.pauses_by_duration == {"pauses_from_0.15_s": 1}
