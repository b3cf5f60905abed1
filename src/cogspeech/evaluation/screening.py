"""What a few features of the recordings tell about the labels: an AUROC and a permutation p.

The participant is the unit: the features of several recordings of a person are averaged. On the
training side of each fold every feature is weighted by the cube of its correlation with the label;
the test side is scored with the weighted sum. The cube lets one strong artefact stand out among
features that tell nothing, where a regression on all of them drowns it (docs/explanation/probes.md
has the measured power of both). Each number counts twice, as its rank and as its distance from the
middle, so a class whose recordings were made alike is seen, too.

Weights are simple sums over the labels, so all permutations of the labels are refitted at once: the
p is that of the whole procedure, with the dependence between folds that fixed predictions hide. It
is the p of the AUROC together with the strongest correlation of a single feature, both on the scale
of the permutations: the AUROC gathers what many features tell, while one strong artefact is seen
best by itself and with nobody held out, which costs no validity where labels are dealt.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtri
from scipy.stats import rankdata

from cogspeech.corpora.splits import SplitPlan
from cogspeech.evaluation.base import ProbeTask
from cogspeech.evaluation.metrics import METRICS, Scores
from cogspeech.types import Estimate

Feature = float | str | None
"""A number, a category, or nothing known."""
Features = Mapping[str, Feature]
PERMUTATIONS = 999
WEIGHT_POWER = 3
TINY = 1e-12

Labels = Float[np.ndarray, "participant draw"]
Answering = Callable[[np.ndarray, np.ndarray, Labels], Float[np.ndarray, "test draw"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The features of every participant."""

    participants: tuple[str, ...]
    numbers: Float[np.ndarray, "participant number"]
    """Unknown ones are the median of the known."""
    shares: Float[np.ndarray, "participant share"]
    """Of the recordings of a person, those with a category, or with something unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """What the features tell."""

    auroc: Estimate
    p_value: float
    """How often labels dealt by chance reach as much in AUROC and strongest feature together."""


def tabulate(participants: Sequence[str], features: Sequence[Features | None]) -> Table:
    """The features of recordings as a table of participants.

    Args:
        participants: whose recording it is, one name per recording.
        features: by name; ``None`` where a recording has nothing of what is looked at.
    """
    names = sorted({name for each in features if each for name in each})
    people = tuple(sorted(set(participants)))
    row = {name: at for at, name in enumerate(people)}
    owner = np.array([row[name] for name in participants])
    numbers, shares = [], []
    for name in names:
        values = [None if each is None else each.get(name) for each in features]
        if any(isinstance(value, str) for value in values):
            kinds = sorted({str(value) for value in values})
            shares += [_mean_of(owner, [float(str(v) == k) for v in values]) for k in kinds]
            continue
        is_known = np.array([value is not None for value in values])
        known = np.array([value for value in values if value is not None], dtype=np.float64)
        if len(known):
            filled = np.full(len(values), np.median(known))
            filled[is_known] = known
            numbers.append(_mean_of(owner, filled))
        shares.append(_mean_of(owner, ~is_known))
    return Table(
        participants=people,
        numbers=_columns(numbers, len(people)),
        shares=np.unique(_columns(shares, len(people)), axis=1),
    )


def _mean_of(
    owner: Int[np.ndarray, " recording"], values: Sequence[float] | np.ndarray
) -> np.ndarray:
    count = np.bincount(owner)
    return np.asarray(np.bincount(owner, weights=np.asarray(values, dtype=np.float64)) / count)


def _columns(columns: Sequence[np.ndarray], rows: int) -> Float[np.ndarray, "row column"]:
    return np.stack(columns, axis=1) if columns else np.zeros((rows, 0))


def labels_of(task: ProbeTask, participants: Sequence[str]) -> Int[np.ndarray, " participant"]:
    """1 of any class but the first."""
    found = {case.recording.participant_id: task.label(case) for case in task.cases}
    return np.array([found[name] for name in participants], dtype=np.int64)


def dealt(labels: Int[np.ndarray, " participant"], seed: int) -> Labels:
    """The labels in the first column; in the others, dealt anew among the participants."""
    generator = np.random.default_rng([seed, PERMUTATIONS])
    tiled = np.tile(labels.astype(np.float64)[:, None], (1, PERMUTATIONS))
    return np.concatenate([labels[:, None], generator.permuted(tiled, axis=0)], axis=1)


def screen(table: Table, labels: Int[np.ndarray, " participant"], task: ProbeTask) -> Screened:
    """The AUROC on the folds of a study, and the permutation p."""
    drawn = dealt(labels, task.seed)
    scores, aurocs = on_folds(table.participants, drawn, task.plan, weighted(table))
    together = _on_one_scale(aurocs) + _on_one_scale(strongest(table, drawn, scores.participants))
    return Screened(
        auroc=METRICS["auroc"](scores),
        p_value=p_of_draws(together[0], together[1:]),
    )


def strongest(
    table: Table, drawn: Labels, participants: Sequence[str]
) -> Float[np.ndarray, " draw"]:
    """The largest absolute correlation of a feature with each column of labels.

    Args:
        table: the features.
        drawn: labels of everybody in the table, by column.
        participants: among whom: those who are tested.
    """
    rows = np.flatnonzero(np.isin(table.participants, participants))
    return np.asarray(
        np.abs(_correlation(_standardised(table, rows)[rows], drawn[rows])).max(axis=0)
    )


def _on_one_scale(draws: Float[np.ndarray, " draw"]) -> Float[np.ndarray, " draw"]:
    """In standard deviations of all draws, the observed one among them; 0 where all are equal."""
    # Equal up to rounding is equal, as sums over features are not exact.
    away = np.round(draws - draws.mean(), 9)
    return np.asarray(away / max(float(away.std()), TINY))


def _correlation(
    columns: Float[np.ndarray, "participant column"], drawn: Labels
) -> Float[np.ndarray, "column draw"]:
    """Of standardised columns with each column of labels."""
    centred = drawn - drawn.mean(axis=0)
    spread = np.sqrt(np.square(centred).mean(axis=0))
    return np.asarray(columns.T @ centred / (len(columns) * np.maximum(spread, TINY)))


def weighted(table: Table) -> Answering:
    """The classifier: a sum of the features, weighted on the training side."""

    def answer(train: np.ndarray, test: np.ndarray, drawn: Labels) -> np.ndarray:
        columns = _standardised(table, train)
        correlation = _correlation(columns[train], drawn)
        scores: np.ndarray = columns[test] @ correlation**WEIGHT_POWER
        return scores

    return answer


def p_of_draws(observed: float, draws: Float[np.ndarray, " draw"]) -> float:
    """The share of draws, itself among them, that reach the observed value."""
    return float((1 + np.count_nonzero(draws >= observed - TINY)) / (1 + len(draws)))


def on_folds(
    participants: Sequence[str], drawn: Labels, plan: SplitPlan, answer: Answering
) -> tuple[Scores, Float[np.ndarray, " draw"]]:
    """The scores with the first column of labels, and the AUROC with each column.

    Pairs of one test fold are compared, as everywhere (`cogspeech.evaluation.metrics`).

    Args:
        participants: the rows of ``drawn``.
        drawn: labels; each column is refitted.
        plan: the folds.
        answer: scores of the test rows from train rows, test rows and the labels of the train rows.
    """
    row = {name: at for at, name in enumerate(participants)}
    tested = np.array(sorted(row[name] for name in plan.tested))
    repeats = sorted({fold.repeat for fold in plan.folds})
    probability = np.zeros((len(repeats), len(row)))
    fold_of = np.zeros((len(repeats), len(row)), dtype=np.int64)
    total = np.zeros(drawn.shape[1])
    for at, repeat in enumerate(repeats):
        wins, pairs = np.zeros_like(total), np.zeros_like(total)
        for fold in (f for f in plan.folds if f.repeat == repeat):
            train = np.array([row[name] for name in (*fold.train, *fold.validation)])
            test = np.array([row[name] for name in fold.test])
            scores = answer(train, test, drawn[train])
            probability[at, test], fold_of[at, test] = scores[:, 0], fold.fold
            won, compared = _compared(scores, drawn[test])
            wins, pairs = wins + won, pairs + compared
        total += np.where(pairs > 0, wins / np.maximum(pairs, 1.0), 0.5)
    scores_of_all = Scores(
        participants=tuple(participants[at] for at in tested),
        labels=drawn[tested, 0].astype(np.int64),
        probability=probability[:, tested],
        fold=fold_of[:, tested],
    )
    return scores_of_all, total / len(repeats)


def _compared(
    scores: Float[np.ndarray, "test draw"], labels: Float[np.ndarray, "test draw"]
) -> tuple[Float[np.ndarray, " draw"], Float[np.ndarray, " draw"]]:
    """Pairs of a positive and a negative that are ranked rightly, ties half, and all pairs."""
    positives = labels.sum(axis=0)
    # Equal up to rounding is equal: sums over features are not exact.
    ranks = rankdata(np.round(scores / np.maximum(np.abs(scores).max(axis=0), TINY), 9), axis=0)
    wins = (ranks * labels).sum(axis=0) - positives * (positives + 1) / 2
    return wins, positives * (len(labels) - positives)


def _standardised(
    table: Table, train: Int[np.ndarray, " trained"]
) -> Float[np.ndarray, "participant column"]:
    """All columns with mean 0 and deviation 1 on the training side; what is constant there, 0."""
    normal = np.empty_like(table.numbers)
    for at, values in enumerate(table.numbers.T):
        known = np.sort(values[train])
        place = np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")
        share = (place + 1) / (2 * (len(known) + 1))
        normal[:, at] = ndtri(np.clip(share, 0.5 / len(known), 1 - 0.5 / len(known)))
    columns = np.concatenate([normal, np.abs(normal), table.shares], axis=1)
    deviation = columns[train].std(axis=0)
    is_constant = deviation < 1e-9
    scaled = (columns - columns[train].mean(axis=0)) / np.where(is_constant, 1.0, deviation)
    return np.asarray(np.where(is_constant, 0.0, scaled))
