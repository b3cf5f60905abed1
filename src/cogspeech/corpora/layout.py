"""What all importers of corpora on disk share.

An importer finds recordings; here it is decided whether a sound table can be made of them. Refused
are two recordings of one name, one file for two recordings, a label that nobody knows, and a corpus
of which a whole class or split has no audio. Passed over, with a reason, are single recordings
without audio or label.
"""

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from cogspeech.corpora.base import OPTIONAL_COLUMNS, Access, CorpusImporter
from cogspeech.corpora.tree import CorpusFile, CorpusTree, folded, shortened
from cogspeech.errors import ConfigError, CorpusError
from cogspeech.registry import nearest
from cogspeech.settings import Settings
from cogspeech.types import Corpus, PassedOver, Progress, Recording

MAX_ID = 255
HALF = 2
"""Recordings; so many of a class or split without any audio are a corpus that is not complete."""


class LayoutOptions(Settings):
    """What every corpus on disk lets one choose."""

    labels: Mapping[str, Annotated[str, Field(min_length=1)] | None] = Field(default_factory=dict)
    """What a label becomes, such as ``{possible_ad: dementia, mci: null}``; ``null`` leaves its
    recordings out. A key is a label of the corpus as it stands there or as it is imported."""
    when_label_changes: Literal["keep", "leave_out"] = "keep"
    """``leave_out``: no recording of a person whose label changes from visit to visit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One recording, as an importer finds it."""

    recording_id: str
    participant_id: str
    where: str
    """The file and row that say so."""
    audio: CorpusFile | None
    label_raw: str | None
    """As it stands in the corpus; ``None``: the corpus gives none."""
    label_source: str
    """What the label was read from, such as a file and its column."""
    looked_for: str = ""
    """Where the audio should be, for messages."""
    transcript: CorpusFile | None = None
    segmentation: CorpusFile | None = None
    visit: str | None = None
    task: str | None = None
    language: str | None = None
    official_split: str | None = None
    mmse: float | None = None
    mmse_source: str | None = None
    age_years: float | None = None
    age_imputed: bool = False
    sex: str | None = None
    education_years: float | None = None
    metadata: Mapping[str, str | None] = field(default_factory=dict)


