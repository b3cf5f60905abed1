"""Hyper-parameters, searched with Optuna on inner folds of a training side (extra ``tune``).

Nobody who is tested has a part in it: a search sees the training side of one outer fold, divides it
anew, and judges a configuration by the mean of the monitored metric over the inner test folds. The
next configuration follows from the trials before it and from the seed, so a search that was cut off
goes on to the same end. Trials are kept as json; Optuna's own storage is not used.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cogspeech.cache import write_atomically
from cogspeech.config import Study, parse_options
from cogspeech.corpora.splits import People, plan_splits
from cogspeech.errors import CheckpointError, ConfigError, SplitError, TrainingError, require
from cogspeech.evaluation.protocol import fold_task, labels_of
from cogspeech.fusion.base import FUSIONS
from cogspeech.learning_sections import SearchRange, TrainingSection, TuneSection
from cogspeech.settings import Component
from cogspeech.training.finetuning import Finetuning
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.monitors.base import MONITORS
from cogspeech.training.prediction import predict_outputs
from cogspeech.training.trainer import Trainer
from cogspeech.types import Case

Value = int | float | str
TRIALS = "trials.jsonl"


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What a fit is made with."""

    fusion: Component
    training: TrainingSection


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One configuration that was tried."""

    values: dict[str, Value]
    score: float | None
    """Mean of the monitored metric over the inner folds; ``None`` where a fit went wrong."""


def configured(study: Study, values: dict[str, Value]) -> Configuration:
    """The study's fusion and training with other values.

    Raises:
        ConfigError: a key or value does not exist or does not fit.
    """
    changes: dict[str, dict[str, Any]] = {"fusion": {}, "training": {}}
    for path, value in values.items():
        section, _, key = path.partition(".")
        if section not in changes or not key or key == "name":
            raise ConfigError(f"tune.space: '{path}' is no key of fusion or training")
        changes[section][key] = value
    fusion = {**study.fusion.options, **changes["fusion"]}
    name = study.fusion.name
    parse_options(FUSIONS.get(name).Options, fusion, where="tune.space: fusion")
    training = {**study.training.model_dump(), **changes["training"]}
    return Configuration(
        fusion=Component(name=name, **fusion),
        training=parse_options(TrainingSection, training, where="tune.space: training"),
    )


def check_space(study: Study) -> None:
    """Refuses a search space of which a single value does not fit.

    Raises:
        ConfigError: one line with the key.
    """
    for path, choices in study.tune.space.items() if study.tune else ():
        ends = (choices.low, choices.high) if isinstance(choices, SearchRange) else choices
        for value in ends:
            configured(study, {path: value})


def search(study: Study, cases: Sequence[Case], folder: Path) -> Configuration:
    """The best configuration for a training side.

    Args:
        study: with a `tune` section.
        cases: the training side of one outer fold, validation part included, labelled.
        folder: keeps the trials; a search that is found there is gone on with.

    Raises:
        MissingExtra: Optuna is not installed.
        CheckpointError: the folder holds another search.
        TrainingError: no configuration could be fitted.
    """
    tune = study.tune
    if tune is None:
        return Configuration(fusion=study.fusion, training=study.training)
    identity = {
        "space": tune.model_dump(mode="json")["space"],
        "cases": sorted(case.recording.recording_id for case in cases),
    }
    trials = _read(folder / TRIALS, identity)
    while len(trials) < tune.trials:
        values = suggest(study, tune, trials)
        trials.append(Trial(values=values, score=_score(study, configured(study, values), cases)))
        lines = [identity, *({"values": t.values, "score": t.score} for t in trials)]
        write_atomically(
            folder / TRIALS, "".join(f"{json.dumps(line)}\n" for line in lines).encode()
        )
    is_lower_better = MONITORS.get(study.training.monitor).is_lower_better
    scored = [(trial.score, trial) for trial in trials if trial.score is not None]
    if not scored:
        raise TrainingError(f"{folder / TRIALS}: no configuration of tune.space could be fitted")
    pick = min if is_lower_better else max
    return configured(study, pick(scored, key=lambda pair: pair[0])[1].values)


def suggest(study: Study, tune: TuneSection, trials: Sequence[Trial]) -> dict[str, Value]:
    """The next configuration: a function of the trials so far and the seed (TPE, Bergstra 2011)."""
    optuna: Any = require("optuna", extra="tune")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    ways = {path: _distribution(optuna, choices) for path, choices in tune.space.items()}
    is_lower_better = MONITORS.get(study.training.monitor).is_lower_better
    sampler = optuna.samplers.TPESampler(seed=study.seed + len(trials))
    memory = optuna.create_study(
        direction="minimize" if is_lower_better else "maximize", sampler=sampler
    )
    for trial in trials:
        if trial.score is not None:
            done = {"params": trial.values, "distributions": ways, "value": trial.score}
            memory.add_trial(optuna.trial.create_trial(**done))
    values: dict[str, Value] = memory.ask(ways).params
    return values


def _distribution(optuna: Any, choices: tuple[Value, ...] | SearchRange) -> Any:
    kinds = optuna.distributions
    if not isinstance(choices, SearchRange):
        return kinds.CategoricalDistribution(choices)
    is_whole = isinstance(choices.low, int) and isinstance(choices.high, int)
    kind = kinds.IntDistribution if is_whole else kinds.FloatDistribution
    return kind(choices.low, choices.high, log=choices.log)


def _score(study: Study, configuration: Configuration, cases: Sequence[Case]) -> float | None:
    """The mean of the monitored metric over the inner test folds."""
    assert study.tune is not None  # noqa: S101
    classes, target = study.target.classes, study.target
    try:
        inner = plan_splits(
            People.of([case.recording for case in cases], classes),
            outer_folds=study.tune.folds,
            repeats=1,
            validation_fraction=study.training.validation_fraction,
            seed=study.seed,
        )
    except SplitError as error:
        reason = str(error).partition(";")[0]
        raise SplitError(
            f"on a training side, {reason}; lower tune.folds or add participants"
        ) from error
    monitor = MONITORS.get(study.training.monitor)()
    scores = []
    for fold in inner.folds:
        task, test = fold_task(cases, fold, classes=classes, seed=study.seed)
        tested = LabelledPart.of(test, labels_of(test, classes), target)
        trainer = Trainer(
            configuration.fusion, configuration.training, target=target, seed=study.seed
        )
        try:
            fitted = trainer.fit(
                LabelledPart.of(task.train, task.train_labels, target),
                LabelledPart.of(task.validation, task.validation_labels, target),
                finetuning=Finetuning.of(study),
            )
        except TrainingError:  # such as a rate too high; the search goes elsewhere
            return None
        outputs = predict_outputs(fitted.model, tested.recordings)
        scores.append(monitor.value(fitted.objective, outputs, tested.targets))
    return float(np.mean(scores))


def _read(path: Path, identity: dict[str, Any]) -> list[Trial]:
    if not path.exists():
        return []
    try:
        found, *trials = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        known = [Trial(values=trial["values"], score=trial["score"]) for trial in trials]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path}: cannot be read; remove it, the search begins anew"
        ) from error
    for field in sorted(identity):
        if found.get(field) != json.loads(json.dumps(identity[field])):
            raise CheckpointError(f"{path}: belongs to another search: {field} differs")
    return known
