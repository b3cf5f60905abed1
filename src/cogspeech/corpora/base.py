"""Stage 1: a corpus becomes a list of recordings that later stages can rely on.

An importer turns what lies on disk into `Recording`s; `import_corpus` refuses what cannot give a
sound result: unknown labels, ids that stand twice, a participant with two labels, unreadable audio.
"""

import csv
import difflib
import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from cogspeech.cache import write_atomically
from cogspeech.config import CorpusSection, TargetSection, parse_options
from cogspeech.corpora.audio import probe_audio
from cogspeech.corpora.two_corpora import side_by_side
from cogspeech.errors import AudioError, CorpusError
from cogspeech.registry import Registry, nearest
from cogspeech.settings import Settings
from cogspeech.types import Corpus, Progress, Recording, no_progress

REQUIRED_COLUMNS = ("recording_id", "participant_id", "audio_path")
OPTIONAL_COLUMNS = (
    "transcript_path",
    "segmentation_path",
    "visit",
    "task",
    "language",
    "official_split",
    "mmse",
    "age_years",
    "sex",
    "education_years",
    "site",
)
NUMBER_COLUMNS = ("mmse", "age_years", "education_years")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where a corpus is asked for; nothing is ever downloaded."""

    url: str
    conditions: str
    """One sentence."""


class CorpusImporter(ABC):
    """Reads one corpus layout. Made with its own options."""

    Options: ClassVar[type[Settings]]
    access: ClassVar[Access | None] = None
    """``None``: there is nobody to ask."""

    @abstractmethod
    def __init__(self, options: Any) -> None: ...

    @property
    def label_column(self) -> str:
        """The column that holds the corpus' own labels."""
        return "diagnosis"

    @abstractmethod
    def read(self, path: Path, *, target_column: str, progress: Progress) -> Corpus:
        """The recordings under ``path``, labelled from ``target_column``.

        Raises:
            CorpusError: with the file, the row and the remedy.
        """


IMPORTERS: Registry[type[CorpusImporter]] = Registry(
    "corpus importer", "cogspeech.corpora.importers"
)


IMPORTED_IN_PART = "The corpus was imported in part"
"""How a notice goes on where something was passed over; what follows may name a file."""


def import_corpus(
    section: CorpusSection,
    target: TargetSection,
    *,
    test_section: CorpusSection | None = None,
    is_audio_needed: bool = True,
    drop: Collection[str] = (),
    progress: Progress = no_progress,
) -> Corpus:
    """The recordings of a study, checked.

    Args:
        section: where they are.
        test_section: where those of a second corpus are, which is tested on.
        target: what they are labelled with.
        is_audio_needed: false: a stage follows that puts aside what cannot be read.
        drop: ids of recordings that are left out.
        progress: is told how far the importer has come.

    Raises:
        CorpusError: the first problem, and how many more there are.
    """
    corpus = leave_out(read_corpora(section, test_section, target, progress=progress), drop)
    check_recordings(corpus.recordings, target, is_audio_needed=is_audio_needed)
    return replace(corpus, notice=_whole_notice(corpus))


def _whole_notice(corpus: Corpus) -> str | None:
    """The notice of the corpus, and what of it is not there."""
    failed = [each for each in corpus.passed_over if not each.is_asked]
    if not failed:
        return corpus.notice
    lost = (
        f"{IMPORTED_IN_PART} ({len(failed)} times something was passed over, first "
        f"{failed[0].reason})."
    )
    return f"{corpus.notice} {lost}" if corpus.notice else lost


def read_corpora(
    section: CorpusSection,
    test_section: CorpusSection | None,
    target: TargetSection,
    *,
    progress: Progress = no_progress,
) -> Corpus:
    """The recordings of one corpus, or those of two with their side, as the importers find them.

    Raises:
        CorpusError: they cannot be read, or a name stands in both.
    """
    corpus = read_corpus(section, target, progress=progress)
    if test_section is None:
        return corpus
    return side_by_side(corpus, read_corpus(test_section, target, progress=progress))


def read_corpus(
    section: CorpusSection, target: TargetSection, *, progress: Progress = no_progress
) -> Corpus:
    """The recordings of a study as the importer finds them.

    Raises:
        CorpusError: they cannot be read.
    """
    importer = IMPORTERS.get(section.importer)
    options = parse_options(importer.Options, section.options, where="study: corpus")
    return importer(options).read(section.path, target_column=target.column, progress=progress)


