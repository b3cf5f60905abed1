"""The ``audio_folder`` importer: audio files in one folder per class, and nothing else."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator

from cogspeech.corpora.base import IMPORTERS
from cogspeech.corpora.layout import Found, LayoutImporter, LayoutOptions
from cogspeech.corpora.patterns import name_pattern
from cogspeech.corpora.tree import CorpusFile, CorpusTree
from cogspeech.settings import Settings
from cogspeech.types import PassedOver

TRANSCRIPTS = (".cha", ".words.json", ".textgrid", ".eaf", ".ctm", ".srt", ".vtt", ".json")
"""Endings of a transcript beside its audio, the richest first."""


class AudioFolderOptions(LayoutOptions):
    """What folders do not tell."""

    participant: Annotated[str, AfterValidator(name_pattern)] | None = None
    """A regular expression for whole file names without their suffix, with a group
    ``participant`` and, if there are visits, ``visit``. Default: the folder below that of the
    class is a person; where there is none, each file is one."""


@IMPORTERS.register("audio_folder")
class AudioFolderImporter(LayoutImporter):
    """``ROOT/CLASS/...``: the label is the first folder."""

    Options: ClassVar[type[Settings]] = AudioFolderOptions
    corpus: ClassVar[str] = "a folder of audio"
    notice: ClassVar[str | None] = (
        "The labels are the names of folders, so whatever else differs from folder to folder "
        "(channel, place, file format) is told apart just as well."
    )
    known_labels: ClassVar = {
        "control": "control",
        "controls": "control",
        "cc": "control",
        "cn": "control",
        "hc": "control",
        "healthy": "control",
        "nc": "control",
        "nodementia": "control",
        "mci": "mci",
        "ad": "dementia",
        "cd": "dementia",
        "dementia": "dementia",
    }

    def __init__(self, options: Any) -> None:
        """Keeps the options."""
        super().__init__(options)
        self._pattern = re.compile(options.participant) if options.participant else None

    def find(self, tree: CorpusTree, passed_over: list[PassedOver]) -> Iterable[Found]:
        """Every audio file below a folder."""
        found = []
        for file in tree.files:
            if file.is_audio and file.folder:
                tree.audio(file.folder, file.stem)  # refuses a second one
                one = self._found(tree, file, passed_over)
                found += [one] if one else []
        if not found and not passed_over:
            raise self.wrong_root(tree, ["CLASS/*.wav"])
        return found

    def _found(
        self, tree: CorpusTree, file: CorpusFile, passed_over: list[PassedOver]
    ) -> Found | None:
        parts = self._parts(file)
        if parts is None:
            reason = "the name does not match the pattern of the option participant"
            passed_over.append(PassedOver(where=str(file.path), reason=reason))
            return None
        beside = (tree.file(*file.folder, f"{file.stem}{ending}") for ending in TRANSCRIPTS)
        return Found(
            recording_id="-".join([*file.folder, file.stem]),
            participant_id=parts["participant"],
            where=str(file.path),
            audio=file,
            transcript=next((each for each in beside if each), None),
            label_raw=file.parts[0],
            label_source="folder",
            visit=parts.get("visit"),
        )

    def _parts(self, file: CorpusFile) -> dict[str, str] | None:
        if self._pattern:
            match = self._pattern.fullmatch(file.stem)
            return match.groupdict() if match else None
        return {"participant": file.parts[1] if len(file.parts) > 2 else file.stem}
