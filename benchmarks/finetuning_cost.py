"""What it costs to train encoder layers with a fusion. Prints a table and writes json.

    python benchmarks/finetuning_cost.py [--json FILE] [--seconds 10] [--batch 2] [--small]

A step of the default fusion on encoders of the size of wav2vec2-base and roberta-base with random
weights and random states, one thread: all ways in turn in one run, so the ratios hold on a busy
machine. ``--small`` shows that the benchmark runs, not how fast anything is.
"""

import argparse
import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from cogspeech.embeddings.base import Trainable
from cogspeech.embeddings.trained_layers import TrainedLayers
from cogspeech.fusion.base import FusionModel, ModelSizes, build_fusion
from cogspeech.learning_sections import FinetuneSection
from cogspeech.settings import Component
from cogspeech.training.finetuning import Finetuning, parameter_groups
from cogspeech.training.prediction import one_thread
from cogspeech.types import EmbeddedRecording, LayerStates

FRAMES_PER_S, WORDS_PER_S, ROUNDS = 50, 2, 3
RATE = 1e-4
WAYS: dict[str, dict[str, Any]] = {
    "frozen": {},
    "last 1": {"audio_layers": 1, "text_layers": 1},
    "last 2": {"audio_layers": 2, "text_layers": 2},
    "last 2, gradient checkpointing": {
        "audio_layers": 2,
        "text_layers": 2,
        "gradient_checkpointing": True,
    },
    "last 2, adapters": {"audio_layers": 2, "text_layers": 2, "adapter": "lora"},
}


class RandomEncoder(Trainable):
    """Blocks of the real size, without anything below them."""

    def __init__(self, kind: str, count: int, *, size: int) -> None:
        self._kind, self.num_trained, self._size = kind, count, size

    def trained_layers(self) -> TrainedLayers:
        """As a checkpoint would give them."""
        import transformers as tf

        sizes = {
            "hidden_size": self._size,
            "num_hidden_layers": self.num_trained,
            "num_attention_heads": 12,
            "intermediate_size": 4 * self._size,
        }
        if self._kind == "audio":
            model = tf.Wav2Vec2Model(tf.Wav2Vec2Config(**sizes))
        else:
            model = tf.RobertaModel(tf.RobertaConfig(vocab_size=16, **sizes))
        return TrainedLayers(model, self.num_trained, name="random", normalises_last=False)


def states(positions: int, items: int, size: int, generator: np.random.Generator) -> LayerStates:
    """One window whose positions are shared evenly among the items."""
    item = np.arange(positions) * items // positions
    return LayerStates(
        states=generator.standard_normal((positions, size), dtype=np.float32),
        window_lengths=np.array([positions]),
        item=item,
        position=np.arange(positions),
        weight=1.0 / np.bincount(item)[item],
    )


def recording(number: int, *, seconds: float, size: int) -> EmbeddedRecording:
    """Random states of a recording of that length."""
    generator = np.random.default_rng(number)
    words = max(2, round(seconds * WORDS_PER_S))
    return EmbeddedRecording(
        recording_id=f"r{number}",
        event_vectors=generator.standard_normal((words, size), dtype=np.float32),
        event_word=np.arange(words, dtype=np.int64),
        event_is_pause=np.zeros(words, dtype=np.bool_),
        event_start_s=np.arange(words, dtype=np.float64),
        event_duration_s=np.full(words, 0.5),
        token_vectors=generator.standard_normal((words, size), dtype=np.float32),
        token_word=np.arange(words, dtype=np.int64),
        event_states=states(round(seconds * FRAMES_PER_S), words, size, generator),
        token_states=states(words, words, size, generator),
    )


def prepared(way: dict[str, Any], example: EmbeddedRecording, size: int) -> tuple[FusionModel, Any]:
    """A model and its optimizer."""
    torch.manual_seed(0)
    sizes = ModelSizes.of(example, num_outputs=1)
    model = build_fusion(Component(name="aligned_cross_attention"), sizes).train()
    finetuning = None
    if way:
        section = FinetuneSection(**way)
        encoders: Any = tuple(
            RandomEncoder(side, way[f"{side}_layers"], size=size) for side in ("audio", "text")
        )
        finetuning = Finetuning(section=section, encoders=encoders)
        finetuning.attach(model)
        model.train()
    groups = parameter_groups(model, finetuning, learning_rate=RATE)
    return model, torch.optim.AdamW(groups, lr=RATE, fused=True)


def step(model: FusionModel, optimizer: Any, batch: list[EmbeddedRecording]) -> tuple[float, int]:
    """Seconds of one optimizer step, and the bytes that were kept for its gradients."""
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    begin = time.perf_counter()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        logits = model(model.inputs_of(batch)).logits
    torch.autograd.backward(logits.square().sum())
    optimizer.step()
    optimizer.zero_grad()
    seconds = time.perf_counter() - begin
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    return seconds, sum(size for place, size in kept.items() if place not in own)


def measured(*, seconds: float, batch: int, size: int, rounds: int) -> list[dict[str, Any]]:
    """A row per way."""
    recordings = [recording(number, seconds=seconds, size=size) for number in range(batch)]
    ways = {name: prepared(way, recordings[0], size) for name, way in WAYS.items()}
    taken: dict[str, list[tuple[float, int]]] = {name: [] for name in ways}
    with one_thread():
        for _ in range(rounds + 1):
            for name, (model, optimizer) in ways.items():
                taken[name].append(step(model, optimizer, recordings))
    frozen_s = median(each for each, _ in taken["frozen"][1:])
    return [
        {
            "way": name,
            "trained": sum(p.numel() for g in ways[name][1].param_groups for p in g["params"]),
            "step_s": median(each for each, _ in runs[1:]),
            "times_frozen": median(each for each, _ in runs[1:]) / frozen_s,
            "kept_mb": runs[-1][1] / 1e6,
        }
        for name, runs in taken.items()
    ]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--small", action="store_true")
    given = parser.parse_args()
    size, seconds, rounds = (48, 2.0, 1) if given.small else (768, given.seconds, ROUNDS)
    rows = measured(seconds=seconds, batch=given.batch, size=size, rounds=rounds)
    print("| layers | trained parameters | a step | against frozen | kept for gradients |")  # noqa: T201
    print("|---|---|---|---|---|")  # noqa: T201
    for row in rows:
        print(  # noqa: T201
            f"| {row['way']} | {row['trained']:,} | {row['step_s']:.2f} s "
            f"| {row['times_frozen']:.0f} times | {row['kept_mb']:.1f} MB |"
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
