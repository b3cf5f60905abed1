"""Probes that ask the primary system again about changed test recordings.

The fits of the first repeat and seed are asked twice about the same participants: as they were
recorded, and changed. Both AUROCs are paired. Their difference is a property of these fits, so its
interval is over participants alone and is not widened for training sides that fits share.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

from cogspeech.evaluation.base import KeptFits, Probe, ProbeFinding, ProbeTask
from cogspeech.evaluation.intervals import Z
from cogspeech.evaluation.metrics import (
    METRICS,
    Scores,
    auroc_error,
    auroc_parts,
    is_above_chance,
)
from cogspeech.evaluation.screening import PERMUTATIONS, p_of_draws
from cogspeech.types import Case, Estimate

KEPT = 0.75
"""Of the distance from chance: whoever keeps more does hardly need what was destroyed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The answers about changed recordings beside those about the recordings as they were."""

    clean: Scores
    changed: Scores

    @property
    def is_same(self) -> bool:
        """Not one answer has moved."""
        return bool(np.array_equal(self.clean.probability, self.changed.probability))


class ChangeProbe(Probe):
    """Changes the test recordings of every fold and asks the fit that has never seen them."""

    @abstractmethod
    def changes(
        self, test: Sequence[Case], labels: Sequence[int], generator: np.random.Generator
    ) -> Mapping[str, Sequence[Case] | None]:
        """The test recordings of one fold, changed in every way of this probe, by name.

        ``None`` where too few are tested together for it.
        """

    @abstractmethod
    def judge(self, found: Mapping[str, Changed], seed: int) -> ProbeFinding:
        """What follows from the answers."""

    def run(self, task: ProbeTask) -> ProbeFinding:
        """Asks the primary system; nothing is fitted."""
        if task.primary is None:
            return ProbeFinding(reason="the primary system keeps no fits that can be asked again")
        answers = self._ask(task, task.primary)
        if answers is None:
            return ProbeFinding(reason="too few participants of a class are tested in one fold")
        clean = answers.pop("clean")
        found = {name: Changed(clean=clean, changed=each) for name, each in answers.items()}
        finding = self.judge(found, task.seed)
        return ProbeFinding(
            auroc=finding.auroc,
            p_value=finding.p_value,
            is_shortcut=finding.is_shortcut,
            reason=finding.reason,
            details={
                **finding.details,
                "clean_auroc": _json(METRICS["auroc"](clean)),
                "changes": {name: _told(each) for name, each in found.items()},
            },
        )

    def _ask(self, task: ProbeTask, primary: KeptFits) -> dict[str, Scores] | None:
        gathered: dict[str, list[tuple[Case, int, float]]] = {}
        generator = np.random.default_rng([task.seed, 0])
        for fold in (f for f in task.plan.folds if f.repeat == 0):
            people = set(fold.test)
            test = [case for case in task.cases if case.recording.participant_id in people]
            labels = [task.label(case) for case in test]
            for name, cases in {
                "clean": test,
                **self.changes(test, labels, generator),
            }.items():
                if cases is None:
                    return None
                positive = primary.answer(fold.fold, cases).positive
                gathered.setdefault(name, []).extend(
                    (case, fold.fold, float(each))
                    for case, each in zip(test, positive, strict=True)
                )
        return {name: _scores(rows, task) for name, rows in gathered.items()}


def _scores(rows: Sequence[tuple[Case, int, float]], task: ProbeTask) -> Scores:
    """Of one run; the mean over the recordings of a participant."""
    people = tuple(sorted({case.recording.participant_id for case, *_ in rows}))
    own: dict[str, list[float]] = {name: [] for name in people}
    labels, folds = {}, {}
    for case, fold, probability in rows:
        name = case.recording.participant_id
        own[name].append(probability)
        labels[name], folds[name] = task.label(case), fold
    return Scores(
        participants=people,
        labels=np.array([labels[name] for name in people]),
        probability=np.array([[float(np.mean(own[name])) for name in people]]),
        fold=np.array([[folds[name] for name in people]]),
    )


def _json(estimate: Estimate) -> dict[str, Any]:
    return asdict(estimate)


def _told(pair: Changed) -> dict[str, Any]:
    """The AUROC after the change, and how far it lies from that before."""
    difference, positives, negatives = _difference(pair, of_clean=1.0)
    half = Z * auroc_error(positives, negatives)
    return {
        "auroc": _json(METRICS["auroc"](pair.changed)),
        "difference": {"estimate": difference, "low": difference - half,
                       "high": difference + half, "n": pair.clean.num_participants},
    }  # fmt: skip


def _difference(
    pair: Changed, *, of_clean: float
) -> tuple[float, Float[np.ndarray, " positive"], Float[np.ndarray, " negative"]]:
    """The AUROC after the change minus a share of that before, with the participants' shares."""
    before, positives_before, negatives_before = auroc_parts(pair.clean)
    after, positives_after, negatives_after = auroc_parts(pair.changed)
    return (
        after - of_clean * before,
        positives_after - of_clean * positives_before,
        negatives_after - of_clean * negatives_before,
    )


