"""Stage 5: one readable training loop.

    epoch:   steps of `batch_size` recordings in an order that follows from the seed
    step:    passes of similar length -> gradients added -> clipped -> AdamW
    pause:   after every step a checkpoint may be written and a signal may end the fit
    close:   validation, the best weights kept, the schedule told, early stopping

A fit that was killed at any moment goes on to the same bits.
"""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cogspeech.config import TargetSection
from cogspeech.errors import TrainingError
from cogspeech.fusion.base import FusionModel, ModelSizes, build_fusion
from cogspeech.learning_sections import TrainingSection
from cogspeech.settings import Component
from cogspeech.training.averaging import MovingAverage
from cogspeech.training.batches import Indices, length_of, plan_epoch, plan_passes, share_of
from cogspeech.training.checkpoint import CheckpointFolder
from cogspeech.training.finetuning import Finetuning, parameter_groups
from cogspeech.training.history import EpochRecord, write_history
from cogspeech.training.interruption import Interruption, signals_wait
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.lock import locked
from cogspeech.training.monitors.base import MONITORS, Monitor
from cogspeech.training.objectives.base import (
    Objective,
    Targets,
    build_objective,
    complete_target,
)
from cogspeech.training.prediction import one_thread, predict_outputs
from cogspeech.training.processes import Processes
from cogspeech.training.schedules.base import build_schedule, learning_rate
from cogspeech.training.state import FitState, seed_all

