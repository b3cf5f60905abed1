"""The ``wls`` importer: the Cookie Theft descriptions of the Wisconsin Longitudinal Study.

P. Herd, D. Carr, C. Roan, "Cohort Profile: Wisconsin longitudinal study", International Journal of
Epidemiology 43 (2014). Thresholds of category fluency by age: A. Shakeri et al., "MultiConAD",
https://arxiv.org/abs/2502.19208.
"""

from collections.abc import Iterable
from typing import ClassVar, Literal

from cogspeech.corpora.base import IMPORTERS, Access
from cogspeech.corpora.chat_trees import ChatRecording, chat_recordings
from cogspeech.corpora.layout import Found, LayoutImporter, LayoutOptions
from cogspeech.corpora.sheets import Row, by_key, number_of, read_sheet
from cogspeech.corpora.tree import CorpusTree
from cogspeech.settings import Settings
from cogspeech.types import PassedOver

SHEETS = ("WLS-data.xlsx", "WLS-data.csv")
KEY = {"id": ("idtlkbnk",)}
FILE_NUMBERS = 100_000
"""A file is named after the last five digits of the person's number."""
FLUENCY = {
    "age": ("age 2011",),
    "words": ("category fluency, scored words named, 2011",),
}
CONSENSUS = {"age": ("age 2020",), "consensus": ("Research diagnosis via consensus",)}
FURTHER = {"sex": ("sex",), "education": ("education",)}
SEXES = {"1": "male", "2": "female"}
DIAGNOSES = {1.0: "normal", 2.0: "MCI", 3.0: "dementia"}


class WlsOptions(LayoutOptions):
    """The corpus has no diagnosis at the time of the recording."""

    label_from: Literal["fluency_2011", "consensus_2020"] = "fluency_2011"
    """``fluency_2011``: whether a person named fewer words of a category than people of that age
    usually do. ``consensus_2020``: a diagnosis of some, nine years after the recording."""


@IMPORTERS.register("wls")
class WlsImporter(LayoutImporter):
    """CHAT files, and a spreadsheet that gives a weak label."""

    Options: ClassVar[type[Settings]] = WlsOptions
    corpus: ClassVar[str] = "WLS"
    access: ClassVar[Access | None] = Access(
        url="https://talkbank.org/dementia/access/English/WLS.html",
        conditions="Members of DementiaBank only; may not be passed on.",
    )
    notice: ClassVar[str | None] = (
        "WLS has no diagnosis at the time of its recordings: its labels are weak, from a threshold "
        "of category fluency in 2011 or from a diagnosis in 2020."
    )
    known_labels: ClassVar = {
        "at or above the threshold": "control",
        "below the threshold": "low_fluency",
        "normal": "control",
        "mci": "mci",
        "dementia": "dementia",
    }

    def find(self, tree: CorpusTree, passed_over: list[PassedOver]) -> Iterable[Found]:
        """The CHAT files that are named after a number."""
        sheet = tree.named(*SHEETS)
        recordings = chat_recordings(tree, passed_over)
        if sheet is None or not recordings:
            raise self.wrong_root(tree, [*SHEETS, "NNNNN.cha"])
        is_fluency = self.options.label_from == "fluency_2011"
        columns = {**KEY, **(FLUENCY if is_fluency else CONSENSUS)}
        rows = {
            int(number_of(key, f"{row.where}: idtlkbnk")) % FILE_NUMBERS: row
            for key, row in by_key(read_sheet(sheet.path, columns, FURTHER), "id").items()
        }
        found = []
        for one in recordings:
            stem = one.transcript.stem
            row = rows.get(int(stem)) if stem.isdecimal() else None
            if row is None:
                reason = f"no row of {sheet.name} has its number"
                passed_over.append(PassedOver(where=str(one.transcript.path), reason=reason))
            else:
                found.append(_found(one, row, is_fluency=is_fluency))
        return found


def _found(one: ChatRecording, row: Row, *, is_fluency: bool) -> Found:
    age_years = _positive(row, "age")
    label = _fluency(_count(row, "words"), age_years) if is_fluency else _diagnosis(row)
    source = "category fluency, 2011" if is_fluency else "research diagnosis via consensus, 2020"
    return Found(
        recording_id=one.transcript.stem,
        participant_id=one.transcript.stem,
        where=row.where,
        audio=one.audio,
        looked_for=one.looked_for,
        transcript=one.transcript,
        label_raw=label,
        label_source=source,
        task="cookie",
        language=one.headers.language,
        age_years=age_years if is_fluency else None,  # in 2020 nobody was recorded
        sex=row.one_of("sex", SEXES),
        education_years=_positive(row, "education"),
    )


def _positive(row: Row, column: str) -> float | None:
    """Negative numbers stand for reasons why there is none."""
    value = row.number(column)
    return value if value is not None and value > 0 else None


def _count(row: Row, column: str) -> float | None:
    value = row.number(column)
    return value if value is not None and value >= 0 else None


def _fluency(words: float | None, age_years: float | None) -> str | None:
    if words is None or age_years is None:
        return None
    threshold = 16 if age_years < 60 else 14 if age_years < 80 else 12
    return "at or above the threshold" if words >= threshold else "below the threshold"


def _diagnosis(row: Row) -> str | None:
    return DIAGNOSES.get(row.number("consensus") or 0.0)
