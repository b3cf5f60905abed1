"""How often do the printed intervals hold the truth? Prints a table of coverage.

One test set: scores are drawn from two normal distributions whose metrics are known. Folds: corpora
of Gaussian features are cross-validated by several learners; the truth of an AUROC where nothing is
to be found is 0.5, and elsewhere the mean over all corpora of that kind. Wanted: 0.93 to 0.97.

    python benchmarks/interval_coverage.py [--corpora 2000] [--part test_set folds] [--n 48 71 166]
        [--learners logistic forest] [--repeats 1 5] [--metrics auroc accuracy]
"""

import argparse
import itertools
import sys
from collections.abc import Sequence

import numpy as np
from scipy.stats import norm
from sklearn.metrics import average_precision_score

from cogspeech.corpora.splits import People, plan_splits
from cogspeech.evaluation.comparison import COMPARED_METRICS, compare_scores
from cogspeech.evaluation.metrics import METRICS, Scores, estimate_all
from cogspeech.evaluation.operating_points import predictive_values
from cogspeech.types import Estimate
from learners import LEARNERS

SIZES = (48, 71, 166)
AREAS = (0.70, 0.85, 0.95)
SIGNALS = (0.0, 0.8, 1.5)
FEATURES = (3, 20)
PREVALENCE = 0.10
COLUMNS = (*METRICS, "ppv", "npv", *(f"difference of {name}" for name in COMPARED_METRICS))


def one_test_set(*, participants: int, area: float, seed: Sequence[int]) -> list[Scores]:
    """Two systems of equal skill on one test set; the scores are honest probabilities."""
    generator = np.random.default_rng(seed)
    labels = np.arange(participants) % 2
    apart = np.sqrt(2) * norm.ppf(area)
    common = generator.standard_normal(participants)
    scores = [
        apart * labels + np.sqrt(0.5) * (common + generator.standard_normal(participants))
        for _ in range(2)
    ]
    return [
        Scores(
            participants=tuple(f"p{index}" for index in range(participants)),
            labels=labels,
            probability=1 / (1 + np.exp(-(apart * score - apart**2 / 2)))[None, :],
            fold=np.zeros((1, participants), dtype=np.int64),
        )
        for score in scores
    ]


def true_values(area: float) -> dict[str, float]:
    """The metrics of the distribution, from two million people."""
    (scores, _) = one_test_set(participants=2_000_000, area=area, seed=[0])
    probability, labels = scores.probability[0], scores.labels
    called = probability >= 0.5
    sensitivity, specificity = called[labels == 1].mean(), 1 - called[labels == 0].mean()
    sick, well = PREVALENCE, 1 - PREVALENCE
    return {
        "auroc": area,
        "auprc": average_precision_score(labels, probability),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "accuracy": (sensitivity + specificity) / 2,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "f1": 2 * sensitivity / (1 + sensitivity + 1 - specificity),
        "brier": np.mean((probability - labels) ** 2),
        "ppv": sensitivity * sick / (sensitivity * sick + (1 - specificity) * well),
        "npv": specificity * well / (specificity * well + (1 - sensitivity) * sick),
        **{f"difference of {name}": 0.0 for name in COMPARED_METRICS},
    }


def printed(first: Scores, second: Scores) -> dict[str, Estimate]:
    """Every interval that a report prints of these predictions."""
    found = estimate_all(first)
    values = predictive_values(found["sensitivity"], found["specificity"], PREVALENCE)
    if values.positive and values.negative:
        found |= {"ppv": values.positive, "npv": values.negative}
    for c in compare_scores([("first", first, "second", second)]):
        found[f"difference of {c.metric}"] = Estimate(
            estimate=c.difference, low=c.low, high=c.high, n=first.num_participants
        )
    return found


