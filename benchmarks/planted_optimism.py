"""What it is worth to choose on the reported data. Prints a table.

Corpora with nothing in them: features of pure noise, five folds. A logistic regression is fitted by
gradient descent, and one of its epochs is reported: the last; the best on an inner validation part,
as this package does; the best on the very fold that is reported, as published winners have done.
The last two rows choose the best of some seeds and the best threshold there.

    python benchmarks/planted_optimism.py [--corpora 200] [--n 48 71 166]
"""

import argparse
import sys

import numpy as np

from cogspeech.corpora.splits import People, plan_splits

FEATURES, EPOCHS, SEEDS, RATE = 20, 40, 5, 0.1
WAYS = (
    "last epoch",
    "best epoch on the validation part",
    "best epoch on the reported fold",
    "best seed on the reported folds",
    "best threshold on the reported fold",
)


def epochs_of(values: np.ndarray, labels: np.ndarray, asked: np.ndarray, seed: int) -> np.ndarray:
    """The answers about ``asked`` after every epoch of a fit, one row per epoch."""
    generator = np.random.default_rng(seed)
    weights, answers = generator.normal(0, 0.5, values.shape[1]), []
    for _ in range(EPOCHS):
        gap = 1 / (1 + np.exp(-values @ weights)) - labels
        weights = weights - RATE * values.T @ gap / len(labels) * 4
        answers.append(1 / (1 + np.exp(-asked @ weights)))
    return np.stack(answers)


def measured(participants: int, seed: int) -> dict[str, tuple[float, float]]:
    """AUROC and balanced accuracy of a null corpus, by what was chosen where."""
    generator = np.random.default_rng([seed, participants])
    labels = np.arange(participants) % 2
    values = generator.standard_normal((participants, FEATURES))
    names = [f"p{index:03d}" for index in range(participants)]
    place = {name: index for index, name in enumerate(names)}
    plan = plan_splits(
        People(labels=dict(zip(names, labels.tolist(), strict=True)), classes=("a", "b")),
        outer_folds=5,
        repeats=1,
        validation_fraction=0.2,
        seed=seed,
    )
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    of_seeds: list[list[tuple[float, float]]] = [[] for _ in range(SEEDS)]
    for part in plan.folds:
        train, validation, test = (
            [place[name] for name in people] for people in (part.train, part.validation, part.test)
        )
        asked = values[[*validation, *test]]
        for seed_of_fit in range(SEEDS):
            answers = epochs_of(values[train], labels[train], asked, seed_of_fit)
            held_back, told = answers[:, : len(validation)], answers[:, len(validation) :]
            of_seeds[seed_of_fit].append(_judged(labels[test], told[-1]))
            if seed_of_fit == 0:
                found[WAYS[0]].append(_judged(labels[test], told[-1]))
                stopped = np.argmax(_areas(labels[validation], held_back))
                found[WAYS[1]].append(_judged(labels[test], told[stopped]))
                best = np.argmax(_areas(labels[test], told))
                found[WAYS[2]].append(_judged(labels[test], told[best]))
                highest = max(_balanced(labels[test], told[-1] >= t) for t in told[-1])
                found[WAYS[4]].append((_judged(labels[test], told[-1])[0], highest))
    found[WAYS[3]] = max(of_seeds, key=lambda results: np.mean([area for area, _ in results]))
    return {
        way: (float(np.mean([a for a, _ in told])), float(np.mean([b for _, b in told])))
        for way, told in found.items()
    }


def _judged(labels: np.ndarray, answer: np.ndarray) -> tuple[float, float]:
    return float(_areas(labels, answer[None, :])[0]), _balanced(labels, answer >= 0.5)


def _areas(labels: np.ndarray, answers: np.ndarray) -> np.ndarray:
    margin = answers[:, labels == 1][:, :, None] - answers[:, labels == 0][:, None, :]
    return ((margin > 0) + 0.5 * (margin == 0)).mean(axis=(1, 2))


def _balanced(labels: np.ndarray, called: np.ndarray) -> float:
    return float((called[labels == 1].mean() + 1 - called[labels == 0].mean()) / 2)


def optimism(participants: int, corpora: int) -> dict[str, tuple[float, float]]:
    """The means over corpora; the truth of both metrics is 0.5."""
    found = [measured(participants, seed) for seed in range(corpora)]
    return {way: tuple(np.mean([f[way] for f in found], axis=0).tolist()) for way in WAYS}


def main() -> None:
    """Prints what each way reports where the truth is 0.5."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=int, default=200)
    parser.add_argument("--n", nargs="+", type=int, default=[48, 71, 166])
    asked = parser.parse_args()
    sys.stdout.write("| n | chosen | AUROC | balanced accuracy |\n|---|---|---|---|\n")
    for n in asked.n:
        for way, (area, accuracy) in optimism(n, asked.corpora).items():
            sys.stdout.write(f"| {n} | {way} | {area:.3f} | {accuracy:.3f} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
