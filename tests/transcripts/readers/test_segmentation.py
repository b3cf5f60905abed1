"""ADReSSo's segmentations: turns in ms, in any order, and rows that cannot be right."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.config import TranscriptsSection
from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import (
    READERS,
    ReadingOptions,
    read_segmentation_file,
    read_transcript_file,
)
from cogspeech.transcripts.readers import segmentation
from cogspeech.transcripts.readers.segmentation import SegmentationReader
from cogspeech.types import Transcript, Utterance

ADRESSO = ',speaker,begin,end\n0,INV,0,2100\n1,PAR,2100,9500\n2,"PAR",9700,12000.5\n'


def _read(folder: Path, content: str | bytes, roles=None) -> Transcript:
    path = folder / "r1.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    options = ReadingOptions(roles=roles or {})
    return SegmentationReader().read(path, recording_id="r1", options=options)


def _refusal(folder: Path, content: str | bytes, roles=None) -> str:
    with pytest.raises(TranscriptError) as refusal:
        _read(folder, content, roles)
    message = str(refusal.value)
    assert message.startswith(str(folder / "r1.csv"))
    assert len(message.splitlines()) == 1
    return message


def _seen(transcript: Transcript) -> list[tuple]:
    return [(u.speaker, u.start_s, u.end_s) for u in transcript.utterances]


def _told(transcript: Transcript) -> list[str]:
    return [warning.partition("r1.csv")[2] for warning in transcript.warnings]


def test_it_is_registered_by_name() -> None:
    assert READERS.get("segmentation") is SegmentationReader


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_turns_are_utterances_with_a_speaker_and_without_words(
    tmp_path: Path, encoding: str, separator: str, ends: str
) -> None:
    content = ADRESSO.replace(",", separator).replace("\n", ends)

    assert _read(tmp_path, content.encode(encoding)) == Transcript(
        recording_id="r1",
        words=(),
        source="segmentation",
        utterances=(
            Utterance(first_word=0, last_word=0, start_s=0.0, end_s=2.1, speaker="interviewer"),
            Utterance(first_word=0, last_word=0, start_s=2.1, end_s=9.5, speaker="participant"),
            Utterance(first_word=0, last_word=0, start_s=9.7, end_s=12.0005, speaker="participant"),
        ),
    )


def test_columns_stand_in_any_order_and_turns_in_that_of_time(tmp_path: Path) -> None:
    content = " End ,x, SPEAKER,begin\n5000,a,par,3000\n\n,,,\n4000,b, INV ,500\n"

    assert _seen(_read(tmp_path, content)) == [
        ("interviewer", 0.5, 4.0),
        ("participant", 3.0, 5.0),
    ]


def test_roles_outweigh_the_usual_codes(tmp_path: Path) -> None:
    content = ADRESSO.replace("INV", "spk 1")

    transcript = _read(tmp_path, content, {"SPK 1": "participant", "par": "other"})

    assert [speaker for speaker, *_ in _seen(transcript)] == ["participant", "other", "other"]


def test_a_speaker_without_a_role_is_named_with_its_line(tmp_path: Path) -> None:
    content = ADRESSO + "3,Nurse,0,100\n"

    assert "csv:5: speaker 'Nurse' is not in transcripts.roles; add it, such as {NAME: int" in (
        _refusal(tmp_path, content)
    )


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("3,PAR,NaN,100", "begin and end must be numbers of ms; the row was passed over"),
        ("3,PAR,100,", "begin and end must be numbers of ms; the row was passed over"),
        ("3,PAR,-5,100", "begin and end must be numbers of ms; the row was passed over"),
        ('3,PAR,"1,5",100', "begin and end must be numbers of ms; the row was passed over"),
        ("3,PAR,100,1e999", "begin and end must be numbers of ms; the row was passed over"),
        ("3,PAR,200,100", "the turn ends before it begins; it was passed over"),
        ("3,PAR,200", "the row has only 3 cells; it was passed over"),
    ],
)
def test_a_row_that_cannot_be_right_is_passed_over_and_told(
    tmp_path: Path, row: str, told: str
) -> None:
    transcript = _read(tmp_path, f"{ADRESSO}{row}\n4,PAR,13000,14000\n")

    assert len(transcript.utterances) == 4
    assert _told(transcript) == [f":5: {told}"]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", ":1: expected the columns speaker, begin, end, but speaker, begin, end is not there"),
        ("speaker,begin\nPAR,0\n", ":1: expected the columns speaker, begin, end, but end is not"),
        ("participant_id,diagnosis\np1,control\n", ":1: expected the columns speaker, begin, end"),
        ("speaker,begin,end\n", "has no turn; expected rows of speaker, begin, end in ms"),
        ("speaker,begin,end\nPAR,x,y\n", "has no turn; expected rows of speaker, begin, end in ms"),
        ("speaker,begin,end\nPAR,0,2.1\nINV,2.1,9\n", "must be in ms, and look like seconds; mult"),
        ('speaker,begin,end\nPAR,0,"2000\n', ":2: not valid csv (unexpected end of data); expor"),
        (f"speaker,begin,end\n{'x' * 200_000},0,1\n", ":2: not valid csv (field larger than field"),
        (b"speaker,begin,end\nPAR,0,2000\0\n", "is not text"),
    ],
    ids=range(9),
)
def test_a_file_that_is_no_segmentation_is_refused(
    tmp_path: Path, content: str | bytes, match: str
) -> None:
    assert match in _refusal(tmp_path, content)


@pytest.mark.parametrize(
    ("limit", "match"),
    [({"MAX_TURNS": 2}, "more than 2 turns"), ({"MAX_BYTES": 9}, "larger than 0 MB")],
    ids=["turns", "bytes"],
)
def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: dict, match: str
) -> None:
    for name, value in limit.items():
        monkeypatch.setattr(segmentation, name, value)

    assert match in _refusal(tmp_path, ADRESSO)


TURNS = st.lists(
    st.tuples(st.sampled_from(["PAR", "INV"]), st.integers(0, 10**6), st.integers(51, 10**5)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=50)
@given(turns=TURNS)
def test_any_turns_come_back_exactly_in_the_order_of_time(
    tmp_path_factory, turns: list[tuple]
) -> None:
    rows = [f"{n},{who},{at},{at + length}\n" for n, (who, at, length) in enumerate(turns)]

    transcript = _read(tmp_path_factory.getbasetemp(), ",speaker,begin,end\n" + "".join(rows))

    names = {"PAR": "participant", "INV": "interviewer"}
    assert _seen(transcript) == [
        (names[who], at / 1000, (at + length) / 1000)
        for who, at, length in sorted(turns, key=lambda turn: turn[1])
    ]


def test_it_is_no_transcript_and_says_where_it_belongs(tmp_path: Path) -> None:
    path = tmp_path / "r1.csv"
    path.write_text(ADRESSO)

    with pytest.raises(
        TranscriptError, match=r"r1\.csv: has turns but no words; name it in segmentation_path, and"
    ):
        read_transcript_file(path, recording_id="r1")
    assert len(read_segmentation_file(path, recording_id="r1").utterances) == 3


def test_a_file_of_words_is_no_segmentation(tmp_path: Path) -> None:
    path = tmp_path / "r1.cha"
    path.write_text("@Begin\n*PAR:\tthe ladder . \x150_100\x15\n@End\n")

    with pytest.raises(TranscriptError, match=r"r1\.cha: has no turns; segmentation_path must nam"):
        read_segmentation_file(path, recording_id="r1")


def test_a_strict_study_refuses_what_would_only_be_told(tmp_path: Path) -> None:
    path = tmp_path / "r1.csv"
    path.write_text(f"{ADRESSO}3,PAR,200,100\n")

    with pytest.raises(TranscriptError, match=r"r1\.csv:5: the turn ends before .*leave out stri"):
        read_segmentation_file(path, recording_id="r1", section=TranscriptsSection(strict=True))