class LayoutImporter(CorpusImporter):
    """An importer of one corpus as it is distributed."""

    Options: ClassVar[type[Settings]] = LayoutOptions
    corpus: ClassVar[str]
    """Its name, for messages and the column ``corpus``."""
    access: ClassVar[Access | None] = None
    notice: ClassVar[str | None] = None
    known_labels: ClassVar[Mapping[str, str]]
    """Labels of the corpus, in small letters, and what they are called here."""

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def find(self, tree: CorpusTree, passed_over: list[PassedOver]) -> Iterable[Found]:
        """Every recording that the corpus speaks of, with or without audio.

        Args:
            tree: its files.
            passed_over: takes what cannot become a recording.

        Raises:
            CorpusError: the files are not those of the corpus, or one of them is broken.
        """

    def wrong_root(self, tree: CorpusTree, looked_for: Iterable[str]) -> CorpusError:
        """The error for a folder that holds nothing of the corpus."""
        access = f"; access: {self.access.url}" if self.access else ""
        return CorpusError(
            f"{tree.root}: is not the folder of {self.corpus}; looked for {', '.join(looked_for)} "
            f"among {len(tree.files)} files and found none; give the folder that holds them{access}"
        )

    def is_further(self, file: CorpusFile) -> bool:  # noqa: ARG002
        """Whether an audio file that is no recording of `find` belongs to the corpus all the same.

        All others are passed over.
        """
        return False

    def read(self, path: Path, *, target_column: str, progress: Progress) -> Corpus:
        """The recordings below ``path``, in the order of their ids.

        Raises:
            ConfigError: the option ``labels`` names a label that the corpus does not have.
            CorpusError: what cannot become a sound table; with file and row.
        """
        tree = CorpusTree(path)
        passed_over: list[PassedOver] = []
        found = sorted(self.find(tree, passed_over), key=lambda one: one.recording_id)
        _refuse_twins(found)
        labels = self._labels(found) if found else []
        kept = [
            (one, label)
            for one, label in zip(found, labels, strict=True)
            if not _is_left_out(one, label, passed_over)
        ]
        _refuse_half(tree.root, kept)
        unknown = self._unknown_audio(tree, found, passed_over)
        passed_over += [_without(one) for one, _ in kept if not _is_usable(one)] + unknown
        usable = self._of_one_label([p for p in kept if _is_usable(p[0])], passed_over)
        if not usable:
            raise CorpusError(
                f"{tree.root}: no recording of {self.corpus} has audio and a label"
                f"{_first_reason(passed_over)}"
            )
        progress("import", len(usable), len(usable))
        return Corpus(
            recordings=tuple(self._recording(*pair, target_column) for pair in usable),
            notice=self.notice,
            passed_over=tuple(passed_over),
        )

    def _unknown_audio(
        self, tree: CorpusTree, found: Iterable[Found], passed_over: Iterable[PassedOver]
    ) -> list[PassedOver]:
        """Audio files that nothing speaks of, by their folders."""
        known = {one.audio.real for one in found if one.audio}
        told = {folded(Path(each.where).stem) for each in passed_over}
        unknown: dict[Path, list[CorpusFile]] = defaultdict(list)
        for file in tree.files:
            is_known = file.real in known or folded(file.stem) in told or self.is_further(file)
            if file.is_audio and not is_known:
                unknown[file.path.parent].append(file)
        return [
            PassedOver(
                where=str(folder),
                reason=f"{len(files)} audio files of which {self.corpus} says nothing, the first "
                f"is '{shortened(files[0].name)}'",
            )
            for folder, files in unknown.items()
        ]

    def _labels(self, found: Sequence[Found]) -> list[str | None]:
        """What each label is called; ``None`` for recordings to leave out, and those without."""
        chosen = {folded(name): label for name, label in self.options.labels.items()}
        raw = {one.label_raw for one in found if one.label_raw is not None}
        known = {folded(name) for name in (*raw, *self.known_labels, *self.known_labels.values())}
        for name in self.options.labels:
            if folded(name) not in known:
                names = tuple(sorted({*self.known_labels.values(), *raw}))
                raise ConfigError(f"labels: {self.corpus} has no '{name}'; {nearest(name, names)}")
        return [self._label(one, chosen) for one in found]

    def _label(self, one: Found, chosen: Mapping[str, str | None]) -> str | None:
        if one.label_raw is None:
            return None
        raw = folded(one.label_raw)
        if raw in chosen:
            return chosen[raw]
        if raw not in self.known_labels:
            known = sorted({*self.known_labels, *chosen})
            raise CorpusError(
                f"{one.where}: the label is '{shortened(one.label_raw, 40)}'; expected one of "
                f"{', '.join(known)}; correct it, or say what it is in the option labels"
            )
        label = self.known_labels[raw]
        return chosen.get(folded(label), label)

    def _of_one_label(
        self, pairs: list[tuple[Found, str | None]], passed_over: list[PassedOver]
    ) -> list[tuple[Found, str | None]]:
        if self.options.when_label_changes == "keep":
            return pairs
        labels = defaultdict(set)
        for one, label in pairs:
            labels[one.participant_id].add(label)
        changing = {person for person, several in labels.items() if len(several) > 1}
        passed_over += [
            PassedOver(where=one.where, reason="the person's label changes", is_asked=True)
            for one, _ in pairs
            if one.participant_id in changing
        ]
        return [pair for pair in pairs if pair[0].participant_id not in changing]

    def _recording(self, one: Found, label: str | None, target_column: str) -> Recording:
        assert one.audio is not None  # noqa: S101
        metadata = {
            "label_raw": one.label_raw,
            "label_source": one.label_source,
            "mmse_source": one.mmse_source if one.mmse is not None else None,
            "age_imputed": "yes" if one.age_imputed else None,
            "corpus": self.corpus,
            **one.metadata,
        }
        recording = Recording(
            recording_id=one.recording_id,
            participant_id=one.participant_id,
            audio_path=one.audio.path,
            label=label,
            transcript_path=one.transcript.path if one.transcript else None,
            segmentation_path=one.segmentation.path if one.segmentation else None,
            where=one.where,
            visit=one.visit,
            task=one.task,
            language=one.language,
            official_split=one.official_split,
            mmse=one.mmse,
            age_years=one.age_years,
            sex=one.sex,
            education_years=one.education_years,
            metadata={name: value for name, value in metadata.items() if value},
        )
        if target_column != self.label_column:
            return self._relabelled(recording, target_column)
        return recording

    def _relabelled(self, recording: Recording, column: str) -> Recording:
        """With another column of the corpus as its label."""
        if column in OPTIONAL_COLUMNS:
            value = getattr(recording, column)
        elif column in ("label_raw", *recording.metadata):
            value = recording.metadata.get(column)
        else:
            names = (self.label_column, *OPTIONAL_COLUMNS, *recording.metadata)
            raise CorpusError(
                f"target.column: {self.corpus} has no '{column}'; {nearest(column, names)}"
            )
        text = f"{value:g}" if isinstance(value, float) else value
        return replace(recording, label=None if text is None else str(text))


