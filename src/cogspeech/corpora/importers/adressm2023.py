"""The ``adressm2023`` importer: ADReSS-M, the challenge of ICASSP 2023.

S. Luz, F. Haider, D. Fromm, I. Lazarou, I. Kompatsiaris, B. MacWhinney, "Multilingual Alzheimer's
Dementia Recognition through Spontaneous Speech", https://arxiv.org/abs/2301.05562.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from cogspeech.corpora.base import IMPORTERS, Access
from cogspeech.corpora.layout import Found, LayoutImporter
from cogspeech.corpora.sheets import Row, by_key, read_sheet
from cogspeech.corpora.tree import CorpusFile, CorpusTree
from cogspeech.types import PassedOver

PARTS = {"train": ("en", "train"), "sample-gr": ("el", "train"), "test-gr": ("el", "test")}
"""Folders; their language and split. The Greek sample is given for training."""
LABEL_FILES = {
    "train": ("training-groundtruth.csv", "train-groundtruth.csv"),
    "sample-gr": ("sample-gr-groundtruth.csv",),
    "test-gr": ("test-gr-groundtruth.csv",),
}
META_FILE = "ADReSS-M-meta.csv"
NAME = {"name": ("adressfname", "addressfname")}
FACTS = {"age": ("age",), "gender": ("gender", "sex"), "educ": ("educ", "education")}
SEXES = {"male": "male", "female": "female", "m": "male", "f": "female"}


@IMPORTERS.register("adressm2023")
class Adressm2023Importer(LayoutImporter):
    """English to train on, Greek to test on."""

    corpus: ClassVar[str] = "ADReSS-M"
    access: ClassVar[Access | None] = Access(
        url="https://talkbank.org/dementia/ADReSS-M/",
        conditions="Members of DementiaBank only; may not be passed on.",
    )
    notice: ClassVar[str | None] = (
        "The English people of ADReSS-M are also in Pitt, ADReSS and ADReSSo, so these are not "
        "independent of each other; language and split coincide here."
    )
    known_labels: ClassVar = {"control": "control", "probablead": "dementia"}

    def find(self, tree: CorpusTree, passed_over: list[PassedOver]) -> Iterable[Found]:
        """The rows of the three label files."""
        sheets = {part: tree.named(*names) for part, names in LABEL_FILES.items()}
        if not any(sheets.values()):
            raise self.wrong_root(tree, [names[0] for names in LABEL_FILES.values()])
        meta = tree.named(META_FILE)
        people = by_key(read_sheet(meta.path, NAME, FACTS), "name") if meta else {}
        for part, sheet in sheets.items():
            if sheet:
                yield from _part(tree, part, sheet, people)
            else:
                reason = f"no {LABEL_FILES[part][0]}, so nothing of its part"
                passed_over.append(PassedOver(where=str(tree.root), reason=reason))


def _part(
    tree: CorpusTree, part: str, sheet: CorpusFile, people: Mapping[str, Row]
) -> Iterator[Found]:
    language, split = PARTS[part]
    columns = {**NAME, "dx": ("dx",)}
    rows = read_sheet(sheet.path, columns, {**FACTS, "mmse": ("mmse",)})
    for key, row in by_key(rows, "name").items():
        name = row.need("name")
        facts = people.get(key, row)
        yield Found(
            recording_id=name,
            participant_id=name,
            where=row.where,
            audio=tree.audio_in(part, name),
            looked_for=f"{part}/{name}.*",
            label_raw=row.text("dx"),
            label_source=f"{sheet.name}, dx",
            task="cookie" if language == "en" else "picture",
            language=language,
            official_split=split,
            mmse=row.score("mmse"),
            mmse_source=sheet.name,
            age_years=row.number("age") or facts.number("age"),
            sex=row.one_of("gender", SEXES) or facts.one_of("gender", SEXES),
            education_years=row.number("educ") or facts.number("educ"),
        )
