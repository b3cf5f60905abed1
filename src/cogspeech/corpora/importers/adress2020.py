"""The ``adress2020`` importer: ADReSS, the challenge of Interspeech 2020.

S. Luz, F. Haider, S. de la Fuente, D. Fromm, B. MacWhinney, "Alzheimer's Dementia Recognition
through Spontaneous Speech: The ADReSS Challenge", https://arxiv.org/abs/2004.06833.
"""

from collections.abc import Iterable, Iterator
from typing import ClassVar

from cogspeech.corpora.base import IMPORTERS, Access
from cogspeech.corpora.layout import Found, LayoutImporter
from cogspeech.corpora.sheets import Row, by_key, read_sheet
from cogspeech.corpora.tree import CorpusFile, CorpusTree, folded
from cogspeech.errors import CorpusError
from cogspeech.types import PassedOver

AUDIO, CHUNKS = "Full_wave_enhanced_audio", "Normalised_audio-chunks"
REQUIRED = {"ID": ("ID",), "age": ("age",), "gender": ("gender",)}
OPTIONAL = {"mmse": ("mmse",), "label": ("Label",)}
SEXES = {"0": "male", "1": "female", "male": "male", "female": "female"}
TRAIN_FILES = {"cc": "cc_meta_data.txt", "cd": "cd_meta_data.txt"}
TEST_FILES = ("meta_data_test.txt", "meta_data.txt")


@IMPORTERS.register("adress2020")
class Adress2020Importer(LayoutImporter):
    """Reads the whole recordings, not their chunks; labels of the test part where they lie."""

    corpus: ClassVar[str] = "ADReSS-2020"
    access: ClassVar[Access | None] = Access(
        url="https://talkbank.org/dementia/ADReSS-2020/",
        conditions="Members of DementiaBank only; may not be passed on.",
    )
    notice: ClassVar[str | None] = (
        "ADReSS-2020 is a selection of the Pitt corpus; its people are also in Pitt, ADReSSo-2021 "
        "and ADReSS-M, so these are not independent of each other."
    )
    known_labels: ClassVar = {"cc": "control", "cd": "dementia", "0": "control", "1": "dementia"}

    def is_further(self, file: CorpusFile) -> bool:
        """Chunks are cut out of the whole recordings."""
        return folded(CHUNKS) in map(folded, file.folder)

    def find(self, tree: CorpusTree, passed_over: list[PassedOver]) -> Iterable[Found]:
        """The rows of the label files."""
        train = {label: tree.named(name) for label, name in TRAIN_FILES.items()}
        tests = [file for name in TEST_FILES if (file := tree.named(name))]
        if not any(train.values()) and not tests:
            raise self.wrong_root(tree, [*TRAIN_FILES.values(), *TEST_FILES])
        if any(train.values()) and not all(train.values()):
            absent = next(TRAIN_FILES[label] for label, sheet in train.items() if not sheet)
            raise CorpusError(
                f"{tree.root}: holds one of {' and '.join(TRAIN_FILES.values())}, but no {absent}; "
                "complete the corpus"
            )
        for label, sheet in train.items():
            if sheet:
                yield from _part(tree, sheet, label)
            else:
                passed_over.append(_absent(tree, TRAIN_FILES[label]))
        for sheet in tests[:1]:  # the one with labels, if there are both
            yield from _part(tree, sheet, None)
        if not tests:
            passed_over.append(_absent(tree, TEST_FILES[-1]))


def _absent(tree: CorpusTree, name: str) -> PassedOver:
    return PassedOver(where=str(tree.root), reason=f"no {name}, so nothing of its part")


def _part(tree: CorpusTree, sheet: CorpusFile, label: str | None) -> Iterator[Found]:
    """The recordings of one label file; ``label``: that of all of them, if it has one."""
    rows = read_sheet(sheet.path, REQUIRED, OPTIONAL)
    for row in by_key(rows, "ID").values():
        yield _found(tree, sheet, row, label)


def _found(tree: CorpusTree, sheet: CorpusFile, row: Row, label: str | None) -> Found:
    name, below = row.need("ID"), (label,) if label else ()
    return Found(
        recording_id=name,
        participant_id=name,
        where=row.where,
        audio=tree.audio((*sheet.folder, AUDIO, *below), name),
        looked_for="/".join((*sheet.folder, AUDIO, *below, f"{name}.wav")),
        transcript=tree.file(*sheet.folder, "transcription", *below, f"{name}.cha"),
        label_raw=label or row.text("label"),
        label_source=sheet.name if label else f"{sheet.name}, Label",
        task="cookie",
        language="en",
        official_split="train" if label else "test",
        mmse=row.score("mmse"),
        mmse_source=sheet.name,
        age_years=row.number("age"),
        sex=row.one_of("gender", SEXES),
    )
