"""Stage 5: one readable training loop.

AdamW, warm-up then half a cosine, gradient clipping, validation after every epoch, early stopping
on the validation loss, and the best weights kept. `accelerate` knows the device and the precision.
"""

import copy
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor

from cogspeech.config import Component, TargetSection, TrainingSection
from cogspeech.errors import TrainingError
from cogspeech.fusion.base import FusionModel, ModelSizes, build_fusion, collate
from cogspeech.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from cogspeech.training.objectives.base import (
    Objective,
    Targets,
    build_objective,
    complete_target,
    scores_for,
)
from cogspeech.types import Answers, Case, EmbeddedRecording

PREDICTION_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPart:
    """Embedded recordings with what is to be told of them, such as a training part."""

    recordings: tuple[EmbeddedRecording, ...]
    labels: tuple[int, ...] = ()
    """Positions in the classes; empty where the target has none."""
    scores: tuple[float | None, ...] = ()
    """Empty where the target has no score; ``None`` where a recording has none."""

    def __post_init__(self) -> None:
        lengths = {len(side) for side in (self.labels, self.scores) if side}
        if not self.recordings or lengths != {len(self.recordings)}:
            raise ValueError("a part has as many labels as recordings, and at least one")

    @classmethod
    def of(
        cls, cases: Sequence[Case], labels: Sequence[int], target: TargetSection
    ) -> "LabelledPart":
        """The part that some cases make."""
        return cls(
            recordings=tuple(case.embedded for case in cases),
            labels=tuple(labels),
            scores=scores_for(target, [case.recording for case in cases]),
        )

    @property
    def targets(self) -> Targets:
        """As the objective reads them."""
        return Targets.of(self.labels, self.scores)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """What one epoch did."""

    epoch: int
    training_loss: float
    validation_loss: float
    learning_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedFusion:
    """A trained model with its best weights, and how it got there."""

    model: FusionModel
    objective: Objective
    history: tuple[EpochRecord, ...]
    best_epoch: int


@dataclass(slots=True, kw_only=True)
class _FitState:
    """What changes from epoch to epoch."""

    history: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = -1
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    is_finished: bool = False

    @property
    def best_loss(self) -> float:
        return self.history[self.best_epoch].validation_loss if self.best_epoch >= 0 else math.inf


