"""What the predictions of a run folder are about: two classes, more, a score, or both.

Reads them, and counts what the report shows of more than two classes and of scores.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import TypeAdapter

from cogspeech.evaluation.metrics import Scores, scores_of
from cogspeech.evaluation.score_metrics import Scored
from cogspeech.types import Estimate, Prediction, ScorePrediction

_Labelled = TypeAdapter(tuple[Prediction, ...])
_Scored = TypeAdapter(tuple[ScorePrediction, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Who is counted together: a class, or everybody where there is none."""

    name: str
    people: int
    recordings: int


def read_predictions(text: str, classes: Sequence[str]) -> tuple[Prediction, ...]:
    """The rows of ``predictions.csv`` of a study with classes; none without.

    Raises:
        ValueError: a column is missing, or a value is not one.
    """
    if not classes:
        return ()
    rows = _rows(text)
    columns = [f"probability_{name}" for name in classes] if len(classes) > 2 else []
    predictions = _Labelled.validate_python(
        [{**row, "probabilities": [row.get(name) for name in columns]} for row in rows]
    )
    said = [p for each in predictions for p in (each.probability, *each.probabilities)]
    if not all(0.0 <= probability <= 1.0 for probability in said):
        raise ValueError("expected probabilities between 0 and 1")
    return predictions


def read_scored(text: str) -> tuple[ScorePrediction, ...]:
    """The rows of ``predictions.csv`` with a measured and a predicted score.

    Raises:
        ValueError: a column is missing, or a value is not a finite number.
    """
    rows = _rows(text)
    scored = _Scored.validate_python(
        [row for row in rows if row.get("score") and row.get("predicted_score")]
    )
    if not all(np.isfinite([p.score, p.predicted_score]).all() for p in scored):
        raise ValueError("expected finite scores")
    return scored


def _rows(text: str) -> list[dict[str, str | None]]:
    """An empty cell is ``None``."""
    return [
        {column: value or None for column, value in row.items()}
        for row in csv.DictReader(io.StringIO(text))
    ]


def binary_scores(predictions: Sequence[Prediction], system: str) -> Scores:
    """Any class but the first, against the first.

    Raises:
        ValueError: one of the two has no participant.
    """
    if {p.label > 0 for p in predictions if p.system == system} != {False, True}:
        raise ValueError(f"expected participants of both classes for system '{system}'")
    return scores_of(predictions, system)


def needed_metrics(classes: Sequence[str]) -> tuple[str, ...]:
    """Without which there is no report."""
    if not classes:
        return ("mae", "skill")
    if len(classes) == 2:
        return ("auroc",)
    return ("auroc", "macro_auroc", "balanced_accuracy", *(f"auroc_{name}" for name in classes))


def two_names(classes: Sequence[str], score: str | None) -> tuple[str, str]:
    """What speaks against, and what for, a high answer."""
    if not classes:
        return f"a lower {score}", f"a higher {score}"
    return classes[0], " or ".join(classes[1:])


def groups_of(predictions: Sequence[Scored], classes: Sequence[str]) -> tuple[Group, ...]:
    """The classes, or everybody.

    Args:
        predictions: of one system.
        classes: of the study.
    """
    found = []
    for label, name in enumerate(classes or ("all",)):
        own = [p for p in predictions if label_of(p) == label]
        people, files = {p.participant_id for p in own}, {p.recording_id for p in own}
        found.append(Group(name=name, people=len(people), recordings=len(files)))
    return tuple(found)


def label_of(prediction: Scored) -> int:
    """The class; without classes all are of one."""
    return prediction.label if isinstance(prediction, Prediction) else 0


def answer_of(prediction: Scored) -> float:
    """The probability of any class but the first; without classes the predicted score."""
    if isinstance(prediction, Prediction):
        return prediction.probability
    return prediction.predicted_score


def truth_of(prediction: Scored, classes: Sequence[str]) -> str:
    """The class, or the measured score."""
    if isinstance(prediction, Prediction):
        return classes[prediction.label]
    return f"{prediction.score:g}"


def shown_metrics(
    systems: Mapping[str, dict[str, Estimate]], classes: Sequence[str]
) -> tuple[str, ...]:
    """The columns of the table of systems; what is about a single class stands elsewhere."""
    names = dict.fromkeys(name for found in systems.values() for name in found)
    return tuple(name for name in names if name not in {f"auroc_{each}" for each in classes})


def tint_of_share(share: float) -> str:
    """The style class of a cell of a confusion matrix, ``z`` to ``n3``."""
    step = min(3, int(4 * share))
    return f"n{step}" if step else "z"