def leave_out(corpus: Corpus, recording_ids: Collection[str]) -> Corpus:
    """The corpus without some recordings.

    Raises:
        CorpusError: no recording has that id.
    """
    known = tuple(recording.recording_id for recording in corpus.recordings)
    for name in recording_ids:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise CorpusError(f"audit.drop: the corpus has no recording '{name}'{hint}")
    kept = tuple(r for r in corpus.recordings if r.recording_id not in recording_ids)
    return replace(corpus, recordings=kept)


def check_recordings(
    recordings: Sequence[Recording], target: TargetSection, *, is_audio_needed: bool = True
) -> None:
    """Refuses recordings that cannot be evaluated soundly.

    Raises:
        CorpusError: the first problem, and how many more there are.
    """
    problems = [
        *_label_problems(recordings, target),
        *_identity_problems(recordings, one_label=bool(target.classes)),
        *(_audio_problems(recordings) if is_audio_needed else ()),
    ]
    if not recordings:
        problems = ["the corpus has no recordings; expected at least one row"]
    if problems:
        more = f" (+{len(problems) - 1} more problems)" if len(problems) > 1 else ""
        raise CorpusError(problems[0] + more)


def score_of(recording: Recording, column: str, target: TargetSection) -> float | None:
    """The number that a recording has in a column, or ``None`` where the cell is empty.

    Args:
        recording: as imported.
        column: ``mmse``, ``age_years``, ``education_years``, that of the target, or a further one.
        target: of the study.

    Raises:
        CorpusError: the cell is no number.
    """
    if column in NUMBER_COLUMNS:
        number: float | None = getattr(recording, column)
        return number
    text = recording.label if column == target.column else recording.metadata.get(column)
    return _number(text, recording.where, column)


def _label_problems(recordings: Iterable[Recording], target: TargetSection) -> list[str]:
    if not target.classes:
        return _score_problems(recordings, target)
    return [
        f"{r.where}: {target.column} is '{r.label or ''}'; expected one of "
        f"{', '.join(target.classes)}; correct the row or set target.classes in the study file"
        for r in recordings
        if r.label not in target.classes
    ]


def _score_problems(recordings: Iterable[Recording], target: TargetSection) -> list[str]:
    problems, column = [], target.column
    for recording in recordings:
        try:
            if score_of(recording, column, target) is None:
                problems.append(f"{recording.where}: {column} is empty; expected a number")
        except CorpusError as error:
            problems.append(str(error))
    return problems


def _identity_problems(recordings: Sequence[Recording], *, one_label: bool) -> list[str]:
    problems = [
        f"{next(r.where for r in recordings if r.recording_id == name)}: recording_id '{name}' "
        f"stands {count} times; ids must be unique"
        for name, count in Counter(r.recording_id for r in recordings).items()
        if count > 1
    ]
    first: dict[str, Recording] = {}
    for recording in recordings:
        known = first.setdefault(recording.participant_id, recording)
        if one_label and known.label != recording.label:
            problems.append(
                f"{recording.where}: participant '{recording.participant_id}' is "
                f"'{recording.label}' here and '{known.label}' at {known.where}; "
                "a participant needs one label, keep the visits of one"
            )
    return problems


def _audio_problems(recordings: Iterable[Recording]) -> list[str]:
    problems = []
    for recording in recordings:
        try:
            probe_audio(recording.audio_path)
        except AudioError as error:
            problems.append(f"{recording.where}: {error}")
    return problems


def read_recordings_table(path: Path, *, target_column: str) -> tuple[Recording, ...]:
    """The rows of a ``recordings.csv``; every further column is kept as metadata.

    Raises:
        CorpusError: a missing column, a bad row, or a path that leaves the table's folder.
    """
    if not path.is_file():
        raise CorpusError(f"{path}: no such recordings table; expected a csv file")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream, strict=True)
        try:
            columns = tuple(reader.fieldnames or ())
            _require_columns(path, columns, (*REQUIRED_COLUMNS, target_column))
            # Spreadsheets like to leave rows of nothing but commas at the end.
            rows = [(f"{path}:{reader.line_num}", row) for row in reader if any(row.values())]
        except csv.Error as error:
            raise CorpusError(
                f"{path}:{reader.reader.line_num}: not valid csv ({error}); correct the row"
            ) from error
        except UnicodeDecodeError as error:
            raise CorpusError(f"{path}: not utf-8 text ({error}); export it as utf-8") from error
    folder = path.resolve().parent
    return tuple(_recording_of_row(row, where, folder, target_column) for where, row in rows)


