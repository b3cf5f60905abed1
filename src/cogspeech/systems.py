"""Fusions as systems of the evaluation, and their fits on several processes.

Every fit has a folder of its own. Workers fill these folders, in any order; the evaluation then
finds every fit finished, so its numbers are those of one process to the last bit.
"""

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cogspeech.cache import content_key, file_digest
from cogspeech.config import Study, study_hash
from cogspeech.corpora.splits import Fold, SplitPlan
from cogspeech.decision import DecisionRule, Kind
from cogspeech.engines.base import Engine
from cogspeech.errors import CogspeechError, ConfigError, TrainingError
from cogspeech.evaluation.base import BASELINES, FoldAnswers, FoldTask, System
from cogspeech.evaluation.deciding import Decided, HeldBack, decide, fit_rule
from cogspeech.evaluation.protocol import cross_validate, fold_task
from cogspeech.fusion.base import FUSIONS
from cogspeech.settings import Component
from cogspeech.training.finetuning import Finetuning
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.prediction import predict_answers
from cogspeech.training.trainer import FittedFusion, Trainer
from cogspeech.tuning import Configuration, search
from cogspeech.types import Answers, Case, Prediction, Progress, ScorePrediction, no_progress


def data_hash(cases: Sequence[Case]) -> str:
    """A digest of who is in the study, with which audio, words, label and embeddings."""
    return content_key(
        cases=sorted(
            [
                case.recording.recording_id,
                case.recording.participant_id,
                case.recording.label,
                file_digest(case.recording.audio_path),
                [[w.text, w.start_s, w.end_s, w.speaker] for w in case.transcript.words],
                [
                    _array_digest(case.embedded.event_vectors),
                    _array_digest(case.embedded.token_vectors),
                ],
            ]
            for case in cases
        )
    )


def _array_digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


class FusionSystem(System):
    """A fusion as a system of the evaluation: one fit per fold and seed.

    Args:
        component: the fusion and its options.
        study: whose training section and target it is fitted with.
        checkpoints: of the run; a fit that is found there is gone on with.
        data: from `data_hash`.
    """

    is_seeded = True

    def __init__(self, component: Component, study: Study, checkpoints: Path, *, data: str) -> None:
        self.name = component.name
        self._component = component
        self._study = study
        self._checkpoints = checkpoints
        self.data = data
        self.first_fits: dict[int, FittedFusion] = {}
        """The fits of the first repeat and seed, by fold: for explanations."""

    def fit_predict(self, task: FoldTask) -> FoldAnswers:
        """Fits on the training side, and answers."""
        configuration = self.configure(task)
        fitted = self.fit(
            LabelledPart.of(task.train, task.train_labels, self._study.target),
            LabelledPart.of(task.validation, task.validation_labels, self._study.target),
            place=f"repeat{task.repeat}-fold{task.fold}",
            seed=task.seed,
            configuration=configuration,
        )
        if task.repeat == 0 and task.seed == self._study.seed:
            self.first_fits[task.fold] = fitted
        return FoldAnswers(
            test=_answers(fitted, task.test), validation=_answers(fitted, task.validation)
        )

    def answer(self, fold: int, cases: Sequence[Case]) -> Answers:
        """What the fit of a fold of the first repeat and seed says about cases, in order."""
        return _answers(self.first_fits[fold], cases)

    def configure(self, task: FoldTask) -> Configuration:
        """What the fits of a fold are made with: searched for on its training side, or given."""
        place = f"repeat{task.repeat}-fold{task.fold}"
        return self.configured_for([*task.train, *task.validation], place)

    def configured_for(self, cases: Sequence[Case], place: str) -> Configuration:
        """The same for any training side."""
        if self._study.tune is None or self._component != self._study.fusion:
            return Configuration(fusion=self._component, training=self._study.training)
        return search(self._study, cases, self._checkpoints / self.name / f"{place}-tuned")

    def fit(
        self,
        training: LabelledPart,
        validation: LabelledPart,
        *,
        place: str,
        seed: int,
        configuration: Configuration,
    ) -> FittedFusion:
        """One fit, with its checkpoints in a folder of its own."""
        trainer = Trainer(
            configuration.fusion,
            configuration.training,
            target=self._study.target,
            seed=seed,
            folder=self._checkpoints / self.name / f"{place}-seed{seed}",
            identity={"study": study_hash(self._study), "data": self.data, "place": place},
        )
        return trainer.fit(training, validation, finetuning=Finetuning.of(self._study), resume=True)


