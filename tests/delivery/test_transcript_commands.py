"""What `transcribe` and `transcript` print, write and refuse."""

import csv
import json

import pytest

from cogspeech.config import TranscriptsSection
from cogspeech.delivery.cli import main
from cogspeech.transcripts.base import read_transcript_file
from cogspeech.types import SPEAKERS
from tone_corpora import tone_corpus

WORDS = [
    {"text": "well", "start_s": 0.2, "end_s": 0.5, "speaker": "interviewer"},
    {"text": "um", "start_s": 0.8, "end_s": 1.0},
    {"text": "the", "start_s": 1.2, "end_s": 1.4, "confidence": 0.75},
    {"text": "boy", "start_s": 1.4, "end_s": 1.9},
]


@pytest.fixture
def words_file(tmp_path):
    path = tmp_path / "p1.words.json"
    path.write_text(json.dumps({"language": "en", "words": WORDS}))
    return path


@pytest.fixture
def study(tmp_path):
    tone_corpus(tmp_path, participants=4, words=12)
    path = tmp_path / "study.yaml"
    path.write_text("corpus: {path: recordings.csv}\n")
    return path


@pytest.mark.parametrize(
    ("to", "suffix"), [("json", ".words.json"), ("textgrid", ".TextGrid"), ("chat", ".cha")]
)
def test_a_transcript_is_converted_and_reads_back_the_same(
    words_file, tmp_path, capsys, to, suffix
):
    assert main(["transcript", str(words_file), "--to", to]) == 0

    printed = capsys.readouterr()
    assert printed.err == ""
    (tmp_path / f"again{suffix}").write_text(printed.out)
    section = TranscriptsSection(roles={role: role for role in SPEAKERS})
    back = read_transcript_file(tmp_path / f"again{suffix}", recording_id="p1", section=section)
    found = [(w.text, w.start_s, w.end_s, w.speaker) for w in back.words]
    expected = [
        (w["text"], w["start_s"], w["end_s"], w.get("speaker", "participant")) for w in WORDS
    ]
    assert found == expected


def test_an_unknown_format_suggests_the_nearest(words_file, capsys):
    assert main(["transcript", str(words_file), "--to", "textgrd"]) == 2

    assert "did you mean 'textgrid'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("role", "expected"),
    [("INV", "expected CODE=ROLE"), ("INV=boss", "'roles.INV'"), ("=other", "expected CODE=ROLE")],
)
def test_a_wrong_role_is_one_line(words_file, capsys, role, expected):
    assert main(["transcript", str(words_file), "--to", "json", "--role", role]) == 2

    printed = capsys.readouterr()
    assert expected in printed.err
    assert printed.err.count("\n") == 1


def test_transcribe_says_what_it_found_and_writes_words_files(study, tmp_path, capsys):
    assert main(["transcribe", str(study), "--out", str(tmp_path / "words")]) == 0

    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.startswith("4 recordings: 51 words, 51 with times, 0 interpolated")
    with (tmp_path / "words" / "quality.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["recording_id"] for row in rows] == [f"p{i:03d}-v1" for i in range(4)]
    assert [row["words"] for row in rows] == ["12", "13", "14", "12"]
    with (tmp_path / "words" / "gaps.csv").open() as stream:
        gaps = list(csv.DictReader(stream))
    assert len(gaps) == sum(int(row["pauses"]) for row in rows) == 47
    assert gaps[0] == {
        "recording_id": "p000-v1",
        "kind": "pause",
        "start_s": "0.300",
        "end_s": "0.600",
        "duration_s": "0.300",
        "before_word": "1",
    }
    written = tmp_path / "words" / "p002-v1.words.json"
    original = tmp_path / "audio" / "p002-v1.words.json"
    one, two = (read_transcript_file(path, recording_id="p002-v1") for path in (written, original))
    assert one.words == two.words


def test_transcribe_lists_what_failed_and_ends_with_3(study, tmp_path, capsys):
    (tmp_path / "audio" / "p001-v1.words.json").write_text('{"words": []}')

    assert main(["transcribe", str(study)]) == 3

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("3 recordings: ")
    assert lines[1] == "1 failed:"
    assert "p001-v1" in lines[2]
    assert "has no words of the participant" in lines[2]


@pytest.mark.parametrize("content", [b"", b"no sound", None])
def test_transcribe_puts_aside_audio_that_cannot_be_read(study, tmp_path, capsys, content):
    audio = tmp_path / "audio" / "p001-v1.wav"
    audio.unlink()
    if content is not None:
        audio.write_bytes(content)

    assert main(["transcribe", str(study)]) == 3

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("3 recordings: ")
    assert lines[2].startswith(f"  p001-v1  {tmp_path / 'recordings.csv'}:3: ")


def test_transcribe_of_nothing_usable_is_an_error(study, tmp_path, capsys):
    for number in range(4):
        (tmp_path / "audio" / f"p{number:03d}-v1.words.json").write_text("{")

    assert main(["transcribe", str(study)]) == 2

    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert "(+3 more recordings)" in printed.err
