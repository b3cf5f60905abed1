"""The ``adresso2021`` importer: ADReSSo, the challenge of Interspeech 2021.

S. Luz, F. Haider, S. de la Fuente, D. Fromm, B. MacWhinney, "Detecting cognitive decline using
speech only: The ADReSSo Challenge", https://arxiv.org/abs/2104.09356.
"""

from collections.abc import Iterable, Iterator
from typing import ClassVar, Literal

from cogspeech.corpora.base import IMPORTERS, Access
from cogspeech.corpora.layout import Found, LayoutImporter, LayoutOptions
from cogspeech.corpora.sheets import Row, by_key, read_sheet
from cogspeech.corpora.tree import CorpusFile, CorpusTree, folded
from cogspeech.errors import CorpusError
from cogspeech.settings import Settings
from cogspeech.types import PassedOver

TRAIN_FILE, TEST_LABELS, TEST_SCORES = "adresso-train-mmse-scores.csv", "task1.csv", "task2.csv"
TRAIN_COLUMNS = {"adressfname": ("adressfname",), "dx": ("dx",)}
GROUPS = ("ad", "cn")
COURSES = ("decline", "no_decline")
AUDIO, SEGMENTATION = "audio", "segmentation"


class Adresso2021Options(LayoutOptions):
    """The challenge has two corpora with other people and other tasks."""

    task: Literal["diagnosis", "progression"] = "diagnosis"
    """``progression``: who declined within two years, told from verbal fluency."""


@IMPORTERS.register("adresso2021")
class Adresso2021Importer(LayoutImporter):
    """Reads one of the two corpora; test labels where the organisers' files lie beside them."""

    Options: ClassVar[type[Settings]] = Adresso2021Options
    corpus: ClassVar[str] = "ADReSSo-2021"
    access: ClassVar[Access | None] = Access(
        url="https://talkbank.org/dementia/ADReSSo-2021/",
        conditions="Members of DementiaBank only; may not be passed on.",
    )
    notice: ClassVar[str | None] = (
        "ADReSSo-2021 is a selection of the Pitt corpus; its people are also in Pitt, ADReSS-2020 "
        "and ADReSS-M, so these are not independent of each other."
    )
    known_labels: ClassVar = {
        "cn": "control",
        "ad": "dementia",
        "control": "control",
        "probablead": "dementia",
        "decline": "decline",
        "no_decline": "no_decline",
    }

    @property
    def label_column(self) -> str:
        """``diagnosis`` or ``progression``."""
        return str(self.options.task)

    def is_further(self, file: CorpusFile) -> bool:
        """The other of the two corpora."""
        other = {"diagnosis": "progression", "progression": "diagnosis"}[self.options.task]
        return other in map(folded, file.folder)

    def find(self, tree: CorpusTree, passed_over: list[PassedOver]) -> Iterable[Found]:
        """The rows of the training sheet, or the folders of the progression corpus; the test."""
        is_diagnosis = self.options.task == "diagnosis"
        train = list(self._train_sheet(tree) if is_diagnosis else self._courses(tree))
        test = list(self._test(tree))
        if not train and not test:
            looked_for = [TRAIN_FILE, "diagnosis/test-dist/audio"]
            if not is_diagnosis:
                looked_for = [f"progression/train/audio/{course}" for course in COURSES]
            raise self.wrong_root(tree, looked_for)
        for part, found in (("training", train), ("test", test)):
            if not found:
                passed_over.append(PassedOver(where=str(tree.root), reason=f"no {part} part"))
        yield from train
        yield from test

    def _train_sheet(self, tree: CorpusTree) -> Iterator[Found]:
        sheet = tree.named(TRAIN_FILE)
        if sheet:
            rows = read_sheet(sheet.path, TRAIN_COLUMNS, {"mmse": ("mmse",)})
            for row in by_key(rows, "adressfname").values():
                yield _trained(tree, sheet, row)

    def _courses(self, tree: CorpusTree) -> Iterator[Found]:
        for folder, name in self._places(tree, "train"):
            if folded(folder[-1]) in COURSES:
                yield _placed(tree, folder, name, label=(folder[-1], "folder"))

    def _test(self, tree: CorpusTree) -> Iterator[Found]:
        labels, scores = {}, {}
        if self.options.task == "diagnosis":
            labels = _sheet_by_id(tree, TEST_LABELS, "Dx")
            scores = _sheet_by_id(tree, TEST_SCORES, "MMSE")
        source = f"{TEST_LABELS}, Dx" if labels else "the folder of the test"
        places = {folded(name): (folder, name) for folder, name in self._places(tree, "test-dist")}
        for key, row in labels.items() if places else ():
            places.setdefault(key, (("diagnosis", "test-dist", AUDIO), row.need("ID")))
        for key, (folder, name) in places.items():
            label = labels[key].text("Dx") if key in labels else None
            yield _placed(tree, folder, name, label=(label, source), score=scores.get(key))

    def _places(self, tree: CorpusTree, part: str) -> Iterator[tuple[tuple[str, ...], str]]:
        """Audio folder and name of every recording that has audio or a segmentation."""
        places = {}
        for file in tree.files:
            folders = [folded(name) for name in file.folder]
            is_known = (AUDIO in folders and file.is_audio) or (
                SEGMENTATION in folders and file.suffix == ".csv"
            )
            if is_known and part in folders and not self.is_further(file):
                folder = _swapped(file.folder, SEGMENTATION, AUDIO)
                places[tuple(map(folded, folder)), folded(file.stem)] = folder, file.stem
        yield from places.values()


