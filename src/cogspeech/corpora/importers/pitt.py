"""The ``pitt`` importer: the Pitt corpus of DementiaBank.

J. T. Becker, F. Boller, O. L. Lopez, J. Saxton, K. L. McGonigle, "The natural history of
Alzheimer's disease", Archives of Neurology 51 (1994); notes of the corpus at
https://talkbank.org/dementia/access/English/Pitt.html.
"""

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

from cogspeech.corpora.base import IMPORTERS, Access
from cogspeech.corpora.chat_trees import ChatRecording, chat_recordings
from cogspeech.corpora.layout import Found, LayoutImporter, LayoutOptions
from cogspeech.corpora.sheets import Row, by_key, number_of, read_sheet
from cogspeech.corpora.tree import CorpusFile, CorpusTree, folded
from cogspeech.errors import CorpusError
from cogspeech.settings import Settings
from cogspeech.types import PassedOver

GROUPS = frozenset({"control", "dementia"})
TASKS = frozenset({"cookie", "fluency", "recall", "sentence"})
FILE_NAME = re.compile(r"([0-9]{1,4})-([0-9])[a-z]?")
SHEETS = ("data.xlsx", "data.csv")
VISITS = range(5)
COLUMNS = {
    "educ": ("educ", "education"),
    "dx0": ("basedx", "base dx", "base_dx"),
    **{f"dx{n}": (f"dx{n}", f"dx {n}") for n in VISITS[1:]},
    "mmse0": ("mms", "mms1", "mmse"),
    **{f"mmse{n}": (f"mmse{n + 1}", f"mms{n + 1}") for n in VISITS[1:]},
}
WHOLE_CODES = {"720": "Memory", "740": "Memory"}
FIRST_DIGITS = {
    "1": "ProbableAD", "2": "PossibleAD", "3": "Vascular", "4": "Other", "5": "Other", "6": "MCI",
    "7": "MCI", "8": "Control", "9": "Other",
}  # fmt: skip
"""Of the diagnostic codes of the spreadsheet, to the words of the transcripts."""


class PittOptions(LayoutOptions):
    """What the corpus itself leaves open."""

    label_from: Literal["transcript", "spreadsheet"] = "transcript"
    """Where both give a diagnosis. The transcript's is that of its own visit."""
    tasks: tuple[Literal["cookie", "fluency", "recall", "sentence"], ...] = ("cookie",)
    """Controls did hardly any task but the first, so more than one task tells the groups apart."""
    media: str | None = None
    """The folder of the audio below the root, where there are several."""


@IMPORTERS.register("pitt")
class PittImporter(LayoutImporter):
    """The diagnosis of each visit. The folder is no label: Dementia holds MCI and others, too."""

    Options: ClassVar[type[Settings]] = PittOptions
    corpus: ClassVar[str] = "Pitt"
    access: ClassVar[Access | None] = Access(
        url="https://talkbank.org/dementia/access/English/Pitt.html",
        conditions="Members of DementiaBank only; may not be passed on.",
    )
    notice: ClassVar[str | None] = (
        "Pitt has no official split, its silences alone are known to tell the groups apart, and "
        "its people are also in ADReSS, ADReSSo and ADReSS-M."
    )
    known_labels: ClassVar = {
        "control": "control",
        "probablead": "dementia",
        "possiblead": "possible_ad",
        "mci": "mci",
        "memory": "memory",
        "vascular": "vascular",
        "other": "other",
    }

    def is_further(self, file: CorpusFile) -> bool:
        """The other tasks."""
        others = TASKS - set(self.options.tasks)
        return bool(others & {folded(part) for part in file.folder})

    def find(self, tree: CorpusTree, passed_over: list[PassedOver]) -> Iterable[Found]:
        """The transcripts of the chosen tasks."""
        people = _people(tree)
        found = [
            self._found(one, people, passed_over)
            for one in chat_recordings(
                tree, passed_over, media=self.options.media, alike={*GROUPS, *TASKS}
            )
            if _task_of(one.transcript) in self.options.tasks
        ]
        if not found:
            tasks = ",".join(self.options.tasks)
            raise self.wrong_root(tree, [f"{{Control,Dementia}}/{{{tasks}}}/NNN-V.cha"])
        return [one for one in found if one]

    def _found(
        self, one: ChatRecording, people: Mapping[str, Row], passed_over: list[PassedOver]
    ) -> Found | None:
        match = FILE_NAME.fullmatch(one.transcript.stem)
        if not match:
            reason = "the name is not that of a person and a visit, such as 001-0.cha"
            passed_over.append(PassedOver(where=str(one.transcript.path), reason=reason))
            return None
        person, visit = match.groups()
        row = people.get(str(int(person)))
        label, source = self._diagnosis(one, row, visit)
        mmse, mmse_source = one.speaker.score("education"), "transcript, @ID"
        if mmse is None and row:
            mmse, mmse_source = row.score(f"mmse{visit}"), "spreadsheet"
        place = [folded(part) for part in one.transcript.folder[-2:]]
        return Found(
            recording_id="-".join([*place, one.transcript.stem]),
            participant_id=person,
            where=one.where,
            audio=one.audio,
            looked_for=one.looked_for,
            transcript=one.transcript,
            label_raw=label,
            label_source=source,
            visit=visit,
            task=place[-1],
            language=one.headers.language,
            mmse=mmse,
            mmse_source=mmse_source,
            age_years=one.speaker.age_years,
            sex=one.speaker.known_sex,
            education_years=row.number("educ") if row else None,
        )

    def _diagnosis(self, one: ChatRecording, row: Row | None, visit: str) -> tuple[str | None, str]:
        code = row.text(f"dx{visit}") if row else None
        listed = _diagnosis_of(code, f"{row.where}: dx{visit}") if row and code else None
        spoken = one.speaker.group or None
        if listed and (self.options.label_from == "spreadsheet" or spoken is None):
            return listed, f"spreadsheet, dx{visit}"
        return spoken, "transcript, @ID"


def _task_of(file: CorpusFile) -> str | None:
    return folded(file.folder[-1]) if file.folder else None


def _people(tree: CorpusTree) -> dict[str, Row]:
    sheet = tree.named(*SHEETS)
    if sheet is None:
        return {}
    rows = read_sheet(sheet.path, {"id": ("id",)}, COLUMNS)
    return {
        str(int(number_of(key, f"{row.where}: id"))): row for key, row in by_key(rows, "id").items()
    }


def _diagnosis_of(code: str, what: str) -> str:
    whole = str(int(number_of(code, what)))
    if whole in WHOLE_CODES:
        return WHOLE_CODES[whole]
    if whole[0] not in FIRST_DIGITS:
        raise CorpusError(f"{what} is '{code[:20]}'; expected a code such as 1, 100, 600 or 800")
    return FIRST_DIGITS[whole[0]]
