"""Do explainers find the words and pauses that carry the label? Prints a table; no audio needed.

Corpora with a planted truth (`planted_words`): three words or pauses of a recording of the second
class carry the label. Precision at three: how many of the three highest attributions, words and
pauses ranked together, are planted ones; over the recordings of the second class of 40 that the
fit has not seen. Deletion and insertion: the mean area between the curve of the explanation and
those of five random orders, in logits. Mean over the seeds, with their range.

    python benchmarks/attribution_truth.py [--seeds 3] [--recordings 200] [--fusion NAME]
        [--kinds token ...] [--poolings mean ...]
"""

import argparse
import itertools
import sys
import time
from collections.abc import Sequence

import numpy as np

from cogspeech.explanation.base import EXPLAINERS
from cogspeech.explanation.faithfulness import faithfulness
from cogspeech.learning_sections import TrainingSection
from cogspeech.settings import Component
from cogspeech.training.prediction import predict_answers
from cogspeech.training.trainer import FittedFusion, Trainer
from cogspeech.types import Attribution
from planted_words import KINDS, PAUSES, PLANTED, WORDS, Kind, Planted, labelled, planted

TESTED, RANDOM_ORDERS = 40, 5
SECTION = TrainingSection(max_epochs=20)


def fitted_on(kind: Kind, fusion: Component, *, seed: int, count: int) -> FittedFusion:
    """The weights that are best on 40 more recordings."""
    parts = [labelled(planted(kind, n, seed=10 * seed + i)) for i, n in enumerate((count, 40))]
    return Trainer(fusion, SECTION, seed=seed).fit(*parts)


def precision_at(truth: Planted, attributions: Sequence[Attribution]) -> float:
    """The share of planted ones among as many highest attributions of words and pauses."""
    ranked = sorted(
        [(a.value, a.word_index in truth.words) for a in attributions if a.value is not None]
        + [(a.pause, a.word_index in truth.pauses) for a in attributions if a.pause is not None],
        key=lambda pair: -pair[0],
    )
    return float(np.mean([is_planted for _, is_planted in ranked[:PLANTED]]))


def measured(fitted: FittedFusion, explainer: str, test: Sequence[Planted]) -> dict[str, float]:
    """Means over the recordings of the second class."""
    found: dict[str, list[float]] = {"precision": [], "deletion": [], "insertion": [], "ms": []}
    for each in test:
        if not each.label:
            continue
        started = time.perf_counter()
        attributions = EXPLAINERS.get(explainer)().explain(
            fitted.model, each.embedded, each.transcript, objective=fitted.objective
        )
        found["ms"].append(1e3 * (time.perf_counter() - started))
        curves = faithfulness(
            fitted.model,
            each.embedded,
            attributions,
            objective=fitted.objective,
            random_orders=RANDOM_ORDERS,
        )
        found["precision"].append(precision_at(each, attributions))
        found["deletion"].append(curves.deletion_area)
        found["insertion"].append(curves.insertion_area)
    return {name: float(np.mean(values)) for name, values in found.items()}


def _cell(rows: Sequence[dict[str, float]], name: str) -> str:
    values = [row[name] for row in rows]
    return f"{np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    """Prints a row per kind, pooling and explainer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recordings", type=int, default=200)
    parser.add_argument("--fusion", default="aligned_cross_attention")
    parser.add_argument("--kinds", nargs="+", default=KINDS)
    parser.add_argument("--poolings", nargs="+", default=("attention", "mean"))
    options = parser.parse_args()
    sys.stdout.write(
        f"chance: {PLANTED / (WORDS + PAUSES):.2f}; n = {TESTED // 2} recordings a seed, "
        f"{options.seeds} seeds\n"
        "| planted | pooling | accuracy | explainer | precision at 3 | deletion | insertion "
        "| ms |\n|---|---|---|---|---|---|---|---|\n"
    )
    for kind, pooling in itertools.product(options.kinds, options.poolings):
        fusion = Component(name=options.fusion, pooling=pooling)
        fits = [
            fitted_on(kind, fusion, seed=seed, count=options.recordings)
            for seed in range(options.seeds)
        ]
        tests = [planted(kind, TESTED, seed=10 * seed + 5) for seed in range(options.seeds)]
        right = [_accuracy(fitted, test) for fitted, test in zip(fits, tests, strict=True)]
        for name in EXPLAINERS.names():
            if EXPLAINERS.get(name).needs_attention and not fits[0].model.gives_attention:
                continue
            rows = [measured(f, name, test) for f, test in zip(fits, tests, strict=True)]
            cells = [_cell(rows, key) for key in ("precision", "deletion", "insertion")]
            sys.stdout.write(
                f"| {kind} | {pooling} | {np.mean(right):.2f} | `{name}` | {' | '.join(cells)} | "
                f"{np.mean([row['ms'] for row in rows]):.0f} |\n"
            )
            sys.stdout.flush()


def _accuracy(fitted: FittedFusion, test: Sequence[Planted]) -> float:
    part = labelled(list(test))
    said = predict_answers(fitted.model, fitted.objective, part.recordings).positive >= 0.5
    return float(np.mean(said == np.array(part.labels)))


if __name__ == "__main__":
    main()
