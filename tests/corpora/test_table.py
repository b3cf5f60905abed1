"""The ``table`` importer."""

from pathlib import Path

import pytest

from cogspeech.config import parse_options
from cogspeech.corpora.base import IMPORTERS, read_recordings_table
from cogspeech.corpora.importers.table import TableImporter
from cogspeech.errors import ConfigError, CorpusError
from cogspeech.types import no_progress


def test_it_is_registered_by_name() -> None:
    assert IMPORTERS.get("table") is TableImporter


def test_it_reads_the_rows_in_order_and_tells_so(tmp_path: Path) -> None:
    path = tmp_path / "any-name.csv"
    path.write_text("recording_id,participant_id,audio_path,group\nr2,p2,b.wav,y\nr1,p1,a.wav,x\n")
    told = []

    corpus = TableImporter(TableImporter.Options()).read(
        path, target_column="group", progress=lambda *step: told.append(step)
    )

    assert [(r.recording_id, r.label) for r in corpus.recordings] == [("r2", "y"), ("r1", "x")]
    assert corpus.notice is None
    assert told == [("import", 2, 2)]


def test_a_folder_instead_of_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such recordings table; expected a csv file"):
        TableImporter(TableImporter.Options()).read(
            tmp_path, target_column="diagnosis", progress=no_progress
        )


def test_it_has_no_options() -> None:
    with pytest.raises(ConfigError, match="corpus: unknown key 'delimiter'"):
        parse_options(TableImporter.Options, {"delimiter": ";"}, where="corpus")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("recording_id;participant_id;audio_path;diagnosis", "separated by ';'; save it with"),
        ("recording_id\tparticipant_id\taudio_path", "separated by tabs; save it with commas"),
        ("PK\x03\x04stuff", "is an Excel workbook; save it as CSV UTF-8"),
        ("p1,person,a.wav,control", "the first row must name the columns, among them recording_id"),
    ],
)
def test_what_a_spreadsheet_makes_of_a_table_is_recognised(tmp_path, header, expected):
    (tmp_path / "recordings.csv").write_text(f"{header}\n")

    with pytest.raises(CorpusError, match=expected) as raised:
        read_recordings_table(tmp_path / "recordings.csv", target_column="diagnosis")

    assert "person" not in str(raised.value)


def test_rows_of_nothing_but_commas_are_no_recordings(tmp_path):
    header = "recording_id,participant_id,audio_path,diagnosis"
    (tmp_path / "recordings.csv").write_text(f"{header}\nr,p,a.wav,control\n,,,\n\n,,,\n")

    rows = read_recordings_table(tmp_path / "recordings.csv", target_column="diagnosis")

    assert [row.recording_id for row in rows] == ["r"]
