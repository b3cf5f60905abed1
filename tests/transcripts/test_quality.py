"""Counts that say what a transcript is worth."""

import pytest

from cogspeech.transcripts.quality import quality_of, with_fillers
from cogspeech.types import Transcript, Word


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
