"""The ``prepare`` importer: the acoustic track of the PREPARE challenge (DrivenData, NIA).

https://www.drivendata.org/competitions/299/competition-nih-alzheimers-acoustic-2/
"""

from collections.abc import Iterable
from typing import ClassVar

from cogspeech.corpora.base import IMPORTERS, Access
from cogspeech.corpora.layout import Found, LayoutImporter
from cogspeech.corpora.sheets import Row, by_key, read_sheet
from cogspeech.corpora.tree import CorpusFile, CorpusTree
from cogspeech.types import PassedOver

SHEET = "metadata.csv"
REQUIRED = {"uid": ("uid",), "split": ("split",), "diagnosis": ("diagnosis",)}
OPTIONAL = {
    "language": ("language",),
    "age": ("age",),
    "gender": ("gender", "sex"),
    "corpus": ("corpus",),
    "task": ("task",),
}
LANGUAGES = {
    "english": "en", "spanish": "es", "mandarin": "zh", "chinese": "zh",
    "en": "en", "es": "es", "zh": "zh",
}  # fmt: skip
SEXES = {"male": "male", "female": "female", "m": "male", "f": "female"}


@IMPORTERS.register("prepare")
class PrepareImporter(LayoutImporter):
    """The rows of ``metadata.csv``; the archives must be unpacked."""

    corpus: ClassVar[str] = "PREPARE"
    access: ClassVar[Access | None] = Access(
        url="https://www.drivendata.org/competitions/299/competition-nih-alzheimers-acoustic-2/",
        conditions="By the rules of the challenge; may not be passed on.",
    )
    notice: ClassVar[str | None] = (
        "PREPARE pools clips of other corpora (column source_corpus): where corpus or language "
        "goes with the diagnosis, a classifier may tell those apart. Whether two clips are of one "
        "person is not said."
    )
    known_labels: ClassVar = {
        "control": "control",
        "hc": "control",
        "mci": "mci",
        "ad": "dementia",
        "probablead": "dementia",
        "ppa": "ppa",
    }

    def find(self, tree: CorpusTree, passed_over: list[PassedOver]) -> Iterable[Found]:  # noqa: ARG002
        """The rows of the sheet."""
        sheet = tree.named(SHEET)
        if sheet is None:
            raise self.wrong_root(tree, [SHEET])
        rows = by_key(read_sheet(sheet.path, REQUIRED, OPTIONAL), "uid")
        return [_found(tree, sheet, row) for row in rows.values()]


def _found(tree: CorpusTree, sheet: CorpusFile, row: Row) -> Found:
    name, split = row.need("uid"), row.need("split").lower()
    folder = f"{split}_audios"
    language = row.text("language")
    packed = tree.named(f"{folder}.zip")
    unpack = f"; unpack {packed.name}" if packed else ""
    return Found(
        recording_id=name,
        participant_id=name,
        where=row.where,
        audio=tree.audio_in(folder, name),
        looked_for=f"{folder}/{name}.*{unpack}",
        label_raw=row.text("diagnosis"),
        label_source=f"{sheet.name}, diagnosis",
        task=row.text("task"),
        language=LANGUAGES.get(language.casefold(), language) if language else None,
        official_split=split,
        age_years=row.number("age"),
        sex=row.one_of("gender", SEXES),
        metadata={"source_corpus": row.text("corpus")},
    )
