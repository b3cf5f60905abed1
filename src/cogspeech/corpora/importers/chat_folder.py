"""The ``chat_folder`` importer: any tree of CHAT files in the manner of DementiaBank."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator

from cogspeech.corpora.base import IMPORTERS, Access
from cogspeech.corpora.chat_trees import ChatRecording, chat_recordings
from cogspeech.corpora.layout import Found, LayoutImporter, LayoutOptions
from cogspeech.corpora.patterns import name_pattern
from cogspeech.corpora.tree import CorpusTree, folded
from cogspeech.settings import Settings
from cogspeech.types import PassedOver

VISITS = r"(?P<participant>[0-9]+)-(?P<visit>[0-9]{1,2})|(?P<whole>.+)"
"""``001-0`` is a person and a visit; any other name is a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Preset:
    """What the notes of a corpus say and its files do not."""

    participant: str = VISITS
    label: str | None = None
    language: str | None = None
    task: str | None = None
    has_numbers_per_folder: bool = False


PRESETS: Mapping[str, _Preset] = {
    "none": _Preset(),
    "delaware": _Preset(),
    "ivanova": _Preset(language="es", task="reading", has_numbers_per_folder=True),
    "kempler": _Preset(participant=r"(?P<participant>d[0-9]+)(?P<task>cookie)?", label="AD"),
    "lu": _Preset(task="cookie", has_numbers_per_folder=True),
}


class ChatFolderOptions(LayoutOptions):
    """What CHAT files do not tell."""

    preset: Literal["none", "delaware", "ivanova", "kempler", "lu"] = "none"
    """What the notes of a corpus say and its files do not."""
    participant: Annotated[str, AfterValidator(name_pattern)] | None = None
    """A regular expression for whole file names without their suffix, with a group
    ``participant`` and, if there are visits, ``visit``. Default: that of the preset."""
    ids: Literal["preset", "whole corpus", "per folder"] = "preset"
    """``per folder``: one number in two folders is two persons."""
    mmse_field: Literal["custom", "education", "none"] = "custom"
    """The field of @ID that holds the MMSE. ``education`` in Pitt; elsewhere it holds years."""
    media: str | None = None
    """The folder of the audio below the root, where there are several."""


@IMPORTERS.register("chat_folder")
class ChatFolderImporter(LayoutImporter):
    """The label is the group of the participant's @ID; a folder counts where @ID is silent."""

    Options: ClassVar[type[Settings]] = ChatFolderOptions
    corpus: ClassVar[str] = "a folder of CHAT files"
    access: ClassVar[Access | None] = Access(
        url="https://talkbank.org/dementia/",
        conditions="Members of DementiaBank only; may not be passed on.",
    )
    known_labels: ClassVar = {
        "control": "control",
        "controls": "control",
        "hc": "control",
        "healthy": "control",
        "normal": "control",
        "mci": "mci",
        "ad": "dementia",
        "alzheimer": "dementia",
        "alzheimers": "dementia",
        "dementia": "dementia",
        "probablead": "dementia",
        "possiblead": "possible_ad",
        "ppa": "ppa",
        "vascular": "vascular",
        "memory": "memory",
        "other": "other",
    }

    def __init__(self, options: Any) -> None:
        """Keeps the options and what the preset adds to them."""
        super().__init__(options)
        self._preset = PRESETS[options.preset]
        self._pattern = re.compile(options.participant or self._preset.participant)
        self._has_numbers_per_folder = (
            self._preset.has_numbers_per_folder
            if options.ids == "preset"
            else options.ids == "per folder"
        )

    def find(self, tree: CorpusTree, passed_over: list[PassedOver]) -> Iterable[Found]:
        """Every CHAT file."""
        recordings = chat_recordings(
            tree,
            passed_over,
            media=self.options.media,
            alike={*self.known_labels, *self.options.labels},
        )
        if not recordings and not passed_over:
            raise self.wrong_root(tree, ["*.cha"])
        return [found for one in recordings if (found := self._found(one, passed_over))]

    def _found(self, one: ChatRecording, passed_over: list[PassedOver]) -> Found | None:
        name = self._pattern.fullmatch(one.transcript.stem)
        if not name:
            reason = f"the name does not match the pattern {self._pattern.pattern}"
            passed_over.append(PassedOver(where=str(one.transcript.path), reason=reason))
            return None
        parts = name.groupdict()
        person = parts.get("participant") or parts.get("whole") or name.group()
        if self._has_numbers_per_folder and one.transcript.folder:
            person = f"{one.transcript.folder[-1]}-{person}"
        label, source = self._label_of(one)
        field = self.options.mmse_field
        is_years = field != "education" and one.speaker.education.isdecimal()
        age_years = one.speaker.age_years
        return Found(
            recording_id="-".join([*one.transcript.folder, one.transcript.stem]),
            participant_id=person,
            where=one.where,
            audio=one.audio,
            looked_for=one.looked_for,
            transcript=one.transcript,
            label_raw=label,
            label_source=source,
            visit=parts.get("visit"),
            task=parts.get("task") or self._preset.task,
            language=one.headers.language or self._preset.language,
            mmse=None if field == "none" else one.speaker.score(field),
            mmse_source="transcript, @ID",
            age_years=age_years,
            sex=one.speaker.known_sex,
            education_years=float(one.speaker.education) if is_years else None,
            metadata={
                "corpus": self.options.preset if self.options.preset != "none" else "chat_folder",
                "age_raw": one.speaker.age if age_years is None else None,
            },
        )

    def _label_of(self, one: ChatRecording) -> tuple[str | None, str]:
        if one.speaker.group:
            return one.speaker.group, "transcript, @ID"
        if self._preset.label:
            return self._preset.label, "notes of the corpus"
        for folder in reversed(one.transcript.folder):
            if folded(folder) in (*self.known_labels, *map(folded, self.options.labels)):
                return folder, "folder"
        return None, "the @ID of the participant, nor in a folder's name"
