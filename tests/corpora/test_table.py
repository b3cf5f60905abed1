"""The ``table`` importer."""

from pathlib import Path

import pytest

from cogspeech.config import parse_options
from cogspeech.corpora.base import IMPORTERS
from cogspeech.corpora.table import TableImporter
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
