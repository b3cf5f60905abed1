"""Which fusion can tell which word a prosody belongs to? Prints a table; no audio needed.

Both classes draw the same words and the same prosody. In one class the words of the upper half of
the vocabulary are more often prominent, in the other those of the lower half: only the pairing of a
word with its own prosody carries the label. 160 or 80 training recordings of 60 words, 400 test
recordings; every fusion that is registered, with its defaults.

    python benchmarks/alignment_task.py [--seeds 3] [--recordings 160 80] [--fusions NAME ...]
"""

import argparse
import sys
import time

import numpy as np

from cogspeech.fusion.base import FUSIONS
from cogspeech.learning_sections import TrainingSection
from cogspeech.settings import Component
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.prediction import predict_answers
from cogspeech.training.trainer import Trainer
from cogspeech.types import EmbeddedRecording

WORDS, VOCABULARY, D_TEXT, D_AUDIO = 60, 20, 16, 8
AGREEMENT = 0.8
"""How often a word is prominent where its class says so."""


def recordings(count: int, *, seed: int) -> LabelledPart:
    """Recordings of both classes in equal parts; the word vectors are the same for every seed."""
    generator = np.random.default_rng(seed)
    vectors = np.random.default_rng(99).standard_normal((VOCABULARY, D_TEXT)).astype(np.float32)
    made, labels = [], []
    for index in range(count):
        label = index % 2
        words = generator.integers(0, VOCABULARY, WORDS)
        expected = (words >= VOCABULARY // 2) == bool(label)
        is_prominent = generator.random(WORDS) < np.where(expected, AGREEMENT, 1 - AGREEMENT)
        prosody = generator.standard_normal((WORDS, D_AUDIO)).astype(np.float32)
        prosody[:, 0] += np.where(is_prominent, 1.5, -1.5)
        made.append(
            EmbeddedRecording(
                recording_id=f"r{index}",
                event_vectors=prosody,
                event_word=np.arange(WORDS),
                event_is_pause=np.zeros(WORDS, dtype=np.bool_),
                event_start_s=np.arange(WORDS) * 0.5,
                event_duration_s=np.full(WORDS, 0.4),
                token_vectors=vectors[words],
                token_word=np.arange(WORDS),
            )
        )
        labels.append(label)
    return LabelledPart(recordings=tuple(made), labels=tuple(labels))


def accuracy_of(fusion: str, *, seed: int, count: int = 160) -> float:
    """Accuracy on 400 new recordings after training on ``count``."""
    training, validation, test = (
        recordings(n, seed=10 * seed + part) for part, n in enumerate((count, 40, 400))
    )
    fitted = Trainer(Component(name=fusion), TrainingSection(), seed=seed).fit(training, validation)
    decided = predict_answers(fitted.model, fitted.objective, test.recordings).positive >= 0.5
    return float(np.mean(decided == np.array(test.labels)))


def main() -> None:
    """Prints accuracy per fusion and number of recordings: mean and range over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recordings", type=int, nargs="+", default=[160, 80])
    parser.add_argument("--fusions", nargs="+", default=FUSIONS.names())
    options = parser.parse_args()
    columns = " | ".join(f"{count} recordings" for count in options.recordings)
    line = "---|" * (len(options.recordings) + 2)
    sys.stdout.write(f"| fusion | {columns} | seconds per fit |\n|{line}\n")
    for name in options.fusions:
        started, cells = time.perf_counter(), []
        for count in options.recordings:
            found = [accuracy_of(name, seed=seed, count=count) for seed in range(options.seeds)]
            cells.append(f"{np.mean(found):.3f} ({min(found):.3f}-{max(found):.3f})")
        each_s = (time.perf_counter() - started) / options.seeds / len(options.recordings)
        sys.stdout.write(f"| `{name}` | {' | '.join(cells)} | {each_s:.1f} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
