"""How often do the printed AUROC intervals hold the truth? Prints a table.

Corpora of Gaussian features are cross-validated with a logistic regression: null corpora, whose
truth is 0.5, and corpora with a signal, whose truth is the mean over all corpora of that kind. The
column "plain" is the same interval without the factor for shared training sides.

    python benchmarks/interval_coverage.py [--corpora 400]
"""

import argparse
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression

from cogspeech.corpora.splits import People, plan_splits
from cogspeech.evaluation.intervals import logit_interval
from cogspeech.evaluation.metrics import METRICS, Scores, auroc_error, auroc_parts
from cogspeech.types import Estimate

KINDS = [
    (signal, participants, features, repeats)
    for signal in (0.0, 0.8, 1.5)
    for participants, features, repeats in ((80, 3, 1), (80, 20, 5), (160, 3, 1), (160, 20, 5))
]


def cross_validated(
    *, participants: int, features: int, repeats: int, signal: float, seed: int
) -> Scores:
    """Out-of-fold scores of one corpus."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(participants) % 2)
    values = generator.standard_normal((participants, features))
    values[:, 0] += signal * labels
    names = [f"p{index:03d}" for index in range(participants)]
    place = {name: index for index, name in enumerate(names)}
    plan = plan_splits(
        People(labels=dict(zip(names, labels.tolist(), strict=True)), classes=("a", "b")),
        outer_folds=5,
        repeats=repeats,
        validation_fraction=0.2,
        seed=seed,
    )
    probability = np.zeros((repeats, participants))
    fold = np.zeros((repeats, participants), dtype=np.int64)
    for part in plan.folds:
        training = [place[name] for name in part.train + part.validation]
        test = [place[name] for name in part.test]
        model = LogisticRegression().fit(values[training], labels[training])
        probability[part.repeat, test] = model.predict_proba(values[test])[:, 1]
        fold[part.repeat, test] = part.fold
    return Scores(participants=tuple(names), labels=labels, probability=probability, fold=fold)


def null_estimates(
    *, participants: int, features: int, repeats: int, corpora: int
) -> list[Estimate]:
    """The AUROC of corpora with nothing in them."""
    return [
        METRICS["auroc"](
            cross_validated(
                participants=participants, features=features, repeats=repeats, signal=0.0, seed=seed
            )
        )
        for seed in range(corpora)
    ]


def plain(scores: Scores) -> Estimate:
    """The AUROC with an interval that takes the fits for independent."""
    value, of_positives, of_negatives = auroc_parts(scores)
    low, high = logit_interval(
        value,
        auroc_error(of_positives, of_negatives),
        smaller_class=min(len(of_positives), len(of_negatives)),
    )
    return Estimate(estimate=value, low=low, high=high, n=scores.num_participants)


def main() -> None:
    """Prints coverage per kind of corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=int, default=400)
    corpora = parser.parse_args().corpora
    sys.stdout.write(
        "| signal | n | features | repeats | mean AUROC | covered | plain covered |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    for signal, participants, features, repeats in KINDS:
        all_scores = [
            cross_validated(
                participants=participants,
                features=features,
                repeats=repeats,
                signal=signal,
                seed=seed,
            )
            for seed in range(corpora)
        ]
        found = [METRICS["auroc"](scores) for scores in all_scores]
        mean = float(np.mean([e.estimate for e in found]))
        truth = mean if signal else 0.5
        rates = [
            np.mean([e.low <= truth <= e.high for e in estimates])
            for estimates in (found, map(plain, all_scores))
        ]
        sys.stdout.write(
            f"| {signal} | {participants} | {features} | {repeats} | {mean:.3f} "
            f"| {rates[0]:.3f} | {rates[1]:.3f} |\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
