"""Writes the recordings of a corpus as a recordings table, whole or not at all."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cogspeech.corpora.base import (
    OPTIONAL_COLUMNS,
    REQUIRED_COLUMNS,
    write_recordings_table,
)
from cogspeech.errors import CorpusError
from cogspeech.types import Recording


def check_place(path: Path, root: Path) -> None:
    """Refuses a table that could not name the files of the corpus, or would replace one of them.

    Args:
        path: where the table is to be written.
        root: the folder of the corpus, or the one file it is read from.

    Raises:
        CorpusError: with a place that fits.
    """
    folder = root.resolve() if root.is_dir() else root.resolve().parent
    if not folder.is_relative_to(path.resolve().parent):
        raise CorpusError(
            f"--out {path}: the table must lie in the folder of the corpus or above it, because "
            f"its paths must stay below its own folder; write it to {folder / 'recordings.csv'}"
            f" or, if that folder is read-only, to {folder.parent / 'recordings.csv'}"
        )
    if path.is_dir() or (path.exists() and not _is_table(path)):
        raise CorpusError(f"--out {path}: is there and is no recordings table; give another name")


def _is_table(path: Path) -> bool:
    with path.open("rb") as stream:
        start = stream.read(256).removeprefix(b"\xef\xbb\xbf")
    return start.startswith(REQUIRED_COLUMNS[0].encode())


def write_table(path: Path, recordings: Sequence[Recording], *, label_column: str) -> None:
    """Writes a table that the ``table`` importer reads as the same recordings.

    Optional columns that no recording has are left out; all further columns follow them.

    Raises:
        CorpusError: a file does not lie below the folder of the table.
    """
    folder = path.resolve().parent
    filled = [name for name in OPTIONAL_COLUMNS if any(getattr(r, name) for r in recordings)]
    further = dict.fromkeys(name for r in recordings for name in r.metadata)
    columns = [*REQUIRED_COLUMNS, label_column, *filled, *further]
    rows = [_cells(recording, folder, label_column) for recording in recordings]
    write_recordings_table(
        path, [{name: row.get(name, "") for name in dict.fromkeys(columns)} for row in rows]
    )


def _cells(recording: Recording, folder: Path, label_column: str) -> Mapping[str, str]:
    values = {name: getattr(recording, name) for name in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)}
    cells = {name: _text(value, folder) for name, value in values.items()}
    return {**recording.metadata, **cells, label_column: recording.label or ""}


def _text(value: str | float | Path | None, folder: Path) -> str:
    if value is None:
        return ""
    if isinstance(value, Path):
        if not value.is_relative_to(folder):
            raise CorpusError(f"{value}: does not lie below {folder}, the folder of the table")
        return value.relative_to(folder).as_posix()
    return repr(value).removesuffix(".0") if isinstance(value, float) else value
