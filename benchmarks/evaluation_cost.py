"""How long does it take to evaluate finished predictions? Prints a table.

Five folds, five repeats, three seeds: 75 fits of every system, with all metrics, intervals of
10,000 resamples, comparisons and operating points.

    python benchmarks/evaluation_cost.py [--participants 240] [--systems 6]
"""

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np

from cogspeech.evaluation.comparison import compare_with_primary
from cogspeech.evaluation.detectable import detectable_differences
from cogspeech.evaluation.metrics import estimate_all, scores_of
from cogspeech.evaluation.operating_points import operating_points
from cogspeech.types import Prediction

FOLDS, REPEATS, SEEDS = 5, 5, 3


def predicted(participants: int, systems: int) -> list[Prediction]:
    """Predictions of systems that see the same signal through noise of their own."""
    generator = np.random.default_rng(0)
    labels = np.arange(participants) % 2
    rows = []
    for repeat in range(REPEATS):
        fold = generator.permutation(participants // 2).repeat(2) % FOLDS
        for seed in range(SEEDS):
            for system in range(systems):
                noise = generator.standard_normal(participants)
                probability = 1 / (1 + np.exp(-(labels + noise - 0.5)))
                rows += [
                    Prediction(
                        system=f"system {system}",
                        repeat=repeat,
                        fold=int(fold[index]),
                        seed=seed,
                        participant_id=f"p{index:04d}",
                        recording_id=f"r{index:04d}",
                        label=int(labels[index]),
                        probability=float(probability[index]),
                    )
                    for index in range(participants)
                ]
    return rows


def main() -> None:
    """Prints seconds by step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--participants", type=int, default=240)
    parser.add_argument("--systems", type=int, default=6)
    asked = parser.parse_args()
    rows = predicted(asked.participants, asked.systems)
    names = [f"system {number}" for number in range(asked.systems)]
    primary, others = names[0], names[1:]
    steps: dict[str, Callable[[], object]] = {
        "metrics and intervals of one system": lambda: estimate_all(scores_of(rows, primary)),
        "of the others": lambda: [estimate_all(scores_of(rows, name)) for name in others],
        "comparisons": lambda: compare_with_primary(rows, primary, others),
        "detectable differences": lambda: detectable_differences(scores_of(rows, primary), ()),
        "operating points, read off": lambda: operating_points(rows, (), primary),
    }
    sys.stdout.write("| step | seconds |\n|---|---|\n")
    begun = time.perf_counter()
    for name, step in steps.items():
        started = time.perf_counter()
        step()
        sys.stdout.write(f"| {name} | {time.perf_counter() - started:.2f} |\n")
    sys.stdout.write(f"| all | {time.perf_counter() - begun:.2f} |\n")


if __name__ == "__main__":
    main()
