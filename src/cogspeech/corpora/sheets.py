"""The label files of corpora: CSV in every dialect they come in, and Excel workbooks.

The separator is the one with which the expected columns are found. Cells are stripped; an empty
cell and the ways to write "not available" are ``None``.
"""

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cogspeech.corpora.tree import composed, folded, shortened
from cogspeech.corpora.workbooks import MAGIC, read_workbook
from cogspeech.errors import CorpusError
from cogspeech.registry import nearest

MAX_BYTES = 64 << 20
MAX_CELL = 4_096
"""Characters. Nothing that a label file needs is longer."""
HIGHEST_SCORE = 30
SEPARATORS = (",", ";", "\t")
NOT_AVAILABLE = frozenset({"", "na", "n/a", "nan", "none", "null", "-", "."})

Columns = Mapping[str, Sequence[str]]
"""What a column is called here, and the headings it may stand under."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a label file."""

    where: str
    cells: Mapping[str, str | None]

    def text(self, column: str) -> str | None:
        """The cell, or ``None`` if it is empty or the file has no such column."""
        return self.cells.get(column)

    def need(self, column: str) -> str:
        """The cell.

        Raises:
            CorpusError: it is empty.
        """
        cell = self.cells.get(column)
        if cell is None:
            raise CorpusError(f"{self.where}: {column} is empty; every row needs one")
        return cell

    def one_of(self, column: str, meanings: Mapping[str, str]) -> str | None:
        """What the cell means; keys of ``meanings`` are in small letters.

        Raises:
            CorpusError: it means nothing that is known.
        """
        cell = self.cells.get(column)
        if cell is not None and cell.casefold() not in meanings:
            raise CorpusError(
                f"{self.where}: {column} is '{shortened(cell, 40)}'; expected one of "
                f"{', '.join(meanings)} or NA"
            )
        return None if cell is None else meanings[cell.casefold()]

    def score(self, column: str) -> float | None:
        """The cell as an MMSE, of 0 to 30.

        Raises:
            CorpusError: it is none, such as a code for a score that is missing.
        """
        score = self.number(column)
        if score is not None and not 0 <= score <= HIGHEST_SCORE:
            raise CorpusError(
                f"{self.where}: {column} is '{score:g}'; expected 0 to {HIGHEST_SCORE} or NA"
            )
        return score

    def number(self, column: str) -> float | None:
        """The cell as a number.

        Raises:
            CorpusError: it is none.
        """
        cell = self.cells.get(column)
        return None if cell is None else number_of(cell, f"{self.where}: {column}")


