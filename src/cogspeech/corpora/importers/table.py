"""The ``table`` importer: a recordings table as it lies on disk."""

from pathlib import Path

from cogspeech.corpora.base import IMPORTERS, CorpusImporter, read_recordings_table
from cogspeech.settings import Settings
from cogspeech.types import Corpus, Progress


@IMPORTERS.register("table")
class TableImporter(CorpusImporter):
    """Reads ``recordings.csv``; the columns are described in ``docs/recordings-table.md``."""

    class Options(Settings):
        """A table has no options of its own."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def read(self, path: Path, *, target_column: str, progress: Progress) -> Corpus:
        """The rows of the table."""
        recordings = read_recordings_table(path, target_column=target_column)
        progress("import", len(recordings), len(recordings))
        return Corpus(recordings=recordings)