VERSIONED = ("accelerate", "cogspeech", "numpy", "torch")
"""What decides the bits of a fit beside its study and its data."""
PRECISIONS = {"no": None, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedFusion:
    """A trained model with its best weights, and how it got there."""

    model: FusionModel
    objective: Objective
    history: tuple[EpochRecord, ...]
    best_epoch: int


class Trainer:
    """Fits one fusion on one training part.

    Args:
        component: the fusion and its options.
        section: how to train.
        target: what to train for.
        seed: decides initial weights, dropout and the order of the recordings.
        folder: where the checkpoints and the history of this fit go; none are written without it.
        identity: json-able facts that tell this fit from every other.
    """

    def __init__(
        self,
        component: Component,
        section: TrainingSection,
        *,
        target: TargetSection | None = None,
        seed: int,
        folder: Path | None = None,
        identity: dict[str, Any] | None = None,
    ) -> None:
        self._component = component
        self._section = section
        self._target = complete_target(target or TargetSection())
        self._seed = seed
        self._folder = folder
        self._identity = identity or {}

    def fit(
        self,
        training: LabelledPart,
        validation: LabelledPart,
        *,
        finetuning: Finetuning | None = None,
        resume: bool = False,
    ) -> FittedFusion:
        """The model with the best monitored metric on the validation part.

        Args:
            training: what is learned from.
            validation: what the fit is stopped by.
            finetuning: which encoder layers are trained with the fusion.
            resume: go on with the fit that the folder holds.

        Raises:
            TrainingError: a class is missing, or the loss is no longer a number.
            CheckpointError: somebody else trains in the folder, ``resume`` found a checkpoint of
                another fit, or one cannot be written.
        """
        processes = Processes()
        with one_thread(), signals_wait() as interruption, self._claimed(processes):
            fit = self._begun(training, validation, finetuning, processes, interruption)
            if not fit.begin(resume=resume):
                fit.run()
            return fit.result()

    @contextmanager
    def _claimed(self, processes: Processes) -> Iterator[None]:
        with locked(self._folder) if self._folder and processes.is_main else nullcontext():
            processes.wait()
            yield

    def _begun(
        self,
        training: LabelledPart,
        validation: LabelledPart,
        finetuning: Finetuning | None,
        processes: Processes,
        interruption: Interruption,
    ) -> "_Fit":
        """The fit before its first step; seeded, so what ran before does not matter."""
        seed_all(self._seed)
        section = self._section
        objective = build_objective(self._target)
        objective.fit(training.targets)
        sizes = ModelSizes.of(training.recordings[0], num_outputs=objective.num_outputs)
        model = build_fusion(self._component, sizes)
        if finetuning:
            finetuning.attach(model)
        model.to(processes.device)
        if processes.index:  # the same weights, but dropout of its own
            seed_all(self._seed + 7919 * processes.index)
        state = FitState(
            model=model,
            optimizer=torch.optim.AdamW(
                parameter_groups(model, finetuning, learning_rate=section.learning_rate),
                lr=section.learning_rate,
                weight_decay=section.weight_decay,
                fused=True,
            ),
            schedule=build_schedule(section.schedule),
            scaler=torch.amp.GradScaler(
                processes.device.type, enabled=section.mixed_precision == "fp16"
            ),
            processes=processes,
        )
        identity = {
            **self._identity,
            "seed": self._seed,
            "fusion": self._component.model_dump(mode="json"),
            "target": self._target.model_dump(mode="json"),
            "training": section.model_dump(mode="json"),
            "finetune": finetuning.identity if finetuning else None,
            "training_part": training.digest,
            "validation_part": validation.digest,
            "processes": processes.count,
            "device": processes.device.type,
            "versions": {name: version(name) for name in VERSIONED},
        }
        return _Fit(
            model=model,
            objective=objective,
            monitor=MONITORS.get(section.monitor)(),
            section=section,
            seed=self._seed,
            training=training,
            validation=validation,
            state=state,
            folder=CheckpointFolder(self._folder, identity) if self._folder else None,
            interruption=interruption,
        )


@dataclass(slots=True, kw_only=True)
class _Fit:
    """One fit on its way."""

    model: FusionModel
    objective: Objective
    monitor: Monitor
    section: TrainingSection
    seed: int
    training: LabelledPart
    validation: LabelledPart
    state: FitState
    folder: CheckpointFolder | None
    interruption: Interruption
    _lengths: list[tuple[int, int]] = field(init=False)
    _targets: Targets = field(init=False)
    _saved_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._lengths = [length_of(recording) for recording in self.training.recordings]
        self._targets = self.training.targets

    def begin(self, *, resume: bool) -> bool:
        """Takes up the newest checkpoint, if asked and if there is one; True: it is finished."""
        counts, processes = self.state.counts, self.state.processes
        found = self.folder.load() if self.folder and resume else None
        processes.wait()
        if found is None:
            self.model.fit_scaling(self.training.recordings)
        if self.section.averaging == "ema":
            self.state.average = MovingAverage(self.model, decay=self.section.averaging_decay)
        is_finished = self.state.restore(found) if found else False
        if self.folder and processes.is_main:
            self.folder.tidy(keeps_generations=found is not None)
            if found:
                write_history(self.folder.folder, counts.history)
        return is_finished

    def run(self) -> None:
        """Epochs until the last one, or until patience is over."""
        counts, count = self.state.counts, len(self.training.recordings)
        self._saved_at = time.monotonic()
        while not self._is_over:
            steps = plan_epoch(
                count, batch_size=self.section.batch_size, seed=self.seed, epoch=counts.epoch
            )
            for step in steps[counts.position :]:
                rate = self._learning_rate(counts.epoch + counts.position / len(steps))
                self._take_step(step, rate)
                counts.position += 1
                if counts.position < len(steps):
                    self._pause(counts.epoch * len(steps) + counts.position)
            self._close_epoch(rate)
            if not self._is_over:
                self._pause(counts.epoch * len(steps))
        self._save(counts.epoch * len(steps), is_finished=True)

    def result(self) -> FittedFusion:
        """The model with its best weights."""
        counts = self.state.counts
        self.model.load_state_dict(counts.best_weights)
        return FittedFusion(
            model=self.model.eval(),
            objective=self.objective,
            history=tuple(counts.history),
            best_epoch=counts.best_epoch,
        )

    @property
    def _is_over(self) -> bool:
        counts, section = self.state.counts, self.section
        return counts.epochs_without >= section.patience or counts.epoch == section.max_epochs

    def _learning_rate(self, done: float) -> float:
        return learning_rate(self.state.schedule, self.section, done)

    def _take_step(self, step: Indices, rate: float) -> None:
        """One optimizer step on some recordings, which may take several passes."""
        state, section = self.state, self.section
        processes, scaler, optimizer = state.processes, state.scaler, state.optimizer
        for group in optimizer.param_groups:
            group["lr"] = rate * group["rate_share"]
        self.model.train()
        loss = 0.0
        own = share_of(step, processes.index, processes.count)
        for indices in plan_passes(own, self._lengths, padded_items=section.padded_items):
            mean = self._loss_of(indices)
            part = mean * (len(indices) / len(step))
            torch.autograd.backward(scaler.scale(part))
            loss += float(part.detach())
        processes.add_gradients(self.model)
        scaler.unscale_(optimizer)
        for group in optimizer.param_groups:  # each by itself: encoders do not slow the fusion
            norm = nn.utils.clip_grad_norm_(group["params"], section.gradient_clip)
            if not torch.isfinite(norm) and not scaler.is_enabled():
                raise self._not_a_number("gradient", step)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        if state.average:
            state.average.update(self.model)
        state.counts.epoch_loss += processes.sum(loss) * len(step)

    def _loss_of(self, indices: Indices) -> Tensor:
        """The mean loss of one pass.

        Raises:
            TrainingError: it is not a number.
        """
        device, precision = self.state.processes.device, PRECISIONS[self.section.mixed_precision]
        with torch.autocast(device.type, dtype=precision, enabled=precision is not None):
            inputs = self.model.inputs_of([self.training.recordings[i] for i in indices])
            outputs = self.model(inputs).logits.float()
        loss = self.objective.loss(outputs, self._targets.rows(indices, device))
        if not torch.isfinite(loss):
            raise self._not_a_number("loss", indices)
        return loss

    def _not_a_number(self, what: str, indices: Indices) -> TrainingError:
        names = ", ".join(self.training.recordings[i].recording_id for i in indices)
        return TrainingError(
            f"the {what} is not a number in epoch {self.state.counts.epoch + 1}; lower "
            "training.learning_rate; the last good checkpoint is kept; "
            f"recordings of the batch: {names}"
        )

    def _close_epoch(self, rate: float) -> None:
        """Validates, keeps the best weights, and begins the next epoch."""
        state, counts = self.state, self.state.counts
        weights = state.average.weights if state.average else self.model.state_dict()
        with weights_of(self.model, weights):
            outputs = predict_outputs(self.model, self.validation.recordings)
        targets = self.validation.targets
        loss = float(self.objective.loss(outputs, targets))
        if not math.isfinite(loss):
            raise TrainingError("the validation loss is not a number; lower training.learning_rate")
        value = self.monitor.value(self.objective, outputs, targets)
        has_improved = self.monitor.is_better(value, counts.best_value, self.section.min_change)
        counts.history.append(
            EpochRecord(
                epoch=counts.epoch,
                training_loss=counts.epoch_loss / len(self.training.recordings),
                validation_loss=loss,
                monitored=value,
                learning_rate=rate,
                is_best=has_improved,
            )
        )
        if has_improved:
            counts.best_value, counts.best_epoch = value, counts.epoch
            counts.best_weights = {name: t.detach().clone() for name, t in weights.items()}
        counts.epochs_without = 0 if has_improved else counts.epochs_without + 1
        state.schedule.observe(has_improved=has_improved)
        counts.epoch, counts.position, counts.epoch_loss = counts.epoch + 1, 0, 0.0

    def _pause(self, step: int) -> None:
        """A checkpoint, if one is due or a signal waits; then the signal."""
        processes = self.state.processes
        is_asked = processes.is_any(self.interruption.is_asked)
        is_due = time.monotonic() - self._saved_at >= self.section.checkpoint_every_s
        if is_asked or processes.is_any(is_due):
            self._save(step, is_finished=False)
            self._saved_at = time.monotonic()
        if is_asked:
            self.interruption.deliver()

    def _save(self, step: int, *, is_finished: bool) -> None:
        if self.folder is None:
            return
        checkpoint = self.state.checkpoint(is_finished=is_finished)
        if self.state.processes.is_main:
            self.folder.save(step, checkpoint, is_last=is_finished)
            write_history(self.folder.folder, self.state.counts.history)


@contextmanager
def weights_of(model: nn.Module, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """The model with other weights, for as long as the context lasts."""
    own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.load_state_dict(weights)
    try:
        yield
    finally:
        model.load_state_dict(own)