def number_of(text: str, what: str) -> float:
    """A finite number.

    Raises:
        CorpusError: ``text`` is none; the message begins with ``what``.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise CorpusError(f"{what} is '{shortened(text)}'; expected a number or NA")
    return number


def read_sheet(path: Path, required: Columns, optional: Columns | None = None) -> tuple[Row, ...]:
    """The rows of a label file, with the columns that were asked for.

    Args:
        path: a CSV file, or a workbook, of which the first sheet with the columns is read.
        required: columns that must be there.
        optional: columns that may be there.

    Raises:
        CorpusError: the file cannot be read, a column is missing, or a row is broken; with the row.
    """
    wanted = {**required, **(optional or {})}
    for lines in _sheets(path):
        header = _header(lines, required)
        if header is not None:
            break
    else:
        raise _missing_column(path, required)
    start, names = header
    places = _places(path, names, wanted)
    rows = (_row(path, line, cells, len(names), places) for line, cells in lines[start:])
    return tuple(row for row in rows if row is not None)


def by_key(rows: Iterable[Row], column: str) -> dict[str, Row]:
    """Rows by one of their columns, folded.

    Raises:
        CorpusError: two rows have the same key.
    """
    found: dict[str, Row] = {}
    for row in rows:
        first = found.setdefault(folded(row.need(column)), row)
        if first is not row:
            raise CorpusError(
                f"{row.where}: {column} is the same as at {first.where}; keep one of the rows"
            )
    return found


_Lines = list[tuple[int, list[str]]]


def _sheets(path: Path) -> Iterator[_Lines]:
    """The lines of every sheet, or of the file under every separator, with their numbers."""
    if path.stat().st_size > MAX_BYTES:
        raise CorpusError(
            f"{path}: is larger than {MAX_BYTES >> 20} MB; expected a table of labels"
        )
    content = path.read_bytes()
    if content.startswith(MAGIC):
        for rows in read_workbook(path):
            yield list(enumerate(rows, start=1))
        return
    if b"\0" in content:
        row = content[: content.index(b"\0")].count(b"\n") + 1
        raise CorpusError(
            f"{path}:{row}: holds a NUL byte; expected a table in UTF-8, export it again"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        raise CorpusError(f"{path}:{row}: is not UTF-8 text; export it as UTF-8") from error
    for separator in SEPARATORS:
        yield _csv_lines(path, text, separator)


def _csv_lines(path: Path, text: str, separator: str) -> _Lines:
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    lines = []
    try:
        for cells in reader:
            lines.append((reader.line_num, cells))
    except csv.Error as error:
        if not _could_be_separated(text, separator):
            return []
        raise CorpusError(
            f"{path}:{reader.line_num}: not valid csv ({error}); correct the row"
        ) from error
    return lines


def _could_be_separated(text: str, separator: str) -> bool:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return separator in first


def _header(lines: _Lines, required: Columns) -> tuple[int, list[str]] | None:
    """Where the rows begin, and the headings; ``None`` if this is no table with the columns."""
    for position, (_, cells) in enumerate(lines):
        if any(cell.strip() for cell in cells):
            names = [_heading(cell) for cell in cells]
            known = all(any(_heading(n) in names for n in choice) for choice in required.values())
            return (position + 1, names) if known else None
    return None


def _heading(text: str) -> str:
    return folded(" ".join(text.split()))


def _places(path: Path, names: Sequence[str], wanted: Columns) -> dict[str, int]:
    places = {}
    for column, headings in wanted.items():
        found = [i for heading in headings for i, n in enumerate(names) if n == _heading(heading)]
        if len(found) > 1:
            raise CorpusError(
                f"{path}:1: the column '{names[found[1]]}' stands {len(found)} times; keep one"
            )
        if found:
            places[column] = found[0]
    return places


def _row(
    path: Path, line: int, cells: Sequence[str], num_columns: int, places: Mapping[str, int]
) -> Row | None:
    where = f"{path}:{line}"
    if not any(cell.strip() for cell in cells):
        return None
    if len(cells) != num_columns:
        raise CorpusError(
            f"{where}: the row has {len(cells)} cells and the header {num_columns}; correct it"
        )
    for column, place in places.items():
        if len(cells[place]) > MAX_CELL:
            raise CorpusError(
                f"{where}: {column} is longer than {MAX_CELL} characters; correct the row"
            )
    return Row(where, {column: _cell(cells[place]) for column, place in places.items()})


def _cell(text: str) -> str | None:
    text = composed(" ".join(text.split()))
    if text.casefold() in NOT_AVAILABLE:
        return None
    whole = re.fullmatch(r"(-?[0-9]{1,15})\.0+", text)  # how spreadsheets export whole numbers
    return whole.group(1) if whole else text


def _missing_column(path: Path, required: Columns) -> CorpusError:
    for lines in _sheets(path):
        names = next((cells for _, cells in lines if any(c.strip() for c in cells)), [])
        shown = tuple(shortened(" ".join(name.split()), 40) for name in names[:40] if name.strip())
        if len(shown) > 1:
            headings = {_heading(name) for name in shown}
            for column, choice in required.items():
                if not headings & {_heading(name) for name in choice}:
                    return CorpusError(
                        f"{path}:1: the column '{choice[0]}' ({column}) is missing; "
                        f"{nearest(choice[0], shown)}"
                    )
    listed = ", ".join(choice[0] for choice in required.values())
    return CorpusError(f"{path}:1: expected a table with the columns {listed}; found none")
