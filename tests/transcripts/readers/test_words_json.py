"""The words file: what the contract allows is read, all else is refused without quoting a word."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, ReadingOptions
from cogspeech.transcripts.readers import words_json
from cogspeech.transcripts.readers.words_json import WordsJsonReader
from cogspeech.types import SPEAKERS, Transcript, Word


def _read(folder: Path, content: str | bytes | object) -> Transcript:
    path = folder / "r1.words.json"
    if not isinstance(content, str | bytes):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return WordsJsonReader().read(path, recording_id="r1", options=ReadingOptions())


def _refusal(folder: Path, content: str | bytes | object) -> str:
    with pytest.raises(TranscriptError) as refusal:
        _read(folder, content)
    return str(refusal.value)


def _with(**facts) -> dict:
    """A file whose second word has these facts."""
    return {"words": [{"text": "zebra"}, {"text": "ladder", **facts}]}


def test_it_is_registered_by_name() -> None:
    assert READERS.get("words_json") is WordsJsonReader


def test_everything_the_contract_names_is_read(tmp_path: Path) -> None:
    transcript = _read(
        tmp_path,
        {
            "language": "en",
            "source": "whisper",
            "words": [
                {
                    "text": "the",
                    "start_s": 0.12,
                    "end_s": 0.3,
                    "speaker": "interviewer",
                    "confidence": 0.98,
                },
                {"text": "ladder", "start_s": 1, "end_s": 2},
                {"text": "fell", "start_s": None, "end_s": None},
            ],
        },
    )

    assert transcript == Transcript(
        recording_id="r1",
        language="en",
        source="whisper",
        words=(
            Word(text="the", start_s=0.12, end_s=0.3, speaker="interviewer", confidence=0.98),
            Word(text="ladder", start_s=1.0, end_s=2.0),
            Word(text="fell"),
        ),
    )


def test_language_and_source_have_defaults_and_a_byte_order_mark_is_no_harm(tmp_path: Path) -> None:
    transcript = _read(tmp_path, b'\xef\xbb\xbf{"words": []}')

    assert (transcript.language, transcript.source, transcript.words) == (None, "manual", ())


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", ":1: not valid json (Expecting value); write it again"),
        ('{"words": [{"text": "ladder"', ":1: not valid json (Expecting ',' delimiter)"),
        (b'{"words": [{"text": "ladder\xff"}]}', ": is not UTF-8 text; write it again as UTF-8"),
        ("[" * 100_000, "nested too deeply"),
        ('{"words": ' + "[" * 100_000, "nested too deeply"),
        ("[]", "expected a json object with a list 'words'"),
        ('"ladder"', "expected a json object with a list 'words'"),
        ("{}", "expected a list under 'words'"),
        ({"word": [{"text": "ladder"}]}, "its key 1 is unknown; did you mean 'words'?"),
        ({"words": [], "ladder": 1}, "its key 2 is unknown; known: language, source, words"),
        ({"words": {"text": "ladder"}}, "expected a list under 'words'"),
        ({"words": "ladder"}, "expected a list under 'words'"),
        ({"words": [], "language": 3}, "'language' and 'source' must be texts"),
        ({"words": [], "source": None}, "'language' and 'source' must be texts"),
        ({"words": ["ladder"]}, "word 1: expected an object with 'text'"),
        ({"words": [{"ladder": [0.1, 0.2]}]}, "word 1: its key 1 is unknown; known: text, start_s"),
        (_with(start=0.1), "word 2: its key 2 is unknown; did you mean 'start_s'?"),
        ({"words": [{"start_s": 0.1, "end_s": 0.2}]}, "word 1: 'text' must be a text"),
        ({"words": [{"text": 5}]}, "word 1: 'text' must be a text"),
        ({"words": [{"text": " "}]}, "word 1: a word needs a text"),
        ('{"words": [{"text": "ladder\\ud800"}]}', "must not hold half of a surrogate pair"),
        (
            _with(speaker="nurse"),
            "word 2: 'speaker' is 'nurse'; expected one of participant, interv",
        ),
        (_with(speaker=["participant"]), "'speaker' is no text; expected one of"),
        (_with(speaker=None), "'speaker' is no text; expected one of"),
        (_with(start_s=0.1), "a word has a start and an end, or neither"),
        (_with(start_s=0.3, end_s=0.2), "not end before it starts; correct it, or write null"),
        (_with(start_s=-0.1, end_s=0.2), "must start at or after 0"),
        (_with(start_s="0.1", end_s=0.2), "'start_s' must be a number or null"),
        (_with(start_s="NaN", end_s=0.2), "'start_s' must be a number or null"),
        (_with(start_s=True, end_s=2), "'start_s' must be a number or null"),
        (_with(start_s=0.1, end_s=[]), "'end_s' must be a number or null"),
        (_with(confidence={}), "'confidence' must be a number or null"),
        ('{"words": [{"text": "ladder", "start_s": NaN, "end_s": 1}]}', "NaN is not a time; write"),
        ('{"words": [{"text": "ladder", "start_s": 0, "end_s": Infinity}]}', "Infinity is not a t"),
        ('{"words": [{"text": "ladder", "start_s": 0, "end_s": 1e999}]}', "'end_s' is too large"),
        ('{"words": [{"text": "ladder", "confidence": 1e999}]}', "'confidence' is too large"),
        (f'{{"words": [{{"text": "ladder", "start_s": {"9" * 400}}}]}}', "'start_s' is too large"),
        (f'{{"words": [{{"text": "ladder", "start_s": {"9" * 5000}}}]}}', "'start_s' is too large"),
        ('{"words": [], "words": []}', "a key stands twice in one object"),
        ('{"words": [{"text": "ladder", "text": "zebra"}]}', "a key stands twice in one object"),
    ],
    ids=range(40),
)
def test_what_the_contract_does_not_allow_is_refused(
    tmp_path: Path, content: str | bytes | object, match: str
) -> None:
    refusal = _refusal(tmp_path, content)

    assert refusal.startswith(f"{tmp_path / 'r1.words.json'}:")
    assert match in refusal
    assert "ladder" not in refusal
    assert "zebra" not in refusal
    assert len(refusal.splitlines()) == 1


def test_a_file_that_is_too_large_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words_json, "MAX_BYTES", 1 << 20)

    assert "larger than 1 MB; not a transcript" in _refusal(tmp_path, " " * ((1 << 20) + 1))


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_folder_or_a_pipe_is_refused_without_waiting(tmp_path: Path, make) -> None:
    path = tmp_path / "r1.words.json"
    make(path)

    with pytest.raises(TranscriptError, match="is not a regular file; give the path of a transc"):
        WordsJsonReader().read(path, recording_id="r1", options=ReadingOptions())


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        TranscriptError, match=r"cannot be opened \(No such file or directory\); co"
    ):
        WordsJsonReader().read(
            tmp_path / "gone.words.json", recording_id="r1", options=ReadingOptions()
        )


TIMES = st.one_of(
    st.none(),
    st.lists(st.floats(0, 1e4, allow_nan=False), min_size=2, max_size=2).map(sorted),
)


@settings(deadline=None, max_examples=50)
@given(
    words=st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip),
            TIMES,
            st.sampled_from(SPEAKERS),
        ),
        max_size=5,
    )
)
def test_any_words_come_back_exactly(tmp_path_factory, words: list[tuple]) -> None:
    raw = [
        {
            "text": text,
            "start_s": times and times[0],
            "end_s": times and times[1],
            "speaker": speaker,
        }
        for text, times, speaker in words
    ]

    transcript = _read(tmp_path_factory.mktemp("any"), {"words": raw})

    assert [
        {"text": w.text, "start_s": w.start_s, "end_s": w.end_s, "speaker": w.speaker}
        for w in transcript.words
    ] == raw


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(st.sampled_from(["words", "text", "start_s", "end_s", "speaker"]), st.text()),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=100)
@given(content=st.one_of(st.binary(max_size=200), JSON.map(lambda value: {"words": [value]}), JSON))
def test_any_file_is_read_or_refused_with_its_name(tmp_path_factory, content: object) -> None:
    folder = tmp_path_factory.mktemp("any")

    try:
        _read(folder, content)
    except TranscriptError as refusal:
        message = str(refusal)
    else:
        message = ""

    assert not message or message.startswith(f"{folder / 'r1.words.json'}:")