def _swapped(folder: Iterable[str], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if folded(part) == old else part for part in folder)


def _sheet_by_id(tree: CorpusTree, name: str, column: str) -> dict[str, Row]:
    sheet = tree.named(name)
    columns = {"ID": ("ID",), column: (column,)}
    return by_key(read_sheet(sheet.path, columns), "ID") if sheet else {}


def _trained(tree: CorpusTree, sheet: CorpusFile, row: Row) -> Found:
    name, label = row.need("adressfname"), row.text("dx")
    group = folded(label or "")
    for other in GROUPS:
        if other != group and tree.audio((*sheet.folder, AUDIO, other), name) and group in GROUPS:
            raise CorpusError(
                f"{row.where}: dx is '{label}', but the audio lies in the folder '{other}'; "
                "fetch the corpus again"
            )
    return Found(
        recording_id=name,
        participant_id=name,
        where=row.where,
        audio=tree.audio((*sheet.folder, AUDIO, group), name),
        looked_for="/".join((*sheet.folder, AUDIO, group, f"{name}.wav")),
        segmentation=tree.file(*sheet.folder, SEGMENTATION, group, f"{name}.csv"),
        label_raw=label,
        label_source=f"{sheet.name}, dx",
        task="cookie",
        language="en",
        official_split="train",
        mmse=row.score("mmse"),
        mmse_source=sheet.name,
    )


def _placed(
    tree: CorpusTree,
    folder: tuple[str, ...],
    name: str,
    *,
    label: tuple[str | None, str],
    score: Row | None = None,
) -> Found:
    """A recording that no sheet lists; ``label``: it and its source."""
    folders = [folded(part) for part in folder]
    place = "/".join((*folder, f"{name}.wav"))
    return Found(
        recording_id=name,
        participant_id=name,
        where=str(tree.root / place),
        audio=tree.audio(folder, name),
        looked_for=place,
        segmentation=tree.file(*_swapped(folder, AUDIO, SEGMENTATION), f"{name}.csv"),
        label_raw=label[0],
        label_source=label[1],
        task="fluency" if "progression" in folders else "cookie",
        language="en",
        official_split="train" if "train" in folders else "test",
        mmse=score.score("MMSE") if score else None,
        mmse_source=TEST_SCORES,
    )
