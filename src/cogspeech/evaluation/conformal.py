"""Conformal sets: which classes are plausible, with a promised coverage (Vovk et al., 2005).

The strangeness of a class is one minus its probability (least ambiguous sets; Sadinle, Lei and
Wasserman, 2019). A class is plausible where it is no stranger than the k-th least strange of n
held-back people, with k the smallest whole number of at least (n + 1) times the coverage. Then a
new participant *like these* has the true class in the set with at least that probability, on
average over who was held back.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from cogspeech.decision import ConformalSets, Kind


def fewest_people(coverage: float) -> int:
    """How many held-back people it takes: 9 at 90 %, 19 at 95 %."""
    return math.ceil(round(coverage / (1.0 - coverage), 9))


def possible_kind(counts: Sequence[tuple[int, int]], coverage: float) -> Kind | None:
    """Which sets all fits of a system can have, by the held-back people of each class.

    One kind for all of them: class by class where every fit has enough people of each class, else
    for all classes together, else none.
    """
    fewest = fewest_people(coverage)
    if counts and all(min(of_classes) >= fewest for of_classes in counts):
        return "class_conditional"
    if counts and all(sum(of_classes) >= fewest for of_classes in counts):
        return "marginal"
    return None


def fit_sets(
    probability: Float[np.ndarray, " participant"],
    labels: Int[np.ndarray, " participant"],
    *,
    kind: Kind,
    coverage: float,
) -> ConformalSets:
    """The sets that held-back people ask for.

    Args:
        probability: calibrated, of the second class.
        labels: 0 or 1.
        kind: from `possible_kind`.
        coverage: that is promised.
    """
    strangeness = np.where(labels == 1, 1.0 - probability, probability)
    if kind == "marginal":
        largest = _limit(strangeness, coverage)
        return ConformalSets(kind=kind, coverage=coverage, largest=(largest, largest))
    of_classes = [_limit(strangeness[labels == label], coverage) for label in (0, 1)]
    return ConformalSets(kind=kind, coverage=coverage, largest=(of_classes[0], of_classes[1]))


def _limit(strangeness: Float[np.ndarray, " participant"], coverage: float) -> float:
    """The k-th smallest; 1, at which nothing is too strange, where there are fewer than k."""
    rank = math.ceil(round((len(strangeness) + 1) * coverage, 9))
    return float(np.sort(strangeness)[rank - 1]) if rank <= len(strangeness) else 1.0
