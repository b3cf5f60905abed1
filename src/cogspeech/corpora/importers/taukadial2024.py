"""The ``taukadial2024`` importer: TAUKADIAL, the challenge of Interspeech 2024.

S. Luz et al., "Connected Speech-Based Cognitive Assessment in Chinese and English",
https://arxiv.org/abs/2406.10272.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from cogspeech.corpora.base import IMPORTERS, Access
from cogspeech.corpora.layout import Found, LayoutImporter, LayoutOptions
from cogspeech.corpora.sheets import Row, by_key, read_sheet
from cogspeech.corpora.tree import CorpusTree, folded
from cogspeech.errors import CorpusError
from cogspeech.settings import Settings
from cogspeech.types import PassedOver

FILE_NAME = re.compile(r"taukdial-([0-9]+)-([0-9]+)")
"""Person and picture. The name of the challenge is spelt so."""
TRAIN, TEST, TEST_META = "groundtruth.csv", "testgroundtruth.csv", "meta_test.csv"
NAME = {"name": ("tkdname",)}
FACTS = {"age": ("age",), "sex": ("sex", "gender")}
COLUMNS = {**NAME, "dx": ("dx",)}, {"mmse": ("mmse",), **FACTS}
SEXES = {"m": "male", "f": "female", "male": "male", "female": "female"}


class Taukadial2024Options(LayoutOptions):
    """What the challenge left to be found out."""

    languages: Path | None = None
    """A table ``participant,language`` of your own, its path relative to the folder of the corpus,
    which does not say who speaks what."""


@IMPORTERS.register("taukadial2024")
class Taukadial2024Importer(LayoutImporter):
    """Three pictures per person, all of which share the person's number."""

    Options: ClassVar[type[Settings]] = Taukadial2024Options
    corpus: ClassVar[str] = "TAUKADIAL-24"
    access: ClassVar[Access | None] = Access(
        url="https://talkbank.org/dementia/TAUKADIAL/",
        conditions="Members of DementiaBank only; may not be passed on.",
    )
    notice: ClassVar[str | None] = (
        "TAUKADIAL mixes English and Chinese and does not say who speaks which; without a table "
        "of languages, a classifier may tell languages apart instead of diagnoses."
    )
    known_labels: ClassVar = {"nc": "control", "mci": "mci"}

    def find(self, tree: CorpusTree, passed_over: list[PassedOver]) -> Iterable[Found]:
        """The rows of both label files, or the files of a test part without labels."""
        train, test, meta = tree.named(TRAIN), tree.named(TEST), tree.named(TEST_META)
        if not (train or test or meta):
            raise self.wrong_root(tree, [TRAIN, TEST, TEST_META])
        languages = _languages(tree, self.options.languages)
        if train:
            yield from _part(tree, "train", {}, languages, read_sheet(train.path, *COLUMNS))
        else:
            passed_over.append(_absent(tree, TRAIN))
        if test or meta:
            people = by_key(read_sheet(meta.path, NAME, FACTS), "name") if meta else {}
            rows = read_sheet(test.path, *COLUMNS) if test else tuple(people.values())
            yield from _part(tree, "test", people, languages, rows)
        else:
            passed_over.append(_absent(tree, TEST))


def _absent(tree: CorpusTree, name: str) -> PassedOver:
    return PassedOver(where=str(tree.root), reason=f"no {name}, so nothing of its part")


def _part(
    tree: CorpusTree,
    part: str,
    people: Mapping[str, Row],
    languages: Mapping[str, str],
    rows: Iterable[Row],
) -> Iterator[Found]:
    """The recordings of some rows; ``people``: further facts by name."""
    for key, row in by_key(rows, "name").items():
        stem = row.need("name").removesuffix(".wav")
        name = FILE_NAME.fullmatch(stem)
        if not name:
            raise CorpusError(f"{row.where}: tkdname is no name such as taukdial-002-1.wav")
        facts = people.get(key, row)
        yield Found(
            recording_id=stem,
            participant_id=name.group(1),
            where=row.where,
            audio=tree.audio_in(part, stem),
            looked_for=f"{part}/{stem}.wav",
            label_raw=row.text("dx"),
            label_source=f"{TRAIN if part == 'train' else TEST}, dx",
            task=f"picture {name.group(2)}",
            language=languages.get(folded(name.group(1))),
            official_split=part,
            mmse=row.score("mmse"),
            mmse_source=TRAIN if part == "train" else TEST,
            age_years=facts.number("age"),
            sex=facts.one_of("sex", SEXES),
        )


def _languages(tree: CorpusTree, table: Path | None) -> dict[str, str]:
    if table is None:
        return {}
    path = tree.root / table
    if not path.is_file():
        raise CorpusError(f"languages: {path}: no such table; expected participant,language")
    columns = {"participant": ("participant",), "language": ("language",)}
    rows = by_key(read_sheet(path, columns), "participant")
    return {key: row.need("language") for key, row in rows.items()}