def _answers(fitted: FittedFusion, cases: Sequence[Case]) -> Answers:
    return predict_answers(fitted.model, fitted.objective, [case.embedded for case in cases])


def rule_of_fit(
    fitted: FittedFusion, held_back: Sequence[Case], study: Study, *, kind: Kind | None
) -> DecisionRule | None:
    """From a fit's answers about the labelled people it held back; of two classes only.

    Args:
        fitted: the fit.
        held_back: its validation part.
        study: whose classes, calibration and coverage count.
        kind: of the conformal sets, or none.
    """
    classes = study.target.classes
    if len(classes) != 2:
        return None
    part = HeldBack(
        participants=tuple(case.recording.participant_id for case in held_back),
        labels=np.array([classes.index(case.recording.label or "") for case in held_back]),
        probability=_answers(fitted, held_back).positive,
    )
    return fit_rule(part, study.evaluation, kind=kind)


def other_systems(study: Study, checkpoints: Path, *, data: str) -> tuple[System, ...]:
    """The systems the study compares with: fusions with their defaults, and baselines."""
    return tuple(
        FusionSystem(Component(name=name), study, checkpoints, data=data)
        if name in FUSIONS.names()
        else BASELINES.get(name)()
        for name in study.compare
    )


def with_able_systems(study: Study, *, where: str) -> Study:
    """The study with systems that can answer its target.

    Of the default list those that cannot are left out; they are refused where somebody wrote them.

    Args:
        study: whose systems all exist.
        where: the study file, for messages.

    Raises:
        ConfigError: the target is a score, and a system tells classes only.
    """
    if study.target.classes:
        return study
    scoring = [name for name in BASELINES.names() if BASELINES.get(name).tells_scores]
    able = tuple(name for name in study.compare if name in (*FUSIONS.names(), *scoring))
    if "compare" in study.model_fields_set and able != study.compare:
        unable = next(name for name in study.compare if name not in able)
        raise ConfigError(
            f"{where}: compare: '{unable}' tells classes, and the target is a score; expected "
            f"{', '.join(scoring)} or a fusion"
        )
    return study.model_copy(update={"compare": able})