def cross_validated(
    *,
    participants: int,
    features: int,
    repeats: int,
    signal: float,
    seed: int,
    views: int = 1,
    learner: str = "logistic",
) -> list[Scores]:
    """Out-of-fold scores of one corpus; each view has its own features of the same strength."""
    generator = np.random.default_rng([seed, participants])
    labels = np.arange(participants) % 2
    names = [f"p{index:03d}" for index in range(participants)]
    place = {name: index for index, name in enumerate(names)}
    plan = plan_splits(
        People(labels=dict(zip(names, labels.tolist(), strict=True)), classes=("a", "b")),
        outer_folds=5,
        repeats=repeats,
        validation_fraction=0.2,
        seed=seed,
    )
    trained = np.zeros((len(plan.folds), participants), dtype=bool)
    for at, part in enumerate(plan.folds):
        trained[at, [place[name] for name in part.train + part.validation]] = True
    found = []
    for _ in range(views):
        values = generator.standard_normal((participants, features))
        values[:, 0] += signal * labels
        answers = LEARNERS[learner](values, labels, trained)
        probability = np.zeros((repeats, participants))
        fold = np.zeros((repeats, participants), dtype=np.int64)
        for part, answer in zip(plan.folds, answers, strict=True):
            test = [place[name] for name in part.test]
            probability[part.repeat, test] = answer[test]
            fold[part.repeat, test] = part.fold
        found.append(
            Scores(participants=tuple(names), labels=labels, probability=probability, fold=fold)
        )
    return found


def null_estimates(
    *, participants: int, features: int, repeats: int, corpora: int
) -> list[Estimate]:
    """The AUROC of corpora with nothing in them."""
    return [
        METRICS["auroc"](scores)
        for seed in range(corpora)
        for scores in cross_validated(
            participants=participants, features=features, repeats=repeats, signal=0.0, seed=seed
        )
    ]


def coverage(found: Sequence[dict[str, Estimate]], truth: dict[str, float]) -> dict[str, float]:
    """The share of corpora whose interval holds the truth, by metric."""
    return {
        name: float(np.mean([e[name].low <= value <= e[name].high for e in found if name in e]))
        for name, value in truth.items()
    }


def _row(kind: str, rates: dict[str, float]) -> None:
    cells = " | ".join(f"{rates[name]:.3f}" for name in COLUMNS if name in rates)
    sys.stdout.write(f"| {kind} | {cells} |\n")
    sys.stdout.flush()


def _head(title: str, names: Sequence[str]) -> None:
    sys.stdout.write(f"| {title} | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}\n")


def test_sets(sizes: Sequence[int], corpora: int) -> None:
    """Prints the coverage on one test set."""
    _head("one test set", COLUMNS)
    for area in AREAS:
        truth = true_values(area)
        for n in sizes:
            found = [
                printed(*one_test_set(participants=n, area=area, seed=[seed, n]))
                for seed in range(corpora)
            ]
            _row(f"AUROC {area:.2f}, n = {n}", coverage(found, truth))


def fold_estimates(
    learner: str,
    *,
    participants: int,
    features: int,
    repeats: int,
    signal: float,
    corpora: int,
    names: Sequence[str],
) -> tuple[list[dict[str, Estimate]], dict[str, float]]:
    """What is printed of each corpus, and the truth."""
    found = []
    for seed in range(corpora):
        (scores,) = cross_validated(
            participants=participants, features=features, repeats=repeats, signal=signal, seed=seed,
            learner=learner,
        )  # fmt: skip
        found.append({name: METRICS[name](scores) for name in names})
    truth = {name: float(np.mean([e[name].estimate for e in found])) for name in names}
    return found, truth | ({} if signal or "auroc" not in names else {"auroc": 0.5})


def folds(asked: argparse.Namespace) -> None:
    """Prints the coverage under cross-validation."""
    names = asked.metrics
    _head("5 folds | mean of the first", names)
    for learner, repeats, n, signal, features in itertools.product(
        asked.learners, asked.repeats, asked.n, SIGNALS, FEATURES
    ):
        found, truth = fold_estimates(
            learner, participants=n, features=features, repeats=repeats, signal=signal,
            corpora=asked.corpora, names=names,
        )  # fmt: skip
        reached = np.mean([e[names[0]].estimate for e in found])
        told = f"{learner}, n = {n}, {features} features, {repeats} x 5, signal {signal}"
        _row(f"{told} | {reached:.3f}", coverage(found, truth))


def main() -> None:
    """Prints the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=int, default=2000)
    parser.add_argument("--part", nargs="+", default=["test_set", "folds"])
    parser.add_argument("--n", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--learners", nargs="+", choices=LEARNERS, default=list(LEARNERS))
    parser.add_argument("--repeats", nargs="+", type=int, default=[1, 5])
    parser.add_argument("--metrics", nargs="+", choices=METRICS, default=list(METRICS))
    asked = parser.parse_args()
    if "test_set" in asked.part:
        test_sets(asked.n, asked.corpora)
    if "folds" in asked.part:
        folds(asked)


if __name__ == "__main__":
    main()
