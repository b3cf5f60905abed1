"""The nouns refuse what would be wrong later, when they are made."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from cogspeech import types
from cogspeech.types import (
    RESEARCH_STATEMENT,
    EmbeddedRecording,
    Progress,
    Recording,
    Transcript,
    Word,
    no_progress,
)

NOUNS = {
    name: entry
    for name, entry in vars(types).items()
    if dataclasses.is_dataclass(entry) and isinstance(entry, type)
}


def _embedded(**changed) -> EmbeddedRecording:
    parts = {
        "recording_id": "r1",
        "event_vectors": np.zeros((2, 3), dtype=np.float32),
        "event_word": np.array([0, 0]),
        "event_is_pause": np.array([True, False]),
        "event_start_s": np.array([0.0, 0.5]),
        "event_duration_s": np.array([0.5, 0.5]),
        "token_vectors": np.zeros((1, 4), dtype=np.float32),
        "token_word": np.array([0]),
    }
    return EmbeddedRecording(**{**parts, **changed})


@pytest.mark.parametrize("noun", NOUNS.values(), ids=NOUNS)
def test_every_noun_is_frozen_and_explained(noun: type) -> None:
    assert noun.__dataclass_params__.frozen
    assert noun.__doc__
    assert not noun.__doc__.startswith(f"{noun.__name__}(")


def test_a_word_is_the_participants_and_without_times_unless_it_is_said() -> None:
    word = Word(text="the")

    assert (word.speaker, word.start_s, word.end_s, word.is_timed) == (
        "participant",
        None,
        None,
        False,
    )


def test_a_word_may_start_at_zero_and_last_no_time() -> None:
    word = Word(text="the", start_s=0.0, end_s=0.0)

    assert word.is_timed


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"text": " \t"}, "needs a text"),
        ({"text": "a\ud83d"}, "surrogate"),
        ({"start_s": 1.0}, "start and an end, or neither"),
        ({"end_s": 1.0}, "start and an end, or neither"),
        ({"start_s": math.nan, "end_s": 1.0}, "finite"),
        ({"start_s": 0.0, "end_s": math.inf}, "finite"),
        ({"start_s": -0.1, "end_s": 1.0}, "at or after 0"),
        ({"start_s": 0.5, "end_s": 0.4}, "not end before it starts"),
    ],
)
def test_a_word_that_cannot_be_is_refused(changed: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Word(**{"text": "ladder", **changed})


def test_the_refusal_of_a_word_does_not_quote_it() -> None:
    with pytest.raises(ValueError, match="before it starts") as refusal:
        Word(text="ladder", start_s=2.0, end_s=1.0)

    assert "ladder" not in str(refusal.value)


def test_the_participants_words_keep_their_order() -> None:
    transcript = Transcript(
        recording_id="r1",
        words=(
            Word(text="a"),
            Word(text="b", speaker="interviewer"),
            Word(text="c", speaker="other"),
            Word(text="d"),
        ),
    )

    assert [word.text for word in transcript.participant_words] == ["a", "d"]


@pytest.mark.parametrize("name", ["recording_id", "participant_id"])
def test_a_recording_needs_both_ids(name: str) -> None:
    ids = {"recording_id": "r1", "participant_id": "p1", name: ""}

    with pytest.raises(ValueError, match="recording_id and a participant_id"):
        Recording(audio_path=Path("a.wav"), **ids)


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"event_vectors": np.zeros((0, 3), dtype=np.float32)}, "at least one event"),
        ({"token_vectors": np.zeros((0, 4), dtype=np.float32)}, "at least one event"),
        ({"event_vectors": np.full((2, 3), np.nan, dtype=np.float32)}, "must be finite"),
        ({"token_vectors": np.full((1, 4), np.inf, dtype=np.float32)}, "must be finite"),
    ],
)
def test_an_embedded_recording_is_never_empty_and_always_finite(changed: dict, match: str) -> None:
    if "event_vectors" in changed and not len(changed["event_vectors"]):
        changed |= {
            "event_word": np.zeros(0, dtype=np.int64),
            "event_is_pause": np.zeros(0, dtype=np.bool_),
            "event_start_s": np.zeros(0),
            "event_duration_s": np.zeros(0),
        }
    if "token_vectors" in changed and not len(changed["token_vectors"]):
        changed |= {"token_word": np.zeros(0, dtype=np.int64)}

    with pytest.raises(ValueError, match=match):
        _embedded(**changed)


def test_progress_is_any_callable_with_stage_done_and_total() -> None:
    no_progress("embed", 1, 2)

    assert isinstance(no_progress, Progress)


def test_the_research_statement_says_what_it_is_not() -> None:
    assert "no medical device" in RESEARCH_STATEMENT
    assert "must not be used to diagnose" in RESEARCH_STATEMENT