def applicable(
    systems: Sequence[System], cases: Sequence[Case], *, progress: Progress = no_progress
) -> tuple[tuple[System, ...], dict[str, str]]:
    """The systems that can say something about these recordings, and why the others cannot."""
    reasons = {}
    for done, system in enumerate(systems, start=1):
        reasons[system.name] = system.why_not(cases)
        progress("measure", done, len(systems))
    found = tuple(system for system in systems if reasons[system.name] is None)
    return found, {name: reason for name, reason in reasons.items() if reason is not None}


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What all systems of a study have said, and the fits that said it."""

    primary: FusionSystem
    systems: tuple[System, ...]
    """The primary one first."""
    decided: Decided
    why_not: dict[str, str]
    """Systems that could not be asked, and why."""

    @property
    def predictions(self) -> tuple[Prediction, ...] | tuple[ScorePrediction, ...]:
        """Of the outer test sides."""
        return self.decided.answered.test or self.decided.answered.scored


def answer_all(
    study: Study,
    cases: Sequence[Case],
    plan: SplitPlan,
    checkpoints: Path,
    *,
    engine: Engine | None = None,
    progress: Progress = no_progress,
) -> Answered:
    """Stages 5 and 6: every fit of every system, what it says, and its decision rule.

    Args:
        study: whose systems are fitted.
        cases: all recordings.
        plan: the outer folds.
        checkpoints: of the run.
        engine: where fits are done side by side; without it one after the other, here.
        progress: is told about every fit.
    """
    data, seeds = data_hash(cases), seeds_of(study)
    if engine:
        worker = FitWorker(study=study, cases=tuple(cases), checkpoints=checkpoints, data=data)
        fit_ahead(worker, plan, engine, seeds=seeds, progress=progress)
    primary = FusionSystem(study.fusion, study, checkpoints, data=data)
    others = other_systems(study, checkpoints, data=data)
    able, why_not = applicable(others, cases, progress=progress)
    systems = (primary, *able)
    answered = cross_validate(
        systems, cases, plan, classes=study.target.classes, seeds=seeds, progress=progress
    )
    return Answered(
        primary=primary,
        systems=systems,
        decided=decide(answered, study.evaluation),
        why_not=why_not,
    )


def seeds_of(study: Study) -> tuple[int, ...]:
    """The seeds of a study, declared by its own seed before anything is fitted."""
    return tuple(study.seed + index for index in range(study.evaluation.seeds))


@dataclass(frozen=True, kw_only=True)
class FitJob:
    """One fit: independent of every other."""

    component: Component
    fold: Fold
    seed: int | None
    """``None``: only the search for hyper-parameters, which the fits of a fold share."""

    @property
    def name(self) -> str:
        """For messages."""
        fold = self.fold
        return f"{self.component.name}, repeat {fold.repeat}, fold {fold.fold}, seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class FitWorker:
    """Does fits, wherever it is sent; what it leaves are finished checkpoints."""

    study: Study
    cases: tuple[Case, ...]
    checkpoints: Path
    data: str

    def __call__(self, job: FitJob) -> None:
        """One fit; one that is finished already is only looked at."""
        system = FusionSystem(job.component, self.study, self.checkpoints, data=self.data)
        classes = self.study.target.classes
        task, _ = fold_task(self.cases, job.fold, classes=classes, seed=job.seed or 0)
        if job.seed is None:
            system.configure(task)
        else:
            system.fit_predict(task)


def fit_ahead(
    worker: FitWorker,
    plan: SplitPlan,
    engine: Engine,
    *,
    seeds: Sequence[int],
    progress: Progress = no_progress,
) -> None:
    """All fits of all fusions of a study, on the workers of an engine.

    A fit whose worker died is tried once more, from its last checkpoint.

    Raises:
        TrainingError: a worker died twice of the same fit.
        CogspeechError: what went wrong in a fit.
    """
    study = worker.study
    components = [study.fusion, *(Component(name=n) for n in study.compare if n in FUSIONS.names())]
    if study.tune:
        searches = [FitJob(component=study.fusion, fold=fold, seed=None) for fold in plan.folds]
        _all_done(searches, worker, engine, stage="tune", progress=progress)
    fits = [
        FitJob(component=component, fold=fold, seed=seed)
        for component in components
        for fold in plan.folds
        for seed in seeds
    ]
    _all_done(fits, worker, engine, stage="fit", progress=progress)


def _all_done(
    jobs: Sequence[FitJob], worker: FitWorker, engine: Engine, *, stage: str, progress: Progress
) -> None:
    waiting, done, failed = deque(jobs), 0, set()
    progress(stage, 0, len(jobs))
    for job, _, error in engine.run(worker, waiting):
        if error is None:
            done += 1
            progress(stage, done, len(jobs))
        elif isinstance(error, CogspeechError) or not isinstance(error, Exception):
            raise error
        elif job.name in failed:
            raise TrainingError(
                f"the fit {job.name} failed twice ({' '.join(str(error).split())[:200]}); go on "
                "with --resume, perhaps with fewer --workers"
            ) from error
        else:
            failed.add(job.name)
            waiting.append(job)
