"""The ``ncmmsc2021`` importer: the Alzheimer's disease challenge of NCMMSC 2021, in Chinese.

https://github.com/lzl32947/NCMMSC2021_AD_Competition describes the data and how to ask for them.
"""

import re
from collections.abc import Iterable
from typing import ClassVar

from cogspeech.corpora.base import IMPORTERS, Access
from cogspeech.corpora.layout import Found, LayoutImporter
from cogspeech.corpora.tree import CorpusFile, CorpusTree, folded
from cogspeech.errors import CorpusError
from cogspeech.types import PassedOver

LONG, SHORT = "AD_dataset_long", "AD_dataset_6s"
SPLITS = {"train": "train", "test_have_label": "test"}
UNLABELLED = "test_none_label"
FILE_NAME = re.compile(r"([A-Za-z]+)_([FM])_([0-9A-Za-z]+)_([0-9]+)")
"""Diagnosis, sex, person, number of the recording."""
SEXES = {"F": "female", "M": "male"}


@IMPORTERS.register("ncmmsc2021")
class Ncmmsc2021Importer(LayoutImporter):
    """The long recordings; those of six seconds are cut out of them."""

    corpus: ClassVar[str] = "NCMMSC2021"
    access: ClassVar[Access | None] = Access(
        url="https://github.com/lzl32947/NCMMSC2021_AD_Competition",
        conditions="From the organisers of the challenge; may not be passed on.",
    )
    notice: ClassVar[str | None] = (
        "The numbers of persons in NCMMSC2021 are given anew in each group, so a person is known "
        "by group and number."
    )
    known_labels: ClassVar = {"ad": "dementia", "hc": "control", "mci": "mci"}

    def is_further(self, file: CorpusFile) -> bool:
        """The crops."""
        return folded(SHORT) in map(folded, file.folder)

    def find(self, tree: CorpusTree, passed_over: list[PassedOver]) -> Iterable[Found]:
        """The files whose names give a diagnosis."""
        found = []
        for file in tree.files:
            folders = {folded(part) for part in file.folder}
            split = next((SPLITS[part] for part in SPLITS if part in folders), None)
            if not file.is_audio or self.is_further(file) or not (split or UNLABELLED in folders):
                continue
            tree.audio(file.folder, file.stem)  # refuses a second one
            one = _found(file, split)
            if one:
                found.append(one)
            elif split:
                reason = "the name is not like AD_F_030807_001.wav"
                passed_over.append(PassedOver(where=str(file.path), reason=reason))
        if not found:
            raise self.wrong_root(tree, [f"{LONG}/{part}" for part in SPLITS])
        return found


def _found(file: CorpusFile, split: str | None) -> Found | None:
    name = FILE_NAME.fullmatch(file.stem)
    if not name or split is None:
        return None
    group, sex, person, _ = name.groups()
    folder = file.folder[-1]
    if folded(folder) in Ncmmsc2021Importer.known_labels and folded(folder) != folded(group):
        raise CorpusError(
            f"{file.path}: the name says {group} and the folder {folder}; fetch the corpus again"
        )
    return Found(
        recording_id=file.stem,
        participant_id=f"{group}_{person}",
        where=str(file.path),
        audio=file,
        label_raw=group,
        label_source="file name",
        language="zh",
        official_split=split,
        sex=SEXES[sex],
    )