class Trainer:
    """Fits one fusion on one training part.

    Args:
        component: the fusion and its options.
        section: how to train.
        target: what to train for.
        seed: decides initial weights, dropout and the order of the recordings.
        folder: where ``best.safetensors`` and ``last.safetensors`` go.
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
        self._identity = {
            **(identity or {}),
            "seed": seed,
            "fusion": component.model_dump(),
            "target": self._target.model_dump(mode="json"),
        }

    def fit(
        self, training: LabelledPart, validation: LabelledPart, *, resume: bool = False
    ) -> FittedFusion:
        """The model with the lowest validation loss.

        Raises:
            TrainingError: a class is missing, or the loss is no longer a number.
            CheckpointError: ``resume`` found a checkpoint of another fit.
        """
        with one_thread():
            return self._fit(training, validation, resume=resume)

    def _fit(
        self, training: LabelledPart, validation: LabelledPart, *, resume: bool
    ) -> FittedFusion:
        torch.manual_seed(self._seed)
        objective = build_objective(self._target)
        objective.fit(training.targets)
        sizes = ModelSizes.of(training.recordings[0], num_outputs=objective.num_outputs)
        model = build_fusion(self._component, sizes)
        model.fit_scaling(training.recordings)
        accelerator = Accelerator(mixed_precision=self._section.mixed_precision)
        optimizer: Any = torch.optim.AdamW(
            model.parameters(),
            lr=self._section.learning_rate,
            weight_decay=self._section.weight_decay,
            fused=True,
        )
        prepared, optimizer = accelerator.prepare(model, optimizer)
        state = self._restored(model, optimizer) if resume else _FitState()
        saved_at = time.monotonic()
        while not state.is_finished:
            self._run_epoch(prepared, optimizer, accelerator, objective, training, state)
            self._validate(model, objective, validation, state)
            pause_s = time.monotonic() - saved_at
            if state.is_finished or pause_s >= self._section.checkpoint_every_s:
                self._save(model, optimizer, state)
                saved_at = time.monotonic()
        model.load_state_dict(state.best_weights)
        return FittedFusion(
            model=model.eval(),
            objective=objective,
            history=tuple(state.history),
            best_epoch=state.best_epoch,
        )

    def _run_epoch(
        self,
        model: Any,
        optimizer: Any,
        accelerator: Accelerator,
        objective: Objective,
        part: LabelledPart,
        state: _FitState,
    ) -> None:
        """One pass over the training part; leaves an epoch without validation in the history."""
        epoch = len(state.history)
        targets, count = part.targets, len(part.recordings)
        batches = list(_batches(count, self._section.batch_size, (self._seed, epoch)))
        model.train()
        total, learning_rate = 0.0, 0.0
        for number, batch in enumerate(batches):
            learning_rate = self._learning_rate(epoch + number / len(batches))
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            inputs = collate([part.recordings[i] for i in batch]).to(accelerator.device)
            with accelerator.autocast():
                outputs = model(inputs).logits.float()
                loss = objective.loss(outputs, targets.rows(batch, accelerator.device))
            if not torch.isfinite(loss):
                names = ", ".join(part.recordings[i].recording_id for i in batch)
                raise TrainingError(
                    f"the loss is not a number in epoch {epoch + 1}; lower "
                    f"training.learning_rate; recordings of the batch: {names}"
                )
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), self._section.gradient_clip)
            optimizer.step()
            optimizer.zero_grad()
            total += float(loss.detach()) * len(batch)
        state.history.append(
            EpochRecord(
                epoch=epoch,
                training_loss=total / count,
                validation_loss=math.inf,
                learning_rate=learning_rate,
            )
        )

    def _validate(
        self,
        model: FusionModel,
        objective: Objective,
        part: LabelledPart,
        state: _FitState,
    ) -> None:
        """Fills in the validation loss, keeps the best weights, decides whether to stop."""
        loss = float(objective.loss(predict_outputs(model, part.recordings), part.targets))
        if not math.isfinite(loss):
            raise TrainingError("the validation loss is not a number; lower training.learning_rate")
        best_before = state.best_loss
        last = state.history[-1]
        state.history[-1] = EpochRecord(
            epoch=last.epoch,
            training_loss=last.training_loss,
            validation_loss=loss,
            learning_rate=last.learning_rate,
        )
        if loss < best_before:
            state.best_epoch = last.epoch
            state.best_weights = copy.deepcopy(model.state_dict())
        without_progress = last.epoch - state.best_epoch
        state.is_finished = (
            without_progress >= self._section.patience or last.epoch + 1 == self._section.max_epochs
        )

    def _learning_rate(self, epoch: float) -> float:
        """Linear warm-up, then half a cosine down to zero at ``max_epochs``."""
        done = epoch / self._section.max_epochs
        warmup = self._section.warmup_fraction
        if done < warmup:
            share = (done + 1.0 / self._section.max_epochs) / (warmup + 1e-12)
            return self._section.learning_rate * min(1.0, share)
        falling = (done - warmup) / max(1.0 - warmup, 1e-12)
        return self._section.learning_rate * 0.5 * (1.0 + math.cos(math.pi * falling))

    def _save(self, model: FusionModel, optimizer: Any, state: _FitState) -> None:
        if self._folder is None:
            return
        facts = {
            "identity": self._identity,
            "best_epoch": state.best_epoch,
            "is_finished": state.is_finished,
            "history": [
                [r.epoch, r.training_loss, r.validation_loss, r.learning_rate]
                for r in state.history
            ],
        }
        best = {f"best.{name}": tensor for name, tensor in state.best_weights.items()}
        current = {f"current.{name}": tensor for name, tensor in model.state_dict().items()}
        moments = {
            f"optimizer.{index}.{name}": tensor
            for index, entries in optimizer.state_dict()["state"].items()
            for name, tensor in entries.items()
        }
        random = {"random.torch": torch.get_rng_state()}
        save_checkpoint(self._folder / "best.safetensors", Checkpoint(tensors=best, state=facts))
        save_checkpoint(
            self._folder / "last.safetensors",
            Checkpoint(tensors={**best, **current, **moments, **random}, state=facts),
        )

    def _restored(self, model: FusionModel, optimizer: Any) -> _FitState:
        """The state of the last checkpoint, put back into model, optimizer and generator."""
        if self._folder is None:
            return _FitState()
        found = load_checkpoint(self._folder / "last.safetensors", identity=self._identity)
        if found is None:
            return _FitState()
        model.load_state_dict(found.part("current"))
        stored = optimizer.state_dict()
        stored["state"] = {}
        for name, tensor in found.part("optimizer").items():
            index, _, key = name.partition(".")
            stored["state"].setdefault(int(index), {})[key] = tensor
        optimizer.load_state_dict(stored)
        torch.set_rng_state(found.tensors["random.torch"])
        return _FitState(
            history=[
                EpochRecord(
                    epoch=epoch,
                    training_loss=training_loss,
                    validation_loss=validation_loss,
                    learning_rate=learning_rate,
                )
                for epoch, training_loss, validation_loss, learning_rate in found.state["history"]
            ],
            best_epoch=found.state["best_epoch"],
            best_weights=found.part("best"),
            is_finished=found.state["is_finished"],
        )


@contextmanager
def one_thread() -> Iterator[None]:
    """Keeps torch to one thread: the steps of a fusion are too small to share.

    On two free cores a second thread gains a tenth; beside any other work its waiting more than
    doubles the time. And the numbers no longer depend on how many cores there are.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _batches(num_items: int, batch_size: int, seed: tuple[int, int]) -> Iterator[list[int]]:
    """A permutation of all items in batches; the same seed and epoch give the same order."""
    order = np.random.default_rng(seed).permutation(num_items)
    for at in range(0, num_items, batch_size):
        yield [int(index) for index in order[at : at + batch_size]]


@torch.inference_mode()
def predict_outputs(
    model: FusionModel, recordings: Sequence[EmbeddedRecording]
) -> Float[Tensor, "recording output"]:
    """What the model gives for every recording, in order, on the CPU in float32."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    with one_thread():
        pieces = [
            model(collate(recordings[at : at + PREDICTION_BATCH]).to(device)).logits.float().cpu()
            for at in range(0, len(recordings), PREDICTION_BATCH)
        ]
    model.train(was_training)
    return torch.cat(pieces)


def predict_answers(
    model: FusionModel, objective: Objective, recordings: Sequence[EmbeddedRecording]
) -> Answers:
    """What the model says about every recording, in order."""
    return objective.answers(predict_outputs(model, recordings))
