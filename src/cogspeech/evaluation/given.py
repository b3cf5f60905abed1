"""Anybody's predictions: a csv file, checked row by row before a number is made of it.

Needed columns: ``participant_id``, ``label``, ``probability``. Optional: ``system``, ``repeat``,
``fold``, ``seed``, ``recording_id``. Rows are counted as a spreadsheet shows them: the header is
row 1.
"""

import csv
import io
import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from cogspeech.corpora.splits import Fold, SplitPlan
from cogspeech.errors import PredictionsError, SplitError
from cogspeech.evaluation.metrics import scores_of
from cogspeech.types import Prediction

NEEDED_COLUMNS = ("participant_id", "label", "probability")
NUMBERED_COLUMNS = ("repeat", "fold", "seed")
DEFAULT_CLASSES = ("0", "1")
NAMED_ROWS = 5
"""Of what is wrong; the rest is counted."""
MOST_DIGITS = 9
FEWEST = 2
"""Participants of a class."""
SEPARATORS = {"semicolon": ";", "tab": "\t"}
Row = tuple[int, Mapping[str, str]]


def read_predictions(path: Path, *, classes: Sequence[str] = ()) -> tuple[Prediction, ...]:
    """The predictions of a csv file, sound enough to be evaluated.

    Args:
        path: of the csv file.
        classes: how the labels are written, the negative one first; without, 0 and 1.

    Raises:
        PredictionsError: one sentence with the rows.
    """
    rows = _rows(path, NEEDED_COLUMNS)
    known = tuple(classes) or DEFAULT_CLASSES
    remedy = "" if classes else "; name the classes with --classes, the negative one first"
    _refuse(
        path,
        rows,
        lambda row: row["label"] not in known,
        f"the label is neither '{known[0]}' nor '{known[1]}'{remedy}",
    )
    _refuse(path, rows, lambda row: not row["participant_id"], "participant_id is empty")
    _refuse(
        path,
        rows,
        lambda row: not _is_probability(row["probability"]),
        "the probability is no number between 0 and 1",
    )
    for column in NUMBERED_COLUMNS:
        _refuse(
            path,
            rows,
            lambda row, name=column: not _is_number(row.get(name, "0")),  # type: ignore[misc]
            f"{column} is no whole number of at most {MOST_DIGITS} digits",
        )
    predictions = tuple(_prediction(row, known) for _, row in rows)
    _check_labels(path, rows, known)
    _check_runs(path, rows, predictions)
    _check_folds(path, predictions)
    return predictions


def refuse_unknown(path: Path, participants: Path, predictions: Sequence[Prediction]) -> None:
    """Refuses predictions about people whom a table does not hold.

    Args:
        path: of the predictions, for the message.
        participants: a csv file with a column ``participant_id``, such as a recordings table.
        predictions: in the order of their rows.

    Raises:
        PredictionsError: one sentence with the rows.
    """
    known = {row["participant_id"] for _, row in _rows(participants, ("participant_id",))}
    _refuse_predictions(
        path,
        predictions,
        lambda p: p.participant_id not in known,
        f"the participant is not in {participants}",
    )


def refuse_seen(path: Path, splits: Path, predictions: Sequence[Prediction]) -> None:
    """Refuses predictions about people whom the fit of their fold has seen, or was not to test.

    Args:
        path: of the predictions, for the message.
        splits: a ``splits.json`` as a run folder holds it.
        predictions: in the order of their rows.

    Raises:
        PredictionsError: one sentence with the rows, or what is wrong with the splits.
    """
    folds = {(fold.repeat, fold.fold): fold for fold in read_splits(splits).folds}
    _refuse_predictions(
        path,
        predictions,
        lambda p: (p.repeat, p.fold) not in folds,
        f"the repeat and fold are not in {splits}",
    )
    seen = {key: {*fold.train, *fold.validation} for key, fold in folds.items()}
    _refuse_predictions(
        path,
        predictions,
        lambda p: p.participant_id in seen[p.repeat, p.fold],
        f"the participant is on the training side of the same fold of {splits}",
    )
    tested = {key: set(fold.test) for key, fold in folds.items()}
    _refuse_predictions(
        path,
        predictions,
        lambda p: p.participant_id not in tested[p.repeat, p.fold],
        f"the participant is not tested in this fold of {splits}",
    )


