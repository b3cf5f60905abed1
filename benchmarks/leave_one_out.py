"""What does leaving one participant out do to an AUROC? Prints a table.

Corpora of Gaussian features, a ridge regression, four ways to divide the participants: five folds
whose participants are compared inside their fold; as many folds as the smaller class has people, so
that every fold tests one of them ("pairs"); each participant alone; and each participant alone with
a partner of the other class left out of the training side, which is what the protocol
``leave_one_participant_out`` does.

    python benchmarks/leave_one_out.py [--corpora 1000]
"""

import argparse
import sys
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from cogspeech.corpora.splits import People, SplitPlan, plan_each_alone, plan_splits
from cogspeech.evaluation.metrics import METRICS, Scores
from cogspeech.types import Estimate

KINDS = [
    (signal, negatives, positives, features)
    for signal in (0.0, 0.8)
    for negatives, positives in ((24, 24), (36, 12))
    for features in (3, 20)
]
PENALTY = 1.0


def five_folds(people: People, seed: int) -> SplitPlan:
    """Ordinary cross-validation."""
    return plan_splits(people, outer_folds=5, repeats=1, validation_fraction=0.2, seed=seed)


def pairs(people: People, seed: int) -> SplitPlan:
    """The smallest folds that still hold both classes."""
    folds = min(people.count(0), people.count(1))
    return plan_splits(people, outer_folds=folds, repeats=1, validation_fraction=0.2, seed=seed)


def with_partner(people: People, seed: int) -> SplitPlan:
    """The protocol of the package."""
    return plan_each_alone(people, validation_fraction=0.2, seed=seed)


def estimate(
    signal: float, negatives: int, positives: int, features: int, *, how: str, seed: int
) -> Estimate:
    """The AUROC of one corpus."""
    generator = np.random.default_rng(seed)
    labels = np.repeat([0, 1], [negatives, positives])
    values = generator.standard_normal((len(labels), features))
    values[:, 0] += signal * labels
    names = [f"p{index:03d}" for index in range(len(labels))]
    people = People(labels=dict(zip(names, labels.tolist(), strict=True)), classes=("a", "b"))
    return METRICS["auroc"](_tested(values, labels, names, WAYS[how](people, seed), how=how))


def _tested(
    values: Float[np.ndarray, "participant feature"],
    labels: Int[np.ndarray, " participant"],
    names: list[str],
    plan: SplitPlan,
    *,
    how: str,
) -> Scores:
    place = {name: index for index, name in enumerate(names)}
    probability, fold = np.zeros((1, len(names))), np.zeros((1, len(names)), dtype=np.int64)
    for part in plan.folds:
        training = [place[name] for name in part.train + part.validation]
        test = [place[name] for name in part.test]
        if how == "alone":
            training = [index for index in range(len(names)) if index not in test]
        probability[0, test] = _ridge(values[training], labels[training], values[test])
        fold[0, test] = part.fold
    return Scores(participants=tuple(names), labels=labels, probability=probability, fold=fold)


def _ridge(
    values: Float[np.ndarray, "person feature"],
    labels: Int[np.ndarray, " person"],
    tested: Float[np.ndarray, "other feature"],
) -> Float[np.ndarray, " other"]:
    middle, share = values.mean(axis=0), labels.mean()
    centred = values - middle
    gram = centred.T @ centred + PENALTY * np.eye(centred.shape[1])
    return np.asarray(
        (tested - middle) @ np.linalg.solve(gram, centred.T @ (labels - share)) + share
    )


WAYS: dict[str, Callable[[People, int], SplitPlan]] = {
    "five folds": five_folds,
    "pairs": pairs,
    "alone": with_partner,
    "alone, with a partner": with_partner,
}


def main() -> None:
    """Prints the mean AUROC of each way, and how often its interval holds 0.5 or that mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=int, default=1000)
    corpora = parser.parse_args().corpora
    heads = [f"{how} | covered" for how in WAYS]
    sys.stdout.write(f"| signal | participants | features | {' | '.join(heads)} |\n")
    sys.stdout.write("|---" * (3 + 2 * len(WAYS)) + "|\n")
    for kind in KINDS:
        signal, negatives, positives, features = kind
        cells = []
        for how in WAYS:
            found = [estimate(*kind, how=how, seed=seed) for seed in range(corpora)]
            mean = float(np.mean([e.estimate for e in found]))
            truth = mean if signal else 0.5
            covered = np.mean([e.low <= truth <= e.high for e in found])
            cells.append(f"{mean:.3f} | {covered:.3f}")
        sys.stdout.write(
            f"| {signal} | {negatives} + {positives} | {features} | {' | '.join(cells)} |\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