def is_kept(pair: Changed) -> bool:
    """At least `KEPT` of the AUROC's distance from 0.5 is left, with 97.5 % confidence."""
    left, positives, negatives = _difference(pair, of_clean=KEPT)
    return left - 0.5 * (1 - KEPT) - Z * auroc_error(positives, negatives) > 0


def turned(pair: Changed) -> Changed:
    """The same with the changed answers read as if they spoke for the other class."""
    changed = Scores(
        participants=pair.changed.participants,
        labels=pair.changed.labels,
        probability=1.0 - pair.changed.probability,
        fold=pair.changed.fold,
    )
    return Changed(clean=pair.clean, changed=changed)


def p_of_loss(pair: Changed, seed: int) -> float:
    """Permutation p that the change costs nothing.

    The ranks of a participant before and after the change are exchanged by chance (Bandos et al.,
    2005); one-sided.
    """
    generator = np.random.default_rng([seed, PERMUTATIONS])
    before, after = (_ranks(scores) for scores in (pair.clean, pair.changed))
    swaps = generator.integers(0, 2, size=(PERMUTATIONS, len(before))).astype(bool)
    swaps = np.concatenate([np.zeros((1, len(before)), dtype=bool), swaps])
    fold, labels = pair.clean.fold[0], pair.clean.labels
    lost = _area(np.where(swaps, after, before), labels, fold) - _area(
        np.where(swaps, before, after), labels, fold
    )
    return p_of_draws(lost[0], lost[1:])


def p_of_chance(scores: Scores, seed: int) -> float:
    """Permutation p that the AUROC is 0.5: labels dealt anew inside each fold.

    The fits stay as they are, so the deals are spread by the factor that intervals are widened
    with: the fits of the folds share training participants.
    """
    generator = np.random.default_rng([seed, PERMUTATIONS])
    labels = np.tile(scores.labels, (PERMUTATIONS + 1, 1))
    for number in np.unique(scores.fold[0]):
        inside = np.flatnonzero(scores.fold[0] == number)
        labels[1:, inside] = generator.permuted(labels[1:, inside], axis=1)
    area = _area(np.tile(_ranks(scores), (len(labels), 1)), labels, scores.fold[0])
    spread = 0.5 + math.sqrt(scores.variance_factor) * (area[1:] - 0.5)
    return p_of_draws(area[0], spread)


def _ranks(scores: Scores) -> Float[np.ndarray, " participant"]:
    """Inside each fold."""
    ranks = np.zeros(scores.num_participants)
    for number in np.unique(scores.fold[0]):
        inside = scores.fold[0] == number
        ranks[inside] = rankdata(scores.probability[0, inside])
    return ranks


def _area(
    values: Float[np.ndarray, "draw participant"],
    labels: np.ndarray,
    fold: np.ndarray,
) -> Float[np.ndarray, " draw"]:
    """The AUROC of every draw, over pairs of one fold."""
    labels = np.broadcast_to(labels, values.shape)
    wins, pairs = np.zeros(len(values)), np.zeros(len(values))
    for number in np.unique(fold):
        inside = fold == number
        positives = labels[:, inside].sum(axis=1)
        ranks = rankdata(values[:, inside], axis=1)
        wins += (ranks * labels[:, inside]).sum(axis=1) - positives * (positives + 1) / 2
        pairs += positives * (inside.sum() - positives)
    return np.asarray(wins / np.maximum(pairs, 1.0))


def judge_reliance(
    found: Mapping[str, Changed], decisive: str, seed: int, *, kept: Sequence[Changed]
) -> ProbeFinding:
    """Red where the primary is above chance and does not need what the decisive change destroys.

    Args:
        found: by the name of the change.
        decisive: the change whose AUROC is shown.
        seed: of the study.
        kept: pairs of which none may keep its distance from chance.
    """
    pair = found[decisive]
    if pair.is_same:
        return ProbeFinding(
            reason="not one answer of the primary system moves: it does not look at this"
        )
    if not is_above_chance(pair.clean):
        return ProbeFinding(
            reason="the primary system is not above chance, so there is nothing it could owe to it"
        )
    return ProbeFinding(
        auroc=METRICS["auroc"](pair.changed),
        p_value=p_of_loss(pair, seed),
        is_shortcut=any(is_kept(each) for each in kept),
    )