def _require_columns(path: Path, columns: Sequence[str], required: Iterable[str]) -> None:
    _refuse_no_header(path, columns)
    for name in required:
        if name not in columns:
            raise CorpusError(
                f"{path}:1: the column '{name}' is missing; "
                f"{nearest(name, tuple(columns)) if columns else 'the file is empty'}"
            )
    for name, count in Counter(columns).items():
        if count > 1:
            raise CorpusError(f"{path}:1: the column '{name}' stands {count} times; keep one")


def _refuse_no_header(path: Path, columns: Sequence[str]) -> None:
    """What spreadsheets and exports make of a table. No cell is shown: it may name a person."""
    first = columns[0] if columns else ""
    if first.startswith("PK\x03\x04"):
        raise CorpusError(f"{path}: is an Excel workbook; save it as CSV UTF-8 and name that file")
    for separator, shown in ((";", "';'"), ("\t", "tabs")):
        if len(columns) == 1 and separator in first:
            raise CorpusError(f"{path}:1: the cells are separated by {shown}; save it with commas")
    if columns and not set(REQUIRED_COLUMNS) & set(columns):
        raise CorpusError(
            f"{path}:1: the first row must name the columns, among them "
            f"{', '.join(REQUIRED_COLUMNS)}; add that row"
        )


def _recording_of_row(
    row: Mapping[str | None, str | None], where: str, folder: Path, target_column: str
) -> Recording:
    if None in row or None in row.values():
        raise CorpusError(
            f"{where}: the row has another number of cells than the header; correct the row"
        )
    cells = {str(name): (value or "").strip() for name, value in row.items()}
    if any("\0" in value for value in cells.values()):
        raise CorpusError(f"{where}: the row holds a NUL character; export the table again")
    for name in REQUIRED_COLUMNS:
        if not cells[name]:
            raise CorpusError(f"{where}: {name} is empty; every row needs one")
    known = {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS, target_column}
    transcript, segmentation = cells.get("transcript_path"), cells.get("segmentation_path")
    return Recording(
        recording_id=cells["recording_id"],
        participant_id=cells["participant_id"],
        audio_path=_path_below(folder, cells["audio_path"], where, "audio_path"),
        transcript_path=(
            _path_below(folder, transcript, where, "transcript_path") if transcript else None
        ),
        segmentation_path=(
            _path_below(folder, segmentation, where, "segmentation_path") if segmentation else None
        ),
        label=cells[target_column] or None,
        where=where,
        visit=cells.get("visit") or None,
        task=cells.get("task") or None,
        language=cells.get("language") or None,
        official_split=cells.get("official_split") or None,
        mmse=_number(cells.get("mmse"), where, "mmse"),
        age_years=_number(cells.get("age_years"), where, "age_years"),
        sex=cells.get("sex") or None,
        education_years=_number(cells.get("education_years"), where, "education_years"),
        site=cells.get("site") or None,
        metadata={name: value for name, value in cells.items() if value and name not in known},
    )


def _path_below(folder: Path, text: str, where: str, column: str) -> Path:
    """The file a cell names, which must stay below the table's folder, links resolved."""
    try:
        path = (folder / text).resolve()
    except (ValueError, OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise CorpusError(
            f"{where}: {column} is not a usable path ({error}); correct the row"
        ) from error
    if not path.is_relative_to(folder):
        raise CorpusError(
            f"{where}: {column} '{text}' leaves the folder of the table; "
            "move the file below it and give a relative path"
        )
    return path


def _number(text: str | None, where: str, column: str) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise CorpusError(f"{where}: {column} is '{text}'; expected a number or an empty cell")
    return number


def write_recordings_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Writes rows as a ``recordings.csv``; all rows have the keys of the first."""
    lines: list[str] = []

    class _Sink:
        def write(self, text: str) -> None:
            lines.append(text)

    writer = csv.DictWriter(_Sink(), fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, "".join(lines).encode())
