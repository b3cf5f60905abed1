"""Excel workbooks (Office Open XML, ECMA-376): the text of their cells, nothing else.

Some corpora keep their labels in one. A workbook is a zip of XML files; sizes are checked before
anything is unpacked, and a document type declaration is refused, so no entity is ever expanded.
"""

import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from cogspeech.errors import CorpusError

MAGIC = b"PK\x03\x04"
MAX_PART_BYTES = 64 << 20
MAX_COLUMNS, MAX_CELLS = 16_384, 5_000_000
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


def read_workbook(path: Path) -> Iterator[list[list[str]]]:
    """The rows of each sheet in the order of the workbook; all rows of a sheet are equally long.

    Raises:
        CorpusError: the file is damaged, protected or too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield from _Workbook(path, archive).sheets()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> CorpusError:
    return CorpusError(
        f"{path}: is damaged or no Excel workbook; save the sheet as CSV UTF-8 under the same name "
        "but for the ending"
    )


class _Workbook:
    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path = path
        self._archive = archive

    def sheets(self) -> Iterator[list[list[str]]]:
        targets: dict[str, str] = {}
        parts: list[str] = []

        def relationship(name: str, attributes: Mapping[str, str]) -> None:
            if name == "Relationship":
                targets[attributes.get("Id", "")] = attributes.get("Target", "")

        def sheet(name: str, attributes: Mapping[str, str]) -> None:
            if name == "sheet":
                key = next((v for k, v in attributes.items() if k.endswith(":id")), "")
                parts.append(targets.get(key, ""))

        self._parse("xl/_rels/workbook.xml.rels", relationship)
        self._parse("xl/workbook.xml", sheet)
        strings = self._shared_strings()
        for part in parts:
            place = posixpath.normpath(posixpath.join("xl", part)).lstrip("/")
            yield _Sheet(strings, self._refuse).rows(
                lambda start, end, text, place=place: self._parse(place, start, end, text)
            )

    def _shared_strings(self) -> list[str]:
        strings: list[str] = []
        inside: list[str] = []

        def start(name: str, _attributes: Mapping[str, str]) -> None:
            if name == "si":
                strings.append("")
            inside.append(name)

        def end(_name: str) -> None:
            inside.pop()

        def text(data: str) -> None:
            if inside[-1:] == ["t"] and "rPh" not in inside and strings:
                strings[-1] += data

        if "xl/sharedStrings.xml" in self._archive.namelist():
            self._parse("xl/sharedStrings.xml", start, end, text)
        return strings

    def _parse(
        self,
        part: str,
        start: Callable[[str, Mapping[str, str]], None],
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
    ) -> None:
        try:
            with self._archive.open(part) as stream:
                content = stream.read(MAX_PART_BYTES + 1)
        except KeyError:
            self._refuse()
        if len(content) > MAX_PART_BYTES:
            raise CorpusError(
                f"{self._path}: unpacks to more than {MAX_PART_BYTES >> 20} MB; save the sheet "
                "as CSV UTF-8"
            )
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = lambda *_: self._refuse()
        parser.StartElementHandler = lambda name, attributes: start(_local(name), attributes)
        if end:
            parser.EndElementHandler = lambda name: end(_local(name))
        parser.CharacterDataHandler = text
        try:
            parser.Parse(content, True)
        except expat.ExpatError as error:
            raise _unreadable(self._path) from error

    def _refuse(self) -> NoReturn:
        raise _unreadable(self._path)


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class _Sheet:
    """Collects the cells of one sheet."""

    def __init__(self, strings: list[str], refuse: Callable[[], NoReturn]) -> None:
        self._strings = strings
        self._refuse = refuse
        self._cells: dict[tuple[int, int], str] = {}
        self._row, self._column = 0, 0
        self._kind = ""
        self._text = ""
        self._is_value = False

    def rows(self, parse: Callable[..., None]) -> list[list[str]]:
        parse(self._start, self._end, self._data)
        if not self._cells:
            return []
        height = max(row for row, _ in self._cells)
        width = 1 + max(column for _, column in self._cells)
        if height * width > MAX_CELLS:
            self._refuse()
        rows = [[""] * width for _ in range(height)]
        for (row, column), text in self._cells.items():
            rows[row - 1][column] = text
        return rows

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "row":
            number = attributes.get("r", "")
            self._row = int(number) if number.isdecimal() else self._row + 1
            self._column = -1
        elif name == "c":
            self._to_cell(attributes.get("r", ""))
            self._kind, self._text = attributes.get("t", "n"), ""
        self._is_value = name in ("v", "t")

    def _to_cell(self, place: str) -> None:
        match = _PLACE.fullmatch(place)
        if not match:
            self._column += 1
            return
        self._row = int(match.group(2))
        letters = [ord(letter) - 64 for letter in match.group(1)]
        self._column = sum(n * 26**i for i, n in enumerate(reversed(letters))) - 1

    def _data(self, data: str) -> None:
        if self._is_value:
            self._text += data

    def _end(self, name: str) -> None:
        self._is_value = False
        if name != "c" or not self._text:
            return
        if self._kind == "s":
            known = self._text.isdecimal() and int(self._text) < len(self._strings)
            self._text = self._strings[int(self._text)] if known else self._refuse()
        if self._kind != "e":  # an error such as #N/A is an empty cell
            self._cells[self._row, self._column] = self._text
        if not (self._row > 0 and 0 <= self._column < MAX_COLUMNS):
            self._refuse()
