"""What is written as a words file is read back as it was, but for times that nobody measured."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, WRITERS, ReadingOptions
from cogspeech.transcripts.writers.words_json import WordsJsonWriter
from cogspeech.types import SPEAKERS, Phone, Transcript, Utterance, Word


def _render(*words: Word, **facts) -> str:
    transcript = Transcript(recording_id="r1", words=words, **facts)
    return WordsJsonWriter().render(transcript, duration_s=None)


def _read(folder: Path, content: str) -> Transcript:
    path = folder / "a.words.json"
    path.write_bytes(content.encode())
    return READERS.get("words_json")().read(path, recording_id="r1", options=ReadingOptions())


def test_it_is_registered_by_name() -> None:
    assert WRITERS.get("words_json") is WordsJsonWriter


def test_every_word_stands_on_its_own_line() -> None:
    content = _render(
        Word(text='"größe"', start_s=0.1, end_s=1 / 3, speaker="interviewer", confidence=0.5),
        Word(text="梯子"),
        language="de",
        source="whisper",
    )

    assert content == (
        '{\n  "language": "de",\n  "source": "whisper",\n  "words": [\n'
        '    {"text": "\\"größe\\"", "start_s": 0.1, "end_s": 0.3333333333333333, '
        '"speaker": "interviewer", "confidence": 0.5},\n'
        '    {"text": "梯子", "start_s": null, "end_s": null, "speaker": "participant"}\n'
        "  ]\n}\n"
    )


def test_no_words_are_a_valid_file_too(tmp_path: Path) -> None:
    assert _read(tmp_path, _render()) == Transcript(recording_id="r1", words=())


def test_times_that_nobody_measured_are_not_written(tmp_path: Path) -> None:
    content = _render(
        Word(text="a", start_s=0.0, end_s=1.0, spread=True),
        Word(text="b", start_s=1.0, end_s=2.0, repair="interpolated"),
        Word(text="c", start_s=2.0, end_s=3.0, repair="clipped"),
        Word(text="um", start_s=3.0, end_s=4.0, is_filler=True, confidence=float("nan")),
        utterances=(Utterance(first_word=0, last_word=4, start_s=0.0, end_s=4.0),),
    )

    assert _read(tmp_path, content).words == (
        Word(text="a"),
        Word(text="b"),
        Word(text="c", start_s=2.0, end_s=3.0),
        Word(text="um", start_s=3.0, end_s=4.0),
    )


TIMES = st.none() | st.lists(st.floats(0, 1e4), min_size=2, max_size=2).map(sorted)
WORDS = st.builds(
    lambda text, times, speaker, confidence: Word(
        text=text,
        start_s=times and times[0],
        end_s=times and times[1],
        speaker=speaker,
        confidence=confidence,
    ),
    st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip),
    TIMES,
    st.sampled_from(SPEAKERS),
    st.none() | st.floats(0, 1),
)


@settings(max_examples=50)
@given(words=st.lists(WORDS, max_size=5), language=st.none() | st.just("en"))
def test_any_words_come_back_exactly(tmp_path_factory, words: list, language: str | None) -> None:
    content = _render(*words, language=language, source="any")

    assert _read(tmp_path_factory.getbasetemp(), content) == Transcript(
        recording_id="r1", words=tuple(words), language=language, source="any"
    )
    assert len(json.loads(content)["words"]) == len(words)


PHONES = (Phone(label="DH", start_s=0.1, end_s=0.15), Phone(label="AH", start_s=0.15, end_s=0.3))


def test_phones_and_guessed_pronunciations_come_back(tmp_path: Path) -> None:
    word = Word(text="the", start_s=0.1, end_s=0.3, phones=PHONES, is_pronunciation_guessed=True)

    assert _read(tmp_path, _render(word)).words == (word,)


@pytest.mark.parametrize(
    ("phones", "match"),
    [
        ("1", "'phones' must be a list"),
        ('["AH"]', "phone 1 must be an object"),
        ('[{"label": 3}]', "phone 1 must be an object"),
        ('[{"label": "AH"}]', "phone 1 needs both times"),
        ('[{"label": "AH", "start_s": 1, "end_s": 1}]', "must start at or after 0 and end after"),
        ('[{"label": " ", "start_s": 1, "end_s": 2}]', "needs a label"),
        ('[{"label": "AH", "start": 1, "end_s": 2}]', "phone 1: its key 2 is unknown"),
    ],
)
def test_phones_that_cannot_be(tmp_path: Path, phones: str, match: str) -> None:
    with pytest.raises(TranscriptError, match=match):
        _read(tmp_path, f'{{"words": [{{"text": "a", "phones": {phones}}}]}}')
