"""The ``dementianet`` importer: public figures, from https://github.com/shreyasgite/dementianet."""

import re
from collections.abc import Iterable, Mapping
from pathlib import PureWindowsPath
from typing import ClassVar

from cogspeech.corpora.base import IMPORTERS, Access
from cogspeech.corpora.layout import Found, LayoutImporter, LayoutOptions
from cogspeech.corpora.sheets import Row, by_key, read_sheet
from cogspeech.corpora.tree import CorpusFile, CorpusTree, folded
from cogspeech.errors import CorpusError
from cogspeech.settings import Settings
from cogspeech.types import PassedOver

CLASSES = ("dementia", "nodementia")
FILE_NAME = re.compile(r"(?P<person>.+?)(?:_(?P<bucket>[0-9]+))?(?P<number>(?:_[0-9]+)*)")
"""Person, years relative to the first symptoms, number of the recording."""
LISTS = {"train": "train_dm.csv", "valid": "valid_dm.csv"}
SHEET = "DementiaNet - dementia.csv"
FACTS = {"type": ("dementia type",), "gender": ("gender",), "ethnicity": ("ethnicity",)}
SEXES = {"male": "male", "female": "female", "m": "male", "f": "female"}


class DementianetOptions(LayoutOptions):
    """What the corpus leaves open."""

    buckets: tuple[int, ...] | None = None
    """The buckets of years to keep; persons with dementia also speak in recordings from years
    before their first symptoms, and these are labelled dementia, too. Default: all."""


@IMPORTERS.register("dementianet")
class DementianetImporter(LayoutImporter):
    """A person is told from the file name, never from the folder of the class."""

    Options: ClassVar[type[Settings]] = DementianetOptions
    corpus: ClassVar[str] = "DementiaNet"
    access: ClassVar[Access | None] = Access(
        url="https://github.com/shreyasgite/dementianet",
        conditions="Recordings of public figures, whose rights remain with their owners.",
    )
    notice: ClassVar[str | None] = (
        "DementiaNet holds public figures, not patients: no diagnosis was made for it, recordings "
        "from years before the first symptoms count as dementia, and the groups differ in era, "
        "channel and age."
    )
    known_labels: ClassVar = {"dementia": "dementia", "nodementia": "control"}

    def find(self, tree: CorpusTree, passed_over: list[PassedOver]) -> Iterable[Found]:
        """Every file below the folder of a class."""
        people, splits = _people(tree), _splits(tree)
        found = []
        for file in tree.files:
            label = next((p for p in file.folder if folded(p) in CLASSES), None)
            if not file.is_audio or label is None:
                continue
            tree.audio(file.folder, file.stem)  # refuses a second one
            one = _found(file, label, people, splits)
            wanted = self.options.buckets
            if wanted is None or (one.visit and int(one.visit) in wanted):
                found.append(one)
            else:
                reason = "buckets: its years are left out"
                passed_over.append(PassedOver(where=one.where, reason=reason, is_asked=True))
        if not found:
            raise self.wrong_root(tree, [f"{label}/PERSON/PERSON_5.wav" for label in CLASSES])
        return found


def _found(
    file: CorpusFile, label: str, people: Mapping[str, Row], splits: Mapping[tuple[str, str], str]
) -> Found:
    name = FILE_NAME.fullmatch(file.stem)
    assert name is not None  # noqa: S101 (anything is a person)
    person, folder = name["person"], file.folder[-1]
    if folded(folder) not in CLASSES and _squeezed(folder) != _squeezed(person):
        raise CorpusError(
            f"{file.path}: the file is not named after the person of its folder; move or rename it"
        )
    row = people.get(_squeezed(person)) if folded(label) == CLASSES[0] else None
    return Found(
        recording_id=f"{folded(label)}-{file.stem}",
        participant_id=_squeezed(person),
        where=str(file.path),
        audio=file,
        label_raw=label,
        label_source="folder of the class",
        visit=name["bucket"],
        official_split=splits.get((folded(folder), folded(file.name))),
        sex=row.one_of("gender", SEXES) if row else None,
        metadata={
            "dementia_type": row.text("type") if row else None,
            "ethnicity": row.text("ethnicity") if row else None,
        },
    )


def _squeezed(name: str) -> str:
    """A person's name in one spelling: folders have spaces, files do not."""
    return "".join(letter for letter in folded(name) if letter.isalnum())


def _people(tree: CorpusTree) -> dict[str, Row]:
    """Rows by person. The column ``datasplit`` is not read: only one class has it."""
    sheet = tree.named(SHEET)
    if sheet is None:
        return {}
    rows = by_key(read_sheet(sheet.path, {"name": ("name",)}, FACTS), "name")
    return {_squeezed(name): row for name, row in rows.items()}


def _splits(tree: CorpusTree) -> dict[tuple[str, str], str]:
    """The official lists, by the last two parts of their paths, which are of another machine."""
    splits = {}
    for split, name in LISTS.items():
        if sheet := tree.named(name):
            for row in read_sheet(sheet.path, {"path": ("path",), "label": ("label",)}):
                parts = PureWindowsPath(row.need("path")).parts  # takes / and \ alike
                splits[tuple(folded(part) for part in parts[-2:])] = split
    return {key: split for key, split in splits.items() if len(key) == 2}
