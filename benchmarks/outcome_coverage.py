"""How often do the printed intervals of scores and of three classes hold the truth? Prints a table.

Corpora of Gaussian features are cross-validated in five folds, with a ridge regression of a score
that is cut off at 30 as the MMSE is, and with a logistic regression of its thirds. The truth is the
mean over all corpora of that kind.

    python benchmarks/outcome_coverage.py [--corpora 200]
"""

import argparse
import sys
from collections import defaultdict

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

from cogspeech.evaluation.class_metrics import ClassScores, class_estimates
from cogspeech.evaluation.score_metrics import PredictedScores, score_estimates
from cogspeech.types import Estimate

KINDS = [(signal, participants) for signal in (0.0, 1.0) for participants in (60, 160)]
FEATURES, FOLDS = 5, 5
CLASSES = ("a", "b", "c")


def estimates(*, participants: int, signal: float, seed: int) -> dict[str, Estimate]:
    """Every metric of one corpus."""
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((participants, FEATURES))
    noise = generator.standard_normal(participants)
    score = np.minimum(30.0, np.round(23 + 4 * (signal * features[:, 0] + noise)))
    rank = np.argsort(np.argsort(score, kind="stable"), kind="stable")
    labels = rank * len(CLASSES) // participants
    fold = np.zeros(participants, dtype=np.int64)
    for label in range(len(CLASSES)):
        members = generator.permutation(np.flatnonzero(labels == label))
        fold[members] = np.arange(len(members)) % FOLDS
    predicted, guessed = np.zeros(participants), np.zeros(participants)
    probabilities = np.zeros((participants, len(CLASSES)))
    for number in range(FOLDS):
        test, train = fold == number, fold != number
        predicted[test] = Ridge().fit(features[train], score[train]).predict(features[test])
        guessed[test] = score[train].mean()
        model = LogisticRegression().fit(features[train], labels[train])
        probabilities[test] = model.predict_proba(features[test])
    people = np.arange(participants)
    of_score = PredictedScores(
        owner=people,
        measured=score,
        predicted=predicted[None],
        guessed=guessed[None],
        fold=fold[None],
    )
    of_classes = ClassScores(
        participants=tuple(map(str, people)),
        labels=labels,
        probabilities=probabilities[None],
        fold=fold[None],
    )
    found = class_estimates(of_classes, CLASSES, is_ordered=True)
    return score_estimates(of_score) | {
        name: each for name, each in found.items() if not name.startswith("auroc_")
    }


def main() -> None:
    """Prints coverage per kind of corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=int, default=200)
    corpora = parser.parse_args().corpora
    covered: dict[str, list[str]] = defaultdict(list)
    for signal, participants in KINDS:
        found: dict[str, list[Estimate]] = defaultdict(list)
        for seed in range(corpora):
            for name, each in estimates(
                participants=participants, signal=signal, seed=seed
            ).items():
                found[name].append(each)
        for name, all_of_it in found.items():
            truth = np.mean([each.estimate for each in all_of_it])
            share = np.mean([each.low <= truth <= each.high for each in all_of_it])
            covered[name].append(f"{share:.2f} (mean {truth:.2f})")
    kinds = " | ".join(f"signal {signal:g}, n = {n}" for signal, n in KINDS)
    sys.stdout.write(f"| metric | {kinds} |\n|---{'|---' * len(KINDS)}|\n")
    for name, cells in covered.items():
        sys.stdout.write(f"| {name} | {' | '.join(cells)} |\n")


if __name__ == "__main__":
    main()
