"""How often is something found where nothing is? Prints a table.

Null corpora: features of pure noise, five folds, logistic regression. The mean AUROC must be 0.50,
and its 95 % interval leave 0.5 out, which is what the report reads, in 3 to 7 % of them. Equal
systems: two logistic regressions on features of the same strength; each test must call them
different in 3 to 7 %. Beside the corrected resampled t-test stands the plain t-test over the same
folds, which takes them for independent.

    python benchmarks/false_alarms.py [--corpora 200] [--n 71 166] [--repeats 5]
"""

import argparse
import sys

import numpy as np
from scipy.stats import ttest_1samp

from cogspeech.evaluation.comparison import COMPARED_METRICS, compare_scores, fold_values
from cogspeech.evaluation.metrics import METRICS, Scores
from interval_coverage import cross_validated, one_test_set

FEATURES = 3
LIMIT = 0.05
CHANCE = 0.5


def compared(a: Scores, b: Scores) -> dict[str, float]:
    """The p of every comparison, and those of the plain t-test over folds where there are some."""
    found = {c.metric: c.p_value for c in compare_scores([("a", a, "b", b)])}
    if a.variance_factor > 1.0:
        for metric in COMPARED_METRICS:
            of_a, of_b = fold_values(a, metric), fold_values(b, metric)
            differences = [of_a[part] - of_b[part] for part in of_a]
            found[f"{metric}, plain t"] = (
                float(ttest_1samp(differences, 0).pvalue) if np.ptp(differences) > 0 else 1.0
            )
    return found


def null_corpora(n: int, corpora: int, repeats: int) -> tuple[float, float, float]:
    """The mean AUROC of noise, and how often its interval lies above and below 0.5."""
    kind = {"participants": n, "features": FEATURES, "repeats": repeats, "signal": 0.0}
    found = [METRICS["auroc"](cross_validated(seed=seed, **kind)[0]) for seed in range(corpora)]
    return (
        float(np.mean([each.estimate for each in found])),
        float(np.mean([each.low > CHANCE for each in found])),
        float(np.mean([each.high < CHANCE for each in found])),
    )


def equal_systems(n: int, corpora: int, repeats: int, signal: float) -> dict[str, float]:
    """How often each test calls two equal systems different; without repeats on one test set."""
    found = [
        compared(
            *cross_validated(
                participants=n, features=FEATURES, repeats=repeats, signal=signal, seed=seed,
                views=2,
            )
        )
        if repeats
        else compared(*one_test_set(participants=n, area=0.8, seed=[seed, n]))
        for seed in range(corpora)
    ]  # fmt: skip
    return {name: float(np.mean([p[name] < LIMIT for p in found])) for name in found[0]}


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=int, default=200)
    parser.add_argument("--n", nargs="+", type=int, default=[71, 166])
    parser.add_argument("--repeats", nargs="+", type=int, default=[1, 5])
    parser.add_argument("--signal", nargs="+", type=float, default=[0.0, 0.4, 0.8])
    asked = parser.parse_args()
    write = sys.stdout.write
    write("| null corpora | mean AUROC | above 0.5 | below 0.5 |\n|---|---|---|---|\n")
    for n in asked.n:
        for repeats in asked.repeats:
            mean, above, below = null_corpora(n, asked.corpora, repeats)
            write(f"| n = {n}, {repeats} repeats | {mean:.3f} | {above:.3f} | {below:.3f} |\n")
            sys.stdout.flush()
    names = [*COMPARED_METRICS, *(f"{metric}, plain t" for metric in COMPARED_METRICS)]
    write(f"\n| equal systems | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}\n")
    kinds = [(0, 0.0), *((r, s) for r in asked.repeats for s in asked.signal)]
    for n in asked.n:
        for repeats, signal in kinds:
            rates = equal_systems(n, asked.corpora, repeats, signal)
            how = f"{repeats} x 5 folds, signal {signal}" if repeats else "one test set"
            cells = " | ".join(f"{rates[m]:.3f}" if m in rates else "none" for m in names)
            write(f"| n = {n}, {how} | {cells} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
