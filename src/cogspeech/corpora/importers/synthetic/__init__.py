"""The ``synthetic`` importer: a spoken corpus made on the spot, for demos and tests.

Way through the folder: `people` invites, `signs` gives habits, `picture` and `script` say what is
said, `voice` and `speak` make it heard, `make` writes it down.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from cogspeech.corpora.base import IMPORTERS, CorpusImporter, read_recordings_table
from cogspeech.corpora.importers.synthetic.make import NOTICE, make_corpus
from cogspeech.settings import Settings
from cogspeech.types import Corpus, Progress


@IMPORTERS.register("synthetic")
class SyntheticImporter(CorpusImporter):
    """Makes a picture-description corpus in ``path`` with espeak-ng, once, and reads it."""

    class Options(Settings):
        """How many people speak, and how much the groups differ."""

        participants: Annotated[int, Field(ge=8, le=9999)] = 56
        """Half of them of each class."""
        second_visits: Annotated[float, Field(ge=0, le=1)] = 0.25
        """Share of participants with two visits."""
        effect: Annotated[float, Field(ge=0, le=5)] = 1.0
        """Scales all differences between the groups; 0: the groups speak alike."""
        seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
        """Decides voices and words."""

    def __init__(self, options: Options) -> None:
        """Keeps the options; nothing is made before `read`."""
        self._options = options

    def read(self, path: Path, *, target_column: str, progress: Progress) -> Corpus:
        """The recordings in ``path``, made first if they are not there.

        Raises:
            CorpusError: the folder holds something else, or espeak-ng fails.
            MissingExtra: espeakng_loader is not installed.
        """
        make_corpus(
            path, self._options.model_dump(), target_column=target_column, progress=progress
        )
        recordings = read_recordings_table(path / "recordings.csv", target_column=target_column)
        return Corpus(recordings=recordings, notice=NOTICE)
