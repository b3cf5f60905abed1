"""Stage 6: every system on every outer fold, under one protocol.

The test cases reach a system without label and score, so nothing can be chosen on them.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cogspeech.corpora.splits import Fold, SplitPlan
from cogspeech.errors import TrainingError
from cogspeech.evaluation.base import FoldTask, System
from cogspeech.types import Answers, Case, Prediction, Progress, no_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfFold:
    """What the fits of a study say about recordings they have not learned from."""

    test: tuple[Prediction, ...]
    """Of the outer test sides: what is evaluated."""
    validation: tuple[Prediction, ...]
    """Of the validation part of the same fits: what anything else may be chosen on. Only of systems
    that hold one back."""


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
        classes: the negative class first.
        seeds: declared before anything is fitted; each gives a fit per fold.
        progress: is told about every fit.

    Raises:
        TrainingError: a system gives something that is not a probability.
    """
    jobs = [
        (system, fold, seed)
        for system in systems
        for fold in plan.folds
        for seed in (seeds if system.is_seeded else seeds[:1])
    ]
    tested: list[Prediction] = []
    held_back: list[Prediction] = []
    for done, (system, fold, seed) in enumerate(jobs, start=1):
        task, test = fold_task(cases, fold, classes=classes, seed=seed)
        answers = system.fit_predict(task)
        tested += _predictions(system, task, test, answers.test, classes)
        if answers.validation:
            held_back += _predictions(system, task, task.validation, answers.validation, classes)
        progress("evaluate", done, len(jobs))
    return OutOfFold(test=tuple(tested), validation=tuple(held_back))


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
        or len(probabilities) != len(cases)
        or not np.all((probabilities >= 0.0) & (probabilities <= 1.0))
    ):
        raise TrainingError(
            f"system '{system.name}', repeat {task.repeat}, fold {task.fold}: expected "
            f"{len(cases)} probabilities between 0 and 1"
        )
    return [
        Prediction(
            system=system.name,
            repeat=task.repeat,
            fold=task.fold,
            seed=task.seed,
            participant_id=case.recording.participant_id,
            recording_id=case.recording.recording_id,
            label=classes.index(case.recording.label or ""),
            probability=float(probability),
        )
        for case, probability in zip(cases, answers.positive, strict=True)
    ]


def fold_task(
    cases: Sequence[Case], fold: Fold, *, classes: Sequence[str], seed: int
) -> tuple[FoldTask, tuple[Case, ...]]:
    """What a system may see of a fold, and the test cases with their labels, for scoring."""
    train, validation, test = (
        tuple(case for case in cases if case.recording.participant_id in set(people))
        for people in (fold.train, fold.validation, fold.test)
    )
    task = FoldTask(
        repeat=fold.repeat,
        fold=fold.fold,
        seed=seed,
        train=train,
        train_labels=_labels(train, classes),
        validation=validation,
        validation_labels=_labels(validation, classes),
        test=tuple(_without_answers(case) for case in test),
    )
    return task, test


def _labels(cases: Sequence[Case], classes: Sequence[str]) -> tuple[int, ...]:
    return tuple(classes.index(case.recording.label or "") for case in cases)


def _without_answers(case: Case) -> Case:
    blind = dataclasses.replace(case.recording, label=None, mmse=None, metadata={})
    return dataclasses.replace(case, recording=blind)
