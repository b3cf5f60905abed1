"""The ``process2025`` importer: PROCESS, the challenge of ICASSP 2025, and PROCESS-2.

F. Tao et al., "Early Dementia Detection Using Multiple Spontaneous Speech Prompts: The PROCESS
Challenge", https://arxiv.org/abs/2412.15230; notes at https://processchallenge.github.io.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from cogspeech.corpora.base import IMPORTERS, Access
from cogspeech.corpora.layout import Found, LayoutImporter
from cogspeech.corpora.sheets import Row, by_key, number_of, read_sheet
from cogspeech.corpora.tree import CorpusFile, CorpusTree, folded, only_one
from cogspeech.types import PassedOver

SHEETS = ("dem-info.csv", "meta-info.csv")
"""Of the challenge, and of PROCESS-2."""
REQUIRED = {
    "name": ("Record-ID", "IDs"),
    "diagnosis": ("Class", "diagnosis"),
    "split": ("TrainOrDev", "Split"),
}
OPTIONAL = {"age": ("Age",), "gender": ("Gender",), "mmse": ("Converted-MMSE", "MMSE")}
TASKS = {"ctd": "cookie", "sft": "semantic fluency", "pft": "phonemic fluency"}
SEXES = {"male": "male", "female": "female", "m": "male", "f": "female"}
IMPUTED = "*"
"""After an age: the mean of the corpus, for a person whose age is not known."""


@IMPORTERS.register("process2025")
class Process2025Importer(LayoutImporter):
    """One recording per person and task; both layouts."""

    corpus: ClassVar[str] = "PROCESS"
    access: ClassVar[Access | None] = Access(
        url="https://processchallenge.github.io/dataset/",
        conditions="After a signed agreement with the organisers; may not be passed on.",
    )
    notice: ClassVar[str | None] = (
        "In PROCESS, unknown ages are replaced by the mean (column age_imputed), and the MMSE is "
        "converted from other tests where none was taken."
    )
    known_labels: ClassVar = {"hc": "control", "mci": "mci", "dementia": "dementia"}

    def find(self, tree: CorpusTree, passed_over: list[PassedOver]) -> Iterable[Found]:  # noqa: ARG002
        """Every row of the sheet with every task of the corpus."""
        sheet = tree.named(*SHEETS)
        if sheet is None:
            raise self.wrong_root(tree, SHEETS)
        rows = by_key(read_sheet(sheet.path, REQUIRED, OPTIONAL), "name")
        sounds = _sounds(tree, rows)
        tasks = sorted({task for by_task in sounds.values() for task in by_task})
        is_challenge = folded(sheet.name) == SHEETS[0]
        for key, row in rows.items():
            for task in sorted({*tasks, *(TASKS if is_challenge else ())}) or [""]:
                yield _found(tree, sheet, row, task, only_one(sounds[key].get(task, ())))


def _sounds(tree: CorpusTree, rows: Mapping[str, Row]) -> dict[str, dict[str, list[CorpusFile]]]:
    """Audio files by person and task, from their names ``PERSON__TASK``."""
    sounds: dict[str, dict[str, list[CorpusFile]]] = {person: {} for person in rows}
    for file in tree.files:
        person, between, task = folded(file.stem).rpartition("__")
        if file.is_audio and between and person in rows:
            sounds[person].setdefault(task, []).append(file)
    return sounds


def _found(
    tree: CorpusTree, sheet: CorpusFile, row: Row, task: str, audio: CorpusFile | None
) -> Found:
    name = row.need("name")
    stem = audio.stem if audio else f"{name}__{task.upper()}"
    place = audio.folder if audio else (*sheet.folder, name)
    age = row.text("age")
    return Found(
        recording_id=stem,
        participant_id=name,
        where=row.where,
        audio=audio,
        looked_for="/".join((*place, f"{stem}.wav")),
        transcript=tree.file(*place, f"{stem}.txt"),
        label_raw=row.text("diagnosis"),
        label_source=sheet.name,
        task=TASKS.get(task, task),
        language="en",
        official_split=folded(row.need("split")),
        mmse=row.score("mmse"),
        mmse_source=f"{sheet.name}, partly converted from MoCA and ACE-III",
        age_years=number_of(age.removesuffix(IMPUTED), f"{row.where}: age") if age else None,
        age_imputed=bool(age and age.endswith(IMPUTED)),
        sex=row.one_of("gender", SEXES),
    )
