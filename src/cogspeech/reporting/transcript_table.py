"""The table of the report that puts the transcripts of both classes side by side.

Where the classes were transcribed in different ways, a model can tell them apart by that. Such a
difference stands here before any model is asked.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, TypeAdapter

from cogspeech.evaluation.intervals import median_interval
from cogspeech.evaluation.score_metrics import Scored
from cogspeech.reporting.outcomes import label_of


class QualityRow(BaseModel):
    """What the table needs of a row of ``quality.csv``."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)
    recording_id: str
    source: str
    words: PositiveInt
    words_with_times: NonNegativeInt
    interpolated: NonNegativeInt
    trimmed: NonNegativeInt
    clipped: NonNegativeInt
    fillers: NonNegativeInt
    pauses: NonNegativeInt
    repeated_phrases: NonNegativeInt
    words_per_s: float | None
    confidence: float | None
    unheard_words: NonNegativeInt | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One measure in one class."""

    median: float
    interval: tuple[float, float] | None
    """``None``: too few participants for one."""
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptTable:
    """Lists with one place per class, in the order of the study's classes, or one for all."""

    recordings: tuple[int, ...]
    sources: tuple[dict[str, int], ...]
    """Recordings by source."""
    only_in_one_class: tuple[str, ...]
    """Sources that transcribed recordings of one class only."""
    repeating: tuple[int, ...]
    """Recordings in which a phrase is said three times in a row."""
    measures: Mapping[str, tuple[Cell | None, ...]]
    """``None`` where no recording of the class has the measure."""


def read_quality(text: str) -> tuple[QualityRow, ...]:
    """The rows of ``quality.csv``.

    Raises:
        ValueError: a column is missing, or a value is not one.
    """
    rows = [
        {column: value or None for column, value in row.items()}
        for row in csv.DictReader(io.StringIO(text))
    ]
    return TypeAdapter(tuple[QualityRow, ...]).validate_python(rows)


def transcript_table(
    rows: Sequence[QualityRow], predictions: Sequence[Scored], fewest: int = 1
) -> TranscriptTable:
    """The classes side by side: medians over participants of the means of their recordings.

    Args:
        rows: of ``quality.csv``.
        predictions: of one system; they say which recordings are whose, and of which class.
        fewest: participants of whom a measure must be known to be told.
    """
    facts = {p.recording_id: (label_of(p), p.participant_id) for p in predictions}
    known = [row for row in rows if row.recording_id in facts]
    labels = range(max((label for label, _ in facts.values()), default=0) + 1)
    classes = [[row for row in known if facts[row.recording_id][0] == label] for label in labels]
    people = {row.recording_id: facts[row.recording_id][1] for row in known}
    sources = tuple(dict(Counter(row.source for row in part)) for part in classes)
    one_sided = [
        name for name, count in Counter(s for part in sources for s in part).items() if count == 1
    ]
    cells = {
        name: tuple(_cell(part, people, measure, fewest) for part in classes)
        for name, measure in MEASURES.items()
    }
    return TranscriptTable(
        recordings=tuple(map(len, classes)),
        sources=sources,
        only_in_one_class=tuple(sorted(one_sided)) if len(sources) > 1 and all(sources) else (),
        repeating=tuple(map(_repeating, classes)),
        measures={name: each for name, each in cells.items() if any(each)},
    )


Measure = Callable[[QualityRow], float | None]


def _share(count: int, row: QualityRow) -> float:
    return 100.0 * count / row.words


MEASURES: dict[str, Measure] = {
    "Words per second": lambda row: row.words_per_s,
    "Fillers per 100 words": lambda row: _share(row.fillers, row),
    "Pauses per 100 words": lambda row: _share(row.pauses, row),
    "Words whose times were repaired (%)": lambda row: _share(
        row.interpolated + row.trimmed + row.clipped, row
    ),
    "Words without measured times (%)": lambda row: _share(row.words - row.words_with_times, row),
    "Words in which the detector hears no speech (%)": lambda row: (
        None if row.unheard_words is None else _share(row.unheard_words, row)
    ),
    "Confidence of the words": lambda row: row.confidence,
}


def _cell(
    rows: Sequence[QualityRow], people: Mapping[str, str], measure: Measure, fewest: int
) -> Cell | None:
    values: dict[str, list[float]] = {}
    for row in rows:
        value = measure(row)
        if value is not None:
            values.setdefault(people[row.recording_id], []).append(value)
    if len(values) < fewest:
        return None
    means = np.array([np.mean(found) for found in values.values()])
    return Cell(median=float(np.median(means)), interval=median_interval(means), n=len(means))


def _repeating(rows: Sequence[QualityRow]) -> int:
    return sum(row.repeated_phrases > 0 for row in rows)
