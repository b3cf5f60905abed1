"""Do calibration and conformal sets hold what they promise? Prints a table.

Corpora of Gaussian features are cross-validated with a logistic regression that is too sure of
itself, since it has many features for few people. Every fit holds a validation part back, on which
the study's own code fits a temperature and conformal sets. The columns are means over corpora and
participants: the log loss and the slope before and after calibration, the share of slope intervals
that hold 1, the coverage that the number of held-back people allows (the smallest k / (n + 1) of at
least 90 %), the realised coverage, and the share abstained.

    python benchmarks/calibration_coverage.py [--corpora 50]
"""

import argparse
import math
import sys
from collections import Counter

import numpy as np
from sklearn.linear_model import LogisticRegression

from cogspeech.config import EvaluationSection
from cogspeech.corpora.splits import Fold, People, plan_splits
from cogspeech.evaluation.abstention import measure_abstention
from cogspeech.evaluation.deciding import Decided, decide
from cogspeech.evaluation.metrics import Scores, scores_of
from cogspeech.evaluation.protocol import OutOfFold
from cogspeech.evaluation.reliability import measure_line
from cogspeech.types import Prediction

SYSTEM, SEED = "logistic", 0
KINDS = [
    (participants, features, method)
    for participants, features in ((71, 10), (120, 10), (120, 30), (240, 30))
    for method in ("temperature", "platt")
]


def cross_validated(participants: int, features: int, seed: int) -> OutOfFold:
    """What the fits of one corpus say about their validation parts and test sides."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(participants) % 2)
    values = generator.standard_normal((participants, features))
    values[:, 0] += 1.5 * labels
    names = [f"p{index:03d}" for index in range(participants)]
    place = {name: index for index, name in enumerate(names)}
    plan = plan_splits(
        People(labels=dict(zip(names, labels.tolist(), strict=True)), classes=("a", "b")),
        outer_folds=5,
        repeats=1,
        validation_fraction=0.25,
        seed=seed,
    )
    parts: tuple[list[Prediction], list[Prediction]] = ([], [])
    for fold in plan.folds:
        train = [place[name] for name in fold.train]
        model = LogisticRegression(C=10.0, max_iter=1000).fit(values[train], labels[train])
        for rows, people in zip(parts, (fold.test, fold.validation), strict=True):
            asked = [place[name] for name in people]
            said = model.predict_proba(values[asked])[:, 1]
            rows += _rows(fold, people, labels[asked].tolist(), said.tolist())
    return OutOfFold(test=tuple(parts[0]), validation=tuple(parts[1]))


def _rows(
    fold: Fold, people: tuple[str, ...], labels: list[int], said: list[float]
) -> list[Prediction]:
    return [
        Prediction(
            system=SYSTEM,
            repeat=fold.repeat,
            fold=fold.fold,
            seed=SEED,
            participant_id=name,
            recording_id=name,
            label=label,
            probability=probability,
        )
        for name, label, probability in zip(people, labels, said, strict=True)
    ]


def log_loss(scores: Scores) -> float:
    """The mean log loss of one run."""
    right = np.where(scores.labels == 1, scores.probability, 1 - scores.probability)
    return float(-np.log(np.maximum(right, 1e-12)).mean())


def allowed(answered: OutOfFold, *, is_by_class: bool) -> float:
    """The mean over fits (and classes) of the smallest k / (n + 1) of at least 90 %."""
    counts = Counter((p.fold, p.label if is_by_class else 0) for p in answered.validation)
    shares = [math.ceil(round(0.9 * (n + 1), 9)) / (n + 1) for n in counts.values()]
    return float(np.mean(shares))


def figures(answered: OutOfFold, decided: Decided) -> list[float]:
    """The columns of one corpus; not a number where a corpus has none."""
    before, after = (scores_of(each.test, SYSTEM) for each in (answered, decided.answered))
    slopes = [measure_line(scores)[1] for scores in (before, after)]
    rules = {fit[1:]: rule for fit, rule in decided.rules.items()}
    has_sets = decided.kind(SYSTEM) is not None
    sets = measure_abstention(after, rules, [(0, SEED)]) if has_sets else None
    nothing = float("nan")
    return [
        log_loss(before),
        log_loss(after),
        *(slope.estimate if slope else nothing for slope in slopes),
        float(slopes[1].low <= 1.0 <= slopes[1].high) if slopes[1] else nothing,
        allowed(answered, is_by_class=decided.kind(SYSTEM) == "class_conditional"),
        sets.coverage.estimate if sets else nothing,
        sets.abstained.estimate if sets else nothing,
    ]


def table_row(
    participants: int, features: int, method: str, corpora: int
) -> tuple[str, list[float]]:
    """The kind of the sets, and the mean of every column."""
    section = EvaluationSection.model_validate({"calibration": method})
    found, kinds = [], set()
    for seed in range(corpora):
        answered = cross_validated(participants, features, seed)
        decided = decide(answered, section)
        kinds.add(decided.kind(SYSTEM) or "none")
        found.append(figures(answered, decided))
    return "/".join(sorted(kinds)), np.nanmean(np.array(found), axis=0).tolist()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=int, default=50)
    corpora = parser.parse_args().corpora
    columns = (
        "n", "features", "method", "sets", "log loss before", "after", "slope before", "after",
        "slope interval holds 1", "allowed", "covered", "abstained",
    )  # fmt: skip
    sys.stdout.write(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n")
    for participants, features, method in KINDS:
        kind, values = table_row(participants, features, method, corpora)
        shown = " | ".join(f"{value:.3f}" for value in values)
        sys.stdout.write(f"| {participants} | {features} | {method} | {kind} | {shown} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