def read_splits(path: Path) -> SplitPlan:
    """The folds of a ``splits.json``.

    Raises:
        PredictionsError: it is not what `cogspeech run` writes, or a participant is on two sides.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["folds"]
        return SplitPlan(
            folds=tuple(
                Fold(
                    repeat=int(fold["repeat"]),
                    fold=int(fold["fold"]),
                    train=tuple(map(str, fold["train"])),
                    validation=tuple(map(str, fold["validation"])),
                    test=tuple(map(str, fold["test"])),
                )
                for fold in found
            )
        )
    except SplitError as error:
        raise PredictionsError(f"{path}: {error}") from error
    except OSError as error:
        raise PredictionsError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise PredictionsError(
            f"{path}: holds no folds; expected the splits.json of a run folder"
        ) from error


def _rows(path: Path, needed: Iterable[str]) -> list[Row]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except OSError as error:
        raise PredictionsError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise PredictionsError(f"{path}: is no csv file in UTF-8; save it as one") from error
    header = [name.strip() for name in lines[0]] if lines else []
    _check_header(path, header, needed)
    cells = [(number, line) for number, line in enumerate(lines[1:], start=2) if any(line)]
    if not cells:
        raise PredictionsError(f"{path}: holds no row below its header")
    longer = [number for number, line in cells if any(line[len(header) :])]
    if longer:
        raise PredictionsError(
            f"{path}: {_named(longer)}: more cells than the header has; a decimal comma, or a "
            "comma in a name without quotes?"
        )
    return [
        (number, dict(itertools.zip_longest(header, map(str.strip, line[: len(header)]),
                                            fillvalue="")))
        for number, line in cells
    ]  # fmt: skip


def _check_header(path: Path, header: Sequence[str], needed: Iterable[str]) -> None:
    missing = [name for name in needed if name not in header]
    if missing:
        others = [name for name, sign in SEPARATORS.items() if any(sign in cell for cell in header)]
        why = f"; its cells seem to be separated by {others[0]}s, not by commas" if others else ""
        raise PredictionsError(
            f"{path}: row 1 has no column '{missing[0]}'; expected at least "
            f"{', '.join(needed)}{why}"
        )
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise PredictionsError(f"{path}: row 1 has two columns '{twice[0]}'; keep the right one")


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= MOST_DIGITS


def _is_probability(text: str) -> bool:
    try:
        value = float(text)
    except ValueError:
        return False
    return math.isfinite(value) and 0.0 <= value <= 1.0


def _prediction(row: Mapping[str, str], classes: Sequence[str]) -> Prediction:
    participant = row["participant_id"]
    return Prediction(
        system=row.get("system") or "given",
        repeat=int(row.get("repeat", "0")),
        fold=int(row.get("fold", "0")),
        seed=int(row.get("seed", "0")),
        participant_id=participant,
        recording_id=row.get("recording_id") or participant,
        label=classes.index(row["label"]),
        probability=float(row["probability"]),
    )


def _check_labels(path: Path, rows: Sequence[Row], classes: Sequence[str]) -> None:
    first: dict[str, Row] = {}
    for number, row in rows:
        known, other = first.setdefault(row["participant_id"], (number, row))
        if other["label"] != row["label"]:
            raise PredictionsError(
                f"{path}: row {number}: the participant has label '{row['label']}' here and "
                f"'{other['label']}' in row {known}; a participant has one label"
            )
    for name in classes:
        people = [n for n, row in first.values() if row["label"] == name]
        if len(people) < FEWEST:
            where = f" ({_named(people)})" if people else ""
            raise PredictionsError(
                f"{path}: {len(people)} participants have label '{name}'{where}; expected at "
                f"least {FEWEST} of each class"
            )


def _check_runs(path: Path, rows: Sequence[Row], predictions: Sequence[Prediction]) -> None:
    first: dict[tuple[object, ...], int] = {}
    fold_of: dict[tuple[object, ...], tuple[int, int]] = {}
    people: dict[str, dict[tuple[int, int], set[str]]] = {}
    twice, moved = [], []
    for (number, _), p in zip(rows, predictions, strict=True):
        run = (p.system, p.repeat, p.seed, p.participant_id)
        if first.setdefault((*run, p.recording_id), number) != number:
            twice.append(number)
        elif fold_of.setdefault(run, (p.fold, number))[0] != p.fold:
            moved.append(number)
        people.setdefault(p.system, {}).setdefault((p.repeat, p.seed), set()).add(p.participant_id)
    if twice:
        raise PredictionsError(
            f"{path}: {_named(twice)}: the recording has a prediction of the same system, repeat "
            "and seed above; give each one, or tell them apart by recording_id"
        )
    if moved:
        raise PredictionsError(
            f"{path}: {_named(moved)}: the participant is tested in another fold of the same "
            "repeat above; all recordings of a person belong in one fold"
        )
    _check_whole(path, people)


def _check_whole(
    path: Path, people: Mapping[str, Mapping[tuple[int, int], AbstractSet[str]]]
) -> None:
    everybody = set().union(*(names for runs in people.values() for names in runs.values()))
    for system, runs in people.items():
        for (repeat, seed), names in runs.items():
            if names != everybody:
                lacking = sorted(everybody - names)
                raise PredictionsError(
                    f"{path}: system '{system}', repeat {repeat}, seed {seed} says nothing about "
                    f"{len(lacking)} of {len(everybody)} participants, such as '{lacking[0]}'; "
                    "every run of every system needs all of them"
                )


def _check_folds(path: Path, predictions: Sequence[Prediction]) -> None:
    for system in dict.fromkeys(p.system for p in predictions):
        if not scores_of(predictions, system).can_be_ranked:
            raise PredictionsError(
                f"{path}: system '{system}' has a repeat in which no fold tests participants of "
                "both classes, so nothing can be ranked; number the folds as they were tested, or "
                "leave the column out where one fit has tested everybody"
            )


def _refuse(
    path: Path, rows: Iterable[Row], is_wrong: Callable[[Mapping[str, str]], bool], what: str
) -> None:
    wrong = [number for number, row in rows if is_wrong(row)]
    if wrong:
        raise PredictionsError(f"{path}: {_named(wrong)}: {what}")


def _refuse_predictions(
    path: Path,
    predictions: Sequence[Prediction],
    is_wrong: Callable[[Prediction], bool],
    what: str,
) -> None:
    wrong = [place for place, p in enumerate(predictions) if is_wrong(p)]
    if wrong:
        rows = _rows(path, NEEDED_COLUMNS)  # between which there may be empty ones
        raise PredictionsError(f"{path}: {_named([rows[place][0] for place in wrong])}: {what}")


def _named(rows: Sequence[int]) -> str:
    rest = len(rows) - NAMED_ROWS
    more = f" and {rest} more" if rest > 0 else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows[:NAMED_ROWS]))}{more}"
