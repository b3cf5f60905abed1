"""What conformal sets did on people who were not held back: coverage, abstention, errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from cogspeech.decision import DecisionRule, Kind
from cogspeech.evaluation.intervals import wilson
from cogspeech.evaluation.metrics import Scores
from cogspeech.types import Estimate

STATEMENT = (
    "The guarantee is marginal: it holds on average over studies like this one, for people drawn "
    "like those who were held back. It is void under any shift, such as another clinic, "
    "microphone, task or language."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Abstention:
    """Realised figures of one system, averaged over its runs."""

    kind: Kind
    coverage: Estimate
    """Share of participants whose class was in their set."""
    coverage_of_classes: tuple[Estimate, Estimate]
    abstained: Estimate
    """Share for whom no single class was plausible."""
    abstained_of_classes: tuple[Estimate, Estimate]
    neither: Estimate
    """Share for whom no class at all was plausible; part of those abstained on."""
    error_among_decided: Estimate | None
    """``None`` where nobody was decided on."""


def measure_abstention(
    scores: Scores,
    rules: Mapping[tuple[int, int, int], DecisionRule],
    runs: Sequence[tuple[int, int]],
) -> Abstention:
    """The realised coverage and abstention of one system.

    Args:
        scores: calibrated.
        rules: with conformal sets; by repeat, fold and seed.
        runs: repeat and seed of each row of the scores.
    """
    plausible = np.zeros((*scores.probability.shape, 2), dtype=bool)
    for row, (repeat, seed) in enumerate(runs):
        for fold in np.unique(scores.fold[row]):
            own = scores.fold[row] == fold
            sets = rules[repeat, int(fold), seed].sets
            if sets is None:
                raise ValueError("every rule needs conformal sets")
            plausible[row, own] = sets.plausible(scores.probability[row, own])
            kind = sets.kind
    everybody = np.ones(scores.num_participants, dtype=bool)
    negative, positive = scores.labels == 0, scores.labels == 1
    covered = np.where(positive, plausible[..., 1], plausible[..., 0])
    size = plausible.sum(axis=2)
    decided = size == 1
    count = decided.sum() / len(runs)

    def share(happened: Bool[np.ndarray, "run participant"], among: np.ndarray) -> Estimate:
        return _proportion(float(happened[:, among].mean()), float(among.sum()), scores)

    return Abstention(
        kind=kind,
        coverage=share(covered, everybody),
        coverage_of_classes=(share(covered, negative), share(covered, positive)),
        abstained=share(~decided, everybody),
        abstained_of_classes=(share(~decided, negative), share(~decided, positive)),
        neither=share(size == 0, everybody),
        error_among_decided=_proportion(float((~covered)[decided].mean()), count, scores)
        if decided.any()
        else None,
    )


def _proportion(value: float, count: float, scores: Scores) -> Estimate:
    """With Wilson's interval; ``count`` is a mean over runs, as few as one at the least."""
    low, high = wilson(value, max(count, 1.0) / scores.variance_factor)
    return Estimate(estimate=value, low=low, high=high, n=max(1, round(count)))
