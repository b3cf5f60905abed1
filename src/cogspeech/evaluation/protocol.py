"""Stage 6: every system on every outer fold, under one protocol.

The test cases reach a system without label and score, so nothing can be chosen on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cogspeech.corpora.base import NUMBER_COLUMNS
from cogspeech.corpora.splits import Fold, SplitPlan
from cogspeech.errors import TrainingError
from cogspeech.evaluation.base import FoldTask, System, without_answers
from cogspeech.types import (
    Answers,
    Case,
    Prediction,
    Progress,
    ScorePrediction,
    no_progress,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfFold:
    """What the fits of a study say about recordings they have not learned from."""

    test: tuple[Prediction, ...]
    """Of the outer test sides: what is evaluated."""
    validation: tuple[Prediction, ...]
    """Of the validation part of the same fits: what anything else may be chosen on. Only of systems
    that hold one back."""
    scored: tuple[ScorePrediction, ...] = ()
    """Of the outer test sides, where the target is a score without classes; then the others are
    empty."""


def cross_validate(
    systems: Sequence[System],
    cases: Sequence[Case],
    plan: SplitPlan,
    *,
    classes: Sequence[str],
    seeds: Sequence[int],
    progress: Progress = no_progress,
) -> OutOfFold:
    """Out-of-fold predictions of all systems.

    Args:
        systems: fitted anew for every fold and seed.
        cases: all recordings of the study, labelled.
        plan: the outer folds.
        classes: the negative class first; none where the target is a score.
        seeds: declared before anything is fitted; each gives a fit per fold.
        progress: is told about every fit.

    Raises:
        TrainingError: a system gives something that is not a probability, or not a score.
    """
    jobs = [
        (system, fold, seed)
        for system in systems
        for fold in plan.folds
        for seed in (seeds if system.is_seeded else seeds[:1])
    ]
    tested: list[Prediction] = []
    held_back: list[Prediction] = []
    scored: list[ScorePrediction] = []
    for done, (system, fold, seed) in enumerate(jobs, start=1):
        task, test = fold_task(cases, fold, classes=classes, seed=seed)
        answers = system.fit_predict(task)
        if not classes:
            scored += _score_predictions(system, task, test, answers.test)
            progress("evaluate", done, len(jobs))
            continue
        tested += _predictions(system, task, test, answers.test, classes)
        if answers.validation:
            held_back += _predictions(system, task, task.validation, answers.validation, classes)
        progress("evaluate", done, len(jobs))
    return OutOfFold(test=tuple(tested), validation=tuple(held_back), scored=tuple(scored))


def _predictions(
    system: System,
    task: FoldTask,
    cases: Sequence[Case],
    answers: Answers,
    classes: Sequence[str],
) -> list[Prediction]:
    probabilities = answers.probabilities
    if (
        probabilities is None
        or probabilities.shape != (len(cases), len(classes))
        or not np.all((probabilities >= 0.0) & (probabilities <= 1.0))
    ):
        raise TrainingError(
            f"{_place(system, task)}: expected {len(cases)} probabilities between 0 and 1 for each "
            f"of {len(classes)} classes"
        )
    predicted = (
        [None] * len(cases) if answers.scores is None else _scores(system, task, cases, answers)
    )
    return [
        Prediction(
            **_fit(system, task, case),
            label=classes.index(case.recording.label or ""),
            probability=float(positive),
            probabilities=tuple(each.tolist()) if len(classes) > 2 else (),
            score=case.recording.score,
            predicted_score=score,
        )
        for case, each, positive, score in zip(
            cases, probabilities, answers.positive, predicted, strict=True
        )
    ]


def _score_predictions(
    system: System, task: FoldTask, cases: Sequence[Case], answers: Answers
) -> list[ScorePrediction]:
    return [
        ScorePrediction(
            **_fit(system, task, case), score=case.recording.score, predicted_score=predicted
        )
        for case, predicted in zip(cases, _scores(system, task, cases, answers), strict=True)
        if case.recording.score is not None
    ]


def _scores(system: System, task: FoldTask, cases: Sequence[Case], answers: Answers) -> list[float]:
    scores = answers.scores
    if scores is None or len(scores) != len(cases) or not np.isfinite(scores).all():
        raise TrainingError(f"{_place(system, task)}: expected {len(cases)} finite scores")
    found: list[float] = scores.tolist()
    return found


def _fit(system: System, task: FoldTask, case: Case) -> dict[str, Any]:
    """Which fit speaks about which recording."""
    return {
        "system": system.name,
        "repeat": task.repeat,
        "fold": task.fold,
        "seed": task.seed,
        "participant_id": case.recording.participant_id,
        "recording_id": case.recording.recording_id,
    }


def _place(system: System, task: FoldTask) -> str:
    return f"system '{system.name}', repeat {task.repeat}, fold {task.fold}"


def fold_task(
    cases: Sequence[Case], fold: Fold, *, classes: Sequence[str], seed: int
) -> tuple[FoldTask, tuple[Case, ...]]:
    """What a system may see of a fold, and the test cases with their labels, for scoring."""
    train, validation, test = (
        tuple(case for case in cases if case.recording.participant_id in set(people))
        for people in (fold.train, fold.validation, fold.test)
    )
    has_score = any(case.recording.score is not None for case in cases)
    told = _columns_of_the_score(cases)
    task = FoldTask(
        repeat=fold.repeat,
        fold=fold.fold,
        seed=seed,
        train=train,
        train_labels=labels_of(train, classes),
        validation=validation,
        validation_labels=labels_of(validation, classes),
        test=tuple(without_answers(case, told) for case in test),
        train_scores=_scores_of(train, has_score=has_score),
        validation_scores=_scores_of(validation, has_score=has_score),
    )
    return task, test


def labels_of(cases: Sequence[Case], classes: Sequence[str]) -> tuple[int, ...]:
    """The position in the classes of each; none where there are no classes."""
    return tuple(classes.index(case.recording.label or "") for case in cases) if classes else ()


def _scores_of(cases: Sequence[Case], *, has_score: bool) -> tuple[float | None, ...]:
    return tuple(case.recording.score for case in cases) if has_score else ()


def _columns_of_the_score(cases: Sequence[Case]) -> tuple[str, ...]:
    """The score may stand in a column of its own as well, such as the age."""
    scored = [case.recording for case in cases if case.recording.score is not None]
    return tuple(
        column
        for column in NUMBER_COLUMNS
        if scored and all(getattr(recording, column) == recording.score for recording in scored)
    )
