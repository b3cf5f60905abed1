"""The ``files`` source: transcripts beside the recordings."""

from pathlib import Path

import pytest

from cogspeech.config import TranscriptsSection
from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import SOURCES
from cogspeech.transcripts.sources.files import FileTranscripts
from cogspeech.types import Recording


def _recording(transcript_path: Path | None) -> Recording:
    return Recording(
        recording_id="r1",
        participant_id="p1",
        audio_path=Path("a.wav"),
        transcript_path=transcript_path,
        where="recordings.csv:5",
    )


def test_it_is_registered_by_name() -> None:
    assert SOURCES.get("files") is FileTranscripts


def test_it_reads_the_file_of_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "any.words.json"
    path.write_text('{"language": "de", "words": [{"text": "der"}]}')

    transcript = FileTranscripts(FileTranscripts.Options(), TranscriptsSection()).transcript_of(
        _recording(path)
    )

    assert (transcript.recording_id, transcript.language) == ("r1", "de")
    assert [word.text for word in transcript.words] == ["der"]


def test_a_recording_without_a_file_names_the_column_to_fill() -> None:
    with pytest.raises(
        TranscriptError, match=r"^recordings\.csv:5: recording 'r1' has no transcript_path; fill"
    ):
        FileTranscripts(FileTranscripts.Options(), TranscriptsSection()).transcript_of(
            _recording(None)
        )


def test_a_file_that_cannot_be_read_names_row_and_file(tmp_path: Path) -> None:
    with pytest.raises(
        TranscriptError, match=r"^recordings\.csv:5: .*gone\.words\.json: cannot be opened \(No su"
    ):
        FileTranscripts(FileTranscripts.Options(), TranscriptsSection()).transcript_of(
            _recording(tmp_path / "gone.words.json")
        )


def test_a_format_nobody_reads_names_row_and_file(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match=r"^recordings\.csv:5: .*a\.docx: no reader for"):
        FileTranscripts(FileTranscripts.Options(), TranscriptsSection()).transcript_of(
            _recording(tmp_path / "a.docx")
        )
