"""What Whisper programs write: their shapes, their gaps, and nothing that is made up."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, ReadingOptions, read_transcript_file
from cogspeech.transcripts.readers import whisper_json
from cogspeech.transcripts.readers.whisper_json import WhisperJsonReader
from cogspeech.types import Transcript, Utterance, Word

TWO = {"SPEAKER_00": "interviewer", "SPEAKER_01": "participant"}


def _read(folder: Path, content: object, roles=None) -> Transcript:
    path = folder / "r1.json"
    if not isinstance(content, str | bytes):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    options = ReadingOptions(roles=roles or {})
    return WhisperJsonReader().read(path, recording_id="r1", options=options)


def _refusal(folder: Path, content: object, roles=None) -> str:
    with pytest.raises(TranscriptError) as refusal:
        _read(folder, content, roles)
    message = str(refusal.value)
    assert message.startswith(str(folder / "r1.json"))
    assert "ladder" not in message
    assert len(message.splitlines()) == 1
    return message


def _seen(transcript: Transcript) -> list[tuple]:
    return [(w.text, w.start_s, w.end_s, w.speaker[0], w.confidence) for w in transcript.words]


def _spans(transcript: Transcript) -> list[tuple]:
    return [(u.first_word, u.last_word, u.start_s, u.end_s) for u in transcript.utterances]


def _one(**facts) -> dict:
    """A file of one segment with one word of these facts."""
    return {
        "segments": [{"start": 0, "end": 3, "text": "x", "words": [{"word": "ladder", **facts}]}]
    }


def _told(transcript: Transcript) -> list[str]:
    return [warning.partition("r1.json: ")[2] for warning in transcript.warnings]


def test_it_is_registered_by_name_and_leaves_words_files_alone(tmp_path: Path) -> None:
    assert READERS.get("whisper_json") is WhisperJsonReader
    (tmp_path / "a.json").write_text(json.dumps(_one()))
    (tmp_path / "a.words.json").write_text('{"words": [{"text": "a"}]}')

    assert read_transcript_file(tmp_path / "a.json", recording_id="r1").source == "whisper"
    assert read_transcript_file(tmp_path / "a.words.json", recording_id="r1").source == "manual"


def test_whisperx_with_speakers_is_read(tmp_path: Path) -> None:
    """The second word has no time, as numbers have none; the third no score."""
    content = {
        "segments": [
            {
                "start": 0.1,
                "end": 2.0,
                "text": " The 1984 ladder.",
                "speaker": "SPEAKER_01",
                "words": [
                    {
                        "word": "The",
                        "start": 0.1,
                        "end": 0.4,
                        "score": 0.9,
                        "speaker": "SPEAKER_01",
                    },
                    {"word": "1984"},
                    {"word": "ladder.", "start": 1, "end": 2, "speaker": "SPEAKER_01"},
                ],
            },
            {"start": 2.5, "end": 3.5, "text": "And then?", "speaker": "SPEAKER_00", "words": []},
        ],
        "word_segments": [{"word": "The", "start": 0.1, "end": 0.4, "score": 0.9}],
        "language": "en",
    }

    transcript = _read(tmp_path, content, TWO)

    assert transcript == Transcript(
        recording_id="r1",
        language="en",
        source="whisper",
        words=(
            Word(text="The", start_s=0.1, end_s=0.4, confidence=0.9),
            Word(text="1984"),
            Word(text="ladder.", start_s=1.0, end_s=2.0),
            Word(text="And", speaker="interviewer"),
            Word(text="then?", speaker="interviewer"),
        ),
        utterances=(
            Utterance(first_word=0, last_word=3, start_s=0.1, end_s=2.0),
            Utterance(first_word=3, last_word=5, start_s=2.5, end_s=3.5),
        ),
    )


@pytest.mark.parametrize("is_list", [False, True], ids=["openai-whisper", "faster-whisper"])
def test_segments_are_read_from_an_object_or_a_list(tmp_path: Path, is_list: bool) -> None:
    segments = [
        {
            "id": 0,
            "seek": 0,
            "start": 0.0,
            "end": 1.5,
            "text": " Größe -",
            "tokens": [50364, 440],
            "avg_logprob": -0.2,
            "words": [
                {"word": " Größe", "start": 0.0, "end": 0.75, "probability": 0.5},
                {"word": " -", "start": 0.75, "end": 1.5, "probability": 0.25},
            ],
        },
        {"id": 1, "start": 2, "end": 3, "text": " no words ... here ", "words": None},
    ]

    transcript = _read(tmp_path, segments if is_list else {"text": "", "segments": segments})

    assert _seen(transcript) == [
        ("Größe", 0.0, 0.75, "p", 0.5),
        ("no", None, None, "p", None),
        ("words", None, None, "p", None),
        ("here", None, None, "p", None),
    ]
    assert _spans(transcript) == [(0, 1, 0.0, 1.5), (1, 4, 2.0, 3.0)]
    assert transcript.warnings == ()


def _token(text: str, begin: int, end: int, p: float = 0.5) -> dict:
    return {"text": text, "offsets": {"from": begin, "to": end}, "id": 1, "p": p, "t_dtw": -1}


def test_tokens_of_whisper_cpp_join_to_words_at_their_spaces(tmp_path: Path) -> None:
    content = {
        "systeminfo": "AVX",
        "result": {"language": "de"},
        "transcription": [
            {
                "timestamps": {"from": "00:00:00,000", "to": "00:00:04,000"},
                "offsets": {"from": 0, "to": 4000},
                "text": " The lad-der, fell",
                "tokens": [
                    _token("[_BEG_]", 0, 0, 0.9),
                    _token(" The", 100, 300),
                    _token(" lad", 400, 600, 0.25),
                    _token("-der", 600, 1000, 0.75),
                    _token(",", 1000, 2500, 1.0),
                    _token(" fell", 2500, 3000),
                    _token("[_TT_200]", 4000, 4000),
                    _token("<|endoftext|>", 4000, 4000),
                ],
            },
            {"offsets": {"from": 4000, "to": 5000}, "text": " it is"},
        ],
    }

    transcript = _read(tmp_path, content)

    assert _seen(transcript) == [
        ("The", 0.1, 0.3, "p", 0.5),
        ("lad-der,", 0.4, 1.0, "p", 0.5),
        ("fell", 2.5, 3.0, "p", 0.5),
        ("it", None, None, "p", None),
        ("is", None, None, "p", None),
    ]
    assert _spans(transcript) == [(0, 3, 0.0, 4.0), (3, 5, 4.0, 5.0)]
    assert transcript.language == "de"


def test_a_segment_that_speakers_share_becomes_utterances_without_times(tmp_path: Path) -> None:
    words = [
        {"word": "so?", "start": 0, "end": 1, "speaker": "SPEAKER_00"},
        {"word": "the", "start": 1, "end": 2},
        {"word": "boy", "start": 2, "end": 3, "speaker": "speaker_01"},
    ]
    content = {"segments": [{"start": 0, "end": 3, "words": words, "speaker": "SPEAKER_01"}]}

    transcript = _read(tmp_path, content, TWO)

    assert [word.speaker[0] for word in transcript.words] == ["i", "p", "p"]
    assert _spans(transcript)[0] == (0, 1, None, None)
    assert {(u.start_s, u.end_s) for u in transcript.utterances} == {(None, None)}


def test_speakers_without_a_role_are_listed(tmp_path: Path) -> None:
    content = [
        {"start": 0, "end": 1, "text": "ladder", "speaker": f"SPEAKER_{n:02d}\x1b"}
        for n in range(30)
    ]

    refusal = _refusal(tmp_path, content, TWO)

    assert "json: segment 1: speaker 'SPEAKER_00' is not in transcripts.roles; its s" in refusal
    assert "its speakers: SPEAKER_00, SPEAKER_01, SPEAKER_02" in refusal
    assert refusal.endswith("SPEAKER_19 (+10 more); add all, such as {SPEAKER_00: participant}")
    assert "\x1b" not in refusal


def test_a_speaker_without_a_role_is_named_with_its_segment(tmp_path: Path) -> None:
    content = [
        7,
        {"start": 0, "end": 1, "text": "a", "speaker": "SPEAKER_01"},
        {"start": 1, "end": 2, "words": [{"word": "ladder", "speaker": "SPEAKER_02"}]},
    ]

    assert "json: segment 3: speaker 'SPEAKER_02' is not in" in _refusal(tmp_path, content, TWO)


def test_words_of_nobody_beside_words_of_somebody_are_not_the_participants(tmp_path: Path) -> None:
    content = [
        {"start": 0, "end": 1, "text": "the ladder"},
        {"start": 1, "end": 2, "text": "yes", "speaker": "SPEAKER_01"},
    ]

    transcript = _read(tmp_path, content, TWO)

    assert [word.speaker for word in transcript.words] == ["other", "other", "participant"]
    assert _told(transcript) == [
        "2 words have no speaker, unlike the rest; they are nobody's ('other')"
    ]


def test_the_number_of_a_channel_is_a_speaker(tmp_path: Path) -> None:
    content = {"transcription": [{"offsets": {"from": 0, "to": 9}, "text": "a", "speaker": 1}]}

    assert _read(tmp_path, content, {"1": "interviewer"}).words[0].speaker == "interviewer"


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"start": 1}, "its times cannot be right"),
        ({"end": 1}, "its times cannot be right"),
        ({"start": 2, "end": 1}, "its times cannot be right"),
        ({"start": -1, "end": 1}, "its times cannot be right"),
        ({"start": float("nan"), "end": 1}, "its times cannot be right"),
        ({"start": 0, "end": float("inf")}, "its times cannot be right"),
        ({"start": "0", "end": "1"}, "its times cannot be right"),
        ({"start": True, "end": True}, "its times cannot be right"),
        ({"start": [0], "end": {}}, "its times cannot be right"),
        ({"score": 1.5}, "its confidence is no number from 0 to 1"),
        ({"score": -0.1}, "its confidence is no number from 0 to 1"),
        ({"probability": float("nan")}, "its confidence is no number from 0 to 1"),
        ({"probability": "0.5"}, "its confidence is no number from 0 to 1"),
        ({"score": True}, "its confidence is no number from 0 to 1"),
        ({"speaker": ["ladder"]}, "its speaker is no text"),
        ({"speaker": float("nan")}, "its speaker is no text"),
    ],
    ids=str,
)
def test_a_fact_that_cannot_be_right_is_unknown_and_told(
    tmp_path: Path, facts: dict, told: str
) -> None:
    transcript = _read(tmp_path, _one(**facts))

    assert transcript.words == (Word(text="ladder"),)
    assert len(transcript.warnings) == 1
    assert _told(transcript)[0].startswith(f"segment 1 word 1: {told}; ")
    assert _told(transcript)[0].endswith(" taken as unknown")


@pytest.mark.parametrize("number", ["9" * 5000, "1e999", "Infinity", "-Infinity", "NaN", "-1"])
@pytest.mark.parametrize("key", ["start", "end"])
def test_numbers_that_are_no_times_are_told_with_their_place(
    tmp_path: Path, key: str, number: str
) -> None:
    times = {"start": "1", "end": "2", key: number}
    word = f'{{"word": "ladder", "start": {times["start"]}, "end": {times["end"]}}}'

    transcript = _read(tmp_path, f'[{{"start": 0, "end": 1, "words": [{word}, {word}]}}]')

    assert transcript.words == (Word(text="ladder"),) * 2
    assert _told(transcript)[1].startswith("segment 1 word 2: its times cannot be right")


def test_what_is_no_segment_and_no_word_is_passed_over_and_told(tmp_path: Path) -> None:
    content = {
        "segments": [
            "ladder",
            {"start": 0, "end": 1, "words": {"word": "ladder"}, "text": "a"},
            {
                "start": 0,
                "end": 1,
                "words": ["ladder", {"text": "ladder"}, {"word": 5}],
                "text": "b",
            },
            {"start": "x", "end": 1, "text": ["ladder"]},
            {"start": 0, "end": 1, "text": ""},
            {"start": 0, "end": 1, "words": [{"word": " "}, {"word": "\x00\ud800"}]},
        ],
        "language": "\ud800",
    }

    transcript = _read(tmp_path, content)

    assert [word.text for word in transcript.words] == ["a", "b"]
    assert transcript.language is None
    assert _told(transcript) == [
        "segment 1: expected an object; it was passed over",
        "segment 2: 'words' must be a list; the text is read instead",
        "segment 3 word 1: expected an object with a text 'word'",
        "segment 3 word 2: expected an object with a text 'word'",
        "segment 3 word 3: expected an object with a text 'word'",
        "segment 4: its times cannot be right; they are taken as unknown",
        "segment 4: has neither words nor a text",
    ]


@pytest.mark.parametrize(
    "segment",
    [
        {"words": [{"word": " la\x07d\ud800der\u200b "}]},
        {"text": "la\x07d\ud800der\u200b"},
        {"tokens": [{"text": " la\x07d\ud800"}, {"text": "der\u200b"}]},
    ],
    ids=["word", "text", "tokens"],
)
def test_control_characters_and_half_surrogates_are_taken_out(tmp_path: Path, segment) -> None:
    key = "transcription" if "tokens" in segment else "segments"

    assert _read(tmp_path, {key: [segment]}).words == (Word(text="ladder"),)


def test_odd_tokens_are_told_and_leave_their_word_without_times(tmp_path: Path) -> None:
    tokens = [
        _token(" lad", 100, 200),
        {"text": "der"},
        7,
        _token(" is", -10, -10),
        _token("", 0, 1),
    ]
    content = {"transcription": [{"offsets": "ladder", "tokens": tokens, "text": ""}]}

    transcript = _read(tmp_path, content)

    assert [(word.text, word.is_timed) for word in transcript.words] == [
        ("ladder", False),
        ("is", False),
    ]
    assert _told(transcript) == [
        "segment 1 token 3: expected an object with a text 'text'",
        "segment 1 token 4: its times cannot be right; they are taken as unknown",
    ]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", ":1: not valid json (Expecting value); write it again"),
        ('{"segments": [{"text": "ladder"', ":1: not valid json (Expecting ',' delimiter)"),
        ('[\n"ladder" "b"]', ":2: not valid json (Expecting ',' delimiter)"),
        ("[" * 100_000, "not valid json (nested too deeply)"),
        ('{"a": ' * 100_000, "not valid json (nested too deeply)"),
        (
            "{}",
            "expected a list under 'segments' (WhisperX, openai-whisper, faster-whisper)",
        ),
        ('"ladder"', "expected a list under 'segments'"),
        ({"segments": {"text": "ladder"}}, "expected a list under 'segments'"),
        ({"words": [{"text": "ladder"}]}, "a words file must be called *.words.json"),
        (b"\xff\xfe\x00", "is not text"),
    ],
    ids=range(10),
)
def test_a_file_that_is_no_transcript_is_refused(
    tmp_path: Path, content: object, match: str
) -> None:
    assert match in _refusal(tmp_path, content)


@pytest.mark.parametrize(
    ("limit", "match"),
    [({"MAX_WORDS": 3}, "more than 3 words"), ({"MAX_BYTES": 9}, "larger than 0 MB")],
    ids=["words", "bytes"],
)
def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: dict, match: str
) -> None:
    sound = [{"text": "a b c"}]
    too_large = [{"text": "a b"}, {"text": "a ladder"}]
    assert len(_read(tmp_path, sound).words) == 3
    for name, value in limit.items():
        monkeypatch.setattr(whisper_json, name, value)

    assert match in _refusal(tmp_path, too_large)
    if "MAX_WORDS" in limit:
        assert len(_read(tmp_path, sound).words) == 3


def test_segments_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper_json, "MAX_WORDS", 3)

    assert "more than 3 words; no transcript" in _refusal(tmp_path, [{}] * 4)


def test_only_the_first_warnings_are_kept(tmp_path: Path) -> None:
    transcript = _read(tmp_path, [0] * 999)

    assert len(transcript.warnings) == 101
    assert _told(transcript)[-1] == "and 899 more such warnings"


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Z")), min_size=1)
TIMES = st.none() | st.lists(st.floats(0, 1e4), min_size=2, max_size=2).map(sorted)
CONFIDENCES = st.none() | st.floats(0, 1)


@settings(max_examples=50)
@given(
    segments=st.lists(
        st.lists(
            st.tuples(
                TEXTS.filter(lambda text: any(sign.isalnum() for sign in text)),
                TIMES,
                st.sampled_from(sorted(TWO)),
                CONFIDENCES,
            ),
            min_size=1,
            max_size=4,
        ),
        max_size=3,
    )
)
def test_any_words_come_back_exactly(tmp_path_factory, segments: list) -> None:
    raw = [
        {
            "words": [
                {"word": text, "speaker": label}
                | ({"start": times[0], "end": times[1]} if times else {})
                | ({} if score is None else {"score": score})
                for text, times, label, score in segment
            ]
        }
        for segment in segments
    ]

    transcript = _read(tmp_path_factory.getbasetemp(), {"segments": raw}, TWO)

    assert _seen(transcript) == [
        (text, times and times[0], times and times[1], TWO[label][0], score)
        for segment in segments
        for text, times, label, score in segment
    ]
    assert transcript.warnings == ()


KEYS = ("words", "word", "text", "start", "end", "speaker", "score", "tokens", "offsets", "p")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=100)
@given(segments=st.lists(JSON, max_size=3), key=st.sampled_from(["segments", "transcription"]))
def test_any_shape_is_read_or_refused(tmp_path_factory, segments: list, key: str) -> None:
    try:
        transcript = _read(tmp_path_factory.getbasetemp(), {key: segments})
    except TranscriptError as refusal:
        message = str(refusal)
    else:
        message = ""
        assert sum(u.last_word - u.first_word for u in transcript.utterances) == len(
            transcript.words
        )

    assert "transcripts.roles" in message or not message
