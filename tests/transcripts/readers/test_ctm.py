"""CTM files: one recording of several, channels, and lines that cannot be right."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, ReadingOptions, read_transcript_file
from cogspeech.transcripts.readers import ctm
from cogspeech.transcripts.readers.ctm import CtmReader
from cogspeech.types import Transcript, Word

TWO = {"A": "participant", "B": "interviewer"}


def _read(folder: Path, content: str | bytes, roles=None, rendering: str = "audible") -> Transcript:
    path = folder / "any.ctm"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    options = ReadingOptions(roles=roles or {}, rendering=rendering)
    return CtmReader().read(path, recording_id="r1", options=options)


def _refusal(folder: Path, content: str | bytes, roles=None) -> str:
    with pytest.raises(TranscriptError) as refusal:
        _read(folder, content, roles)
    message = str(refusal.value)
    assert message.startswith(str(folder / "any.ctm"))
    assert "ladder" not in message
    assert len(message.splitlines()) == 1
    return message


def test_it_is_registered_by_name_and_found_by_its_ending(tmp_path: Path) -> None:
    assert READERS.get("ctm") is CtmReader
    (tmp_path / "a.CTM").write_text("r1 1 0 1 the\n")
    assert len(read_transcript_file(tmp_path / "a.CTM", recording_id="r1").words) == 1


def test_words_are_read_with_times_and_confidence(tmp_path: Path) -> None:
    content = ";; made by hand\n\nr1 1 0.25 0.5 the 0.9\r\nr1\t1  .75 1e-1   größe\nr1 1 2. 0 a 1.0"

    assert _read(tmp_path, content) == Transcript(
        recording_id="r1",
        source="ctm",
        words=(
            Word(text="the", start_s=0.25, end_s=0.75, confidence=0.9),
            Word(text="größe", start_s=0.75, end_s=0.85),
            Word(text="a", start_s=2.0, end_s=2.0, confidence=1.0),
        ),
    )


def test_of_several_recordings_one_is_read_and_only_its_lines_are_judged(tmp_path: Path) -> None:
    content = "r0 1 0 1 no\nr0 odd\nr1 1 5 1 later\nr1 1 0 1 first\nr2 B 0 1 no\n"

    transcript = _read(tmp_path, content)

    assert [word.text for word in transcript.words] == ["first", "later"]
    assert transcript.warnings == ()


def test_a_single_recording_is_read_whatever_its_name(tmp_path: Path) -> None:
    assert len(_read(tmp_path, "S001_enhanced 1 0 1 the\n").words) == 1


def test_several_recordings_none_of_which_is_meant_are_refused(tmp_path: Path) -> None:
    refusal = _refusal(tmp_path, "ladder 1 0 1 ladder\nr2 1 0 1 a\n")

    assert (
        "expected 'r1' in the first column, found 2 other recordings; give one file each" in refusal
    )


def test_channels_are_told_apart_by_their_roles(tmp_path: Path) -> None:
    content = "r1 A 0 1 a\nr1 A 2 1 c\nr1 b 1.5 1 b\n"

    transcript = _read(tmp_path, content, TWO)

    assert [(word.text, word.speaker[0]) for word in transcript.words] == [
        ("a", "p"),
        ("b", "i"),
        ("c", "p"),
    ]


def test_a_single_channel_is_the_participants_unless_it_has_a_role(tmp_path: Path) -> None:
    assert _read(tmp_path, "r1 2 0 1 a\n", TWO).words[0].speaker == "participant"
    assert _read(tmp_path, "r1 B 0 1 a\n", TWO).words[0].speaker == "interviewer"


def test_a_channel_without_a_role_is_refused_with_its_line(tmp_path: Path) -> None:
    refusal = _refusal(tmp_path, "r1 A 0 1 a\nr1 B 0 1 ladder\n", {"A": "participant"})

    assert (
        "any.ctm:2: channel 'B' is not in transcripts.roles; the file has: A, B; add all" in refusal
    )


RICH = (
    "r1 1 0 1 the 0.9 lex spk1\nr1 1 1 1 uh NA fp spk1\nr1 1 2 1 lad <NA> FRAG spk1\n"
    "r1 1 3 1 {laugh} 0.5 non-lex spk1\nr1 1 4 1 and? 0.8 un-lex spk2\nr1 1 5 1 yes 0.7 lex\n"
)


def test_types_and_speakers_are_read_where_they_stand(tmp_path: Path) -> None:
    roles = {"SPK1": "participant", "spk2": "interviewer", "1": "other"}

    audible = _read(tmp_path, RICH, roles)
    clean = _read(tmp_path, RICH, roles, rendering="clean")

    assert audible.warnings == clean.warnings == ()
    assert [(w.text, w.speaker[0], w.confidence, w.is_filler) for w in audible.words] == [
        ("the", "p", 0.9, False),
        ("uh", "p", None, True),
        ("lad", "p", None, False),
        ("and?", "i", 0.8, False),
        ("yes", "o", 0.7, False),
    ]
    assert [word.text for word in clean.words] == ["the", "and?", "yes"]


def test_a_speaker_without_a_role_has_that_of_the_channel_or_is_refused(tmp_path: Path) -> None:
    content = "r1 A 0 1 a 1 lex x\nr1 B 1 1 b 1 lex y\n"

    assert [word.speaker[0] for word in _read(tmp_path, content, TWO).words] == ["p", "i"]
    assert (
        "any.ctm:2: speaker 'y' is not in transcripts.roles; the file has: x, y; add all, such"
        in _refusal(tmp_path, content, {"x": "participant"})
    )


def test_a_single_speaker_is_the_participant_even_on_two_channels(tmp_path: Path) -> None:
    transcript = _read(tmp_path, "r1 A 0 1 a 1 lex x\nr1 B 1 1 b 1 lex x\n")

    assert [word.speaker for word in transcript.words] == ["participant", "participant"]


@pytest.mark.parametrize(
    ("times", "is_known"),
    [
        ("0 1", True),
        ("-1 2", False),
        ("0 -1", False),
        ("NaN 1", False),
        ("0 inf", False),
        ("8e307 8e307", True),
        ("1.7e308 1.7e308", False),
        ("1e999 0", False),
        (f"0 {'9' * 5000}", False),
        ("0:01 1", False),
        ("1_0 1", False),
        ("٣ 1", False),
        ("* *", False),
    ],
    ids=range(13),
)
def test_a_word_whose_times_cannot_be_right_stays_without_them(
    tmp_path: Path, times: str, is_known: bool
) -> None:
    transcript = _read(tmp_path, f"r1 1 {times} ladder\n")

    assert [word.is_timed for word in transcript.words] == [is_known]
    assert [warning.partition("any.ctm")[2] for warning in transcript.warnings] == (
        [] if is_known else [":1: its times cannot be right; they are taken as unknown"]
    )


@pytest.mark.parametrize("confidence", ["1.01", "-0.5", "none", "nan", "1e999"])
def test_a_confidence_that_cannot_be_right_is_unknown(tmp_path: Path, confidence: str) -> None:
    transcript = _read(tmp_path, f"r1 1 0 1 ladder {confidence}\n")

    assert transcript.words == (Word(text="ladder", start_s=0.0, end_s=1.0),)
    assert transcript.warnings[0].endswith(
        ":1: its confidence is no number from 0 to 1; it is taken as unknown"
    )


def test_other_lines_are_passed_over_and_told(tmp_path: Path) -> None:
    content = "r1 1 0 1\nr1 1 0 1 a 0.5 lex spk1 x\nr1 1 0 1 b\n"

    transcript = _read(tmp_path, content)

    assert [word.text for word in transcript.words] == ["b"]
    assert [warning.partition("any.ctm")[2] for warning in transcript.warnings] == [
        ":1: expected 5 to 8 columns, found 4; passed over",
        ":2: expected 5 to 8 columns, found 9; passed over",
    ]


def test_silences_are_no_words_but_what_nobody_understood_is(tmp_path: Path) -> None:
    marks = ["sp", "SIL", "<eps>", "<sil>", "spn", "<UNK>", "--", "lad\x07der"]
    content = "".join(f"r1 1 {at} 1 {mark}\n" for at, mark in enumerate(marks))

    audible = _read(tmp_path, content)
    clean = _read(tmp_path, content, rendering="clean")

    assert [(word.text, word.start_s) for word in audible.words] == [
        ("xxx", 4.0),
        ("xxx", 5.0),
        ("ladder", 7.0),
    ]
    assert clean.words == (Word(text="ladder", start_s=7.0, end_s=8.0),)
    assert audible.warnings == clean.warnings == ()


def test_alternatives_are_refused(tmp_path: Path) -> None:
    content = "r1 1 * * <ALT_BEGIN>\nr1 1 0 1 a\nr1 1 * * <ALT>\nr1 1 0 1 b\nr1 1 * * <ALT_END>\n"

    assert ":1: has alternatives (<ALT_BEGIN>); keep one of them" in _refusal(tmp_path, content)


@pytest.mark.parametrize(
    ("limit", "match"),
    [({"MAX_WORDS": 3}, "more than 3 words"), ({"MAX_BYTES": 9}, "larger than 0 MB")],
    ids=["words", "bytes"],
)
def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: dict, match: str
) -> None:
    sound = "r1 1 0 1 a\n" * 3
    too_large = "r1 1 0 1 ladder\n" * 4
    assert len(_read(tmp_path, sound).words) == 3
    for name, value in limit.items():
        monkeypatch.setattr(ctm, name, value)

    assert match in _refusal(tmp_path, too_large)
    if "MAX_WORDS" in limit:
        assert len(_read(tmp_path, sound).words) == 3


def test_prose_gives_no_words_and_few_warnings(tmp_path: Path) -> None:
    transcript = _read(tmp_path, "the ladder falls\n" * 500)

    assert transcript.words == ()
    assert len(transcript.warnings) == 101
    assert not any("ladder" in warning for warning in transcript.warnings)


WORDS = st.lists(
    st.tuples(
        st.integers(0, 9_999).map(lambda ms: ms / 1000),
        st.integers(0, 9_999).map(lambda ms: ms / 1000),
        st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Z")), min_size=1)
        .filter(lambda text: any(sign.isalnum() for sign in text))
        .filter(lambda text: text.casefold() not in ("sp", "sil", "spn", "xxx")),
        st.none() | st.floats(0, 1),
    ),
    max_size=6,
)


@settings(max_examples=50)
@given(words=WORDS)
def test_any_words_come_back_exactly(tmp_path_factory, words: list[tuple]) -> None:
    lines = [
        f"r1 1 {start!r} {duration!r} {text}{'' if score is None else f' {score!r}'}\n"
        for start, duration, text, score in words
    ]

    transcript = _read(tmp_path_factory.getbasetemp(), "".join(lines))

    assert [(w.start_s, w.end_s, w.text, w.confidence) for w in transcript.words] == [
        (start, start + duration, text, score)
        for start, duration, text, score in sorted(words, key=lambda word: word[0])
    ]