def _is_left_out(one: Found, label: str | None, passed_over: list[PassedOver]) -> bool:
    if one.label_raw is None or label is not None:
        return False
    reason = f"labels: {shortened(one.label_raw, 40)} is left out"
    passed_over.append(PassedOver(where=one.where, reason=reason, is_asked=True))
    return True


def _is_usable(one: Found) -> bool:
    return one.audio is not None and one.label_raw is not None


def _without(one: Found) -> PassedOver:
    if one.audio is None:
        place = f", looked for {one.looked_for}" if one.looked_for else ""
        return PassedOver(where=one.where, reason=f"no audio{place}")
    return PassedOver(where=one.where, reason=f"no label in {one.label_source}")


def _first_reason(passed_over: Sequence[PassedOver]) -> str:
    if not passed_over:
        return ""
    first, more = passed_over[0], len(passed_over) - 1
    return f"; {first.where}: {first.reason}{f' (+{more} more)' if more else ''}"


def _refuse_twins(found: Sequence[Found]) -> None:
    """Ids that stand twice, and files that are two recordings."""
    ids: dict[str, Found] = {}
    people: dict[str, Found] = {}
    files: dict[str, Found] = {}
    for one in found:
        _refuse_names(one)
        first = ids.setdefault(folded(one.recording_id), one)
        if first is not one:
            same = "stands" if first.recording_id == one.recording_id else "differs only in case"
            raise CorpusError(
                f"{one.where}: the recording '{one.recording_id}' {same} at {first.where} already; "
                "keep one of them"
            )
        person = people.setdefault(folded(one.participant_id), one)
        if person.participant_id != one.participant_id:
            raise CorpusError(
                f"{one.where}: the participant '{one.participant_id}' is "
                f"'{person.participant_id}' at {person.where}; write the id in one way"
            )
        for file in _files_of(one):
            taken = files.setdefault(file.real, one)
            if taken is not one:
                raise CorpusError(
                    f"{one.where}: '{'/'.join(file.parts)}' belongs to the recording "
                    f"'{taken.recording_id}' already; a file can be of one recording only"
                )


def _files_of(one: Found) -> Iterator[CorpusFile]:
    for file in (one.audio, one.transcript, one.segmentation):
        if file is not None:
            yield file


def _refuse_names(one: Found) -> None:
    """What a table could not hold, or nobody could tell apart."""
    for name, text in (("recording", one.recording_id), ("participant", one.participant_id)):
        if not text or len(text) > MAX_ID:
            raise CorpusError(
                f"{one.where}: the id of the {name} has {len(text)} characters; "
                f"expected 1 to {MAX_ID}"
            )
    for text in (
        one.recording_id,
        one.participant_id,
        *(part for file in _files_of(one) for part in file.path.parts),
    ):
        if not text.isprintable() or text != text.strip():
            shown = ascii(shortened(text))
            raise CorpusError(
                f"{one.where}: the name {shown} holds a character that cannot be shown, or begins "
                "or ends with a space; rename it"
            )


def _refuse_half(root: Path, kept: Iterable[tuple[Found, str | None]]) -> None:
    groups: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for one, label in kept:
        groups["official split", one.official_split or ""].append(one)
        if label is not None:
            groups["label", label].append(one)
    for (kind, name), members in sorted(groups.items()):
        if len(members) >= HALF and not any(one.audio for one in members):
            first = members[0]
            raise CorpusError(
                f"{root}: none of the {len(members)} recordings"
                f"{f' of the {kind} {name}' if name else ''} has audio, the first at {first.where}"
                f"{f', looked for {first.looked_for}' if first.looked_for else ''}; "
                "complete the corpus"
            )
