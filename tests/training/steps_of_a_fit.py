"""One small fit, under torchrun or alone; keeps the gradient of every step.

python -m torch.distributed.run --nproc-per-node 2 steps_of_a_fit.py FOLDER [STOP_AFTER]
"""

import sys
from pathlib import Path

import numpy as np
import torch

from cogspeech.learning_sections import TrainingSection
from cogspeech.settings import Component
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.prediction import predict_outputs
from cogspeech.training.processes import Processes
from cogspeech.training.trainer import Trainer
from cogspeech.types import EmbeddedRecording

FUSION = Component(name="aligned_cross_attention", d_model=8, num_heads=2, dropout=0.0)
SECTION = TrainingSection(
    max_epochs=3, patience=3, batch_size=4, padded_items=24, averaging="ema", checkpoint_every_s=0
)


def recording(number):
    generator = np.random.default_rng(number)
    events, tokens = 3 + number % 5, 4 + number % 3
    return EmbeddedRecording(
        recording_id=f"r{number}",
        event_vectors=generator.standard_normal((events, 5)).astype(np.float32),
        event_word=np.arange(events),
        event_is_pause=np.zeros(events, dtype=np.bool_),
        event_start_s=np.arange(events, dtype=np.float64),
        event_duration_s=np.full(events, 0.5),
        token_vectors=generator.standard_normal((tokens, 3)).astype(np.float32),
        token_word=np.arange(tokens),
    )


def part(numbers):
    return LabelledPart(
        recordings=tuple(recording(n) for n in numbers), labels=tuple(n % 2 for n in numbers)
    )


def main(folder, stop_after):
    add_gradients, steps = Processes.add_gradients, []

    def kept(self, model):
        if len(steps) == stop_after:
            raise SystemExit(3)
        add_gradients(self, model)
        steps.append(torch.cat([p.grad.flatten() for p in model.parameters()]))

    Processes.add_gradients = kept
    trainer = Trainer(FUSION, SECTION, seed=3, folder=folder / "fit")
    # Nine recordings: the last step of an epoch has one, so a second process has nothing to do.
    fitted = trainer.fit(part(range(9)), part(range(20, 26)), resume=True)
    process = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
    final = torch.cat([p.detach().flatten() for p in fitted.model.parameters()])
    outputs = predict_outputs(fitted.model, part(range(40, 50)).recordings)
    losses = np.array([[r.training_loss, r.validation_loss] for r in fitted.history])
    found = {"final": final, "outputs": outputs, "losses": losses}
    np.savez(folder / f"steps{process}.npz", gradients=torch.stack(steps), **found)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else -1)
