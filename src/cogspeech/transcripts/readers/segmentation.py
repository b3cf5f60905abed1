"""Who speaks when, as the ADReSSo challenge of 2021 gives it: turns without words, in a csv table.

The columns are ``speaker`` (PAR, INV), ``begin`` and ``end`` in milliseconds, often after a column
of numbers without a name.
"""

import csv
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import ClassVar

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, ReadingOptions, TranscriptReader
from cogspeech.transcripts.reading import (
    CODES,
    Notes,
    number_of,
    plain,
    plain_roles,
    read_text,
    shown,
    visible,
)
from cogspeech.types import Speaker, Transcript, Utterance

MAX_BYTES = 8 << 20
MAX_TURNS = 100_000
"""Days of talk."""
COLUMNS = ("speaker", "begin", "end")
SHORTEST_TURN_MS = 50.0
"""No word is shorter: where most turns are, their times are not in ms."""


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: list[str]


@READERS.register("segmentation")
class SegmentationReader(TranscriptReader):
    """Turns: utterances with a speaker and times, without any word.

    Turns may overlap and stand in any order. PAR is the participant and INV the interviewer unless
    ``transcripts.roles`` says otherwise; every other speaker must be there.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".csv",)

    def read(self, path: Path, *, recording_id: str, options: ReadingOptions) -> Transcript:
        """The turns in the order of time; rows that cannot be right are passed over."""
        notes = Notes(path)
        text = visible(read_text(path, max_bytes=MAX_BYTES, notes=notes))
        rows = _rows(text, notes)
        places = _places(next(rows, _Row(1, [])), notes)
        roles = {**CODES, **plain_roles(options.roles)}
        turns: list[Utterance] = []
        for row in rows:
            turn = _turn(row, places, roles, notes)
            turns += [turn] if turn else []
            if len(turns) > MAX_TURNS:
                raise TranscriptError(f"{path}: more than {MAX_TURNS} turns; no segmentation")
        _refuse_other_units(turns, path)
        return Transcript(
            recording_id=recording_id,
            words=(),
            utterances=tuple(sorted(turns, key=lambda turn: turn.start_s or 0.0)),
            source="segmentation",
            warnings=notes.texts(),
        )


def _rows(text: str, notes: Notes) -> Iterator[_Row]:
    """The rows with anything in them, the header first."""
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _Row(reader.line_num, [cell.strip() for cell in cells])
    except csv.Error as error:
        raise TranscriptError(
            f"{notes.place(reader.line_num)}: not valid csv ({error}); export it again"
        ) from error


def _places(header: _Row, notes: Notes) -> tuple[int, int, int]:
    """Where speaker, begin and end stand in a row."""
    names = [plain(cell) for cell in header.cells]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise TranscriptError(
            f"{notes.place(header.line)}: expected the columns {', '.join(COLUMNS)}, but "
            f"{', '.join(missing)} is not there; a csv table must be a segmentation into turns"
        )
    speaker, begin, end = (names.index(name) for name in COLUMNS)
    return speaker, begin, end


def _turn(
    row: _Row, places: tuple[int, int, int], roles: Mapping[str, Speaker], notes: Notes
) -> Utterance | None:
    if len(row.cells) <= max(places):
        notes.add(f"the row has only {len(row.cells)} cells; it was passed over", row.line)
        return None
    label, begin, end = (row.cells[place] for place in places)
    begin_ms, end_ms = number_of(begin), number_of(end)
    if begin_ms is None or end_ms is None:
        notes.add("begin and end must be numbers of ms; the row was passed over", row.line)
        return None
    if end_ms < begin_ms:
        notes.add("the turn ends before it begins; it was passed over", row.line)
        return None
    speaker = roles.get(plain(label))
    if speaker is None:
        raise TranscriptError(
            f"{notes.place(row.line)}: speaker '{shown(label)}' is not in transcripts.roles; add "
            "it, such as {NAME: interviewer}"
        )
    return Utterance(
        first_word=0,
        last_word=0,
        start_s=begin_ms / 1000,
        end_s=end_ms / 1000,
        speaker=speaker,
    )


def _refuse_other_units(turns: list[Utterance], path: Path) -> None:
    lengths_ms = [
        1000 * (turn.end_s - turn.start_s)
        for turn in turns
        if turn.start_s is not None and turn.end_s is not None
    ]
    if not lengths_ms:
        raise TranscriptError(f"{path}: has no turn; expected rows of speaker, begin, end in ms")
    if statistics.median(lengths_ms) < SHORTEST_TURN_MS:
        raise TranscriptError(
            f"{path}: half of the turns are shorter than {SHORTEST_TURN_MS:.0f} ms; begin and end "
            "must be in ms, and look like seconds; multiply them by 1000"
        )
