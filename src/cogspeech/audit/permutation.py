"""Does a property go with the label? Permutation tests with the participant as the unit.

Labels are exchanged between participants, never between recordings: the visits of a person hang
together. Categories are tested by their mutual information with the label, numbers by the sum of a
Kruskal-Wallis and an Ansari-Bradley statistic (for two classes this is Lepage's test, Biometrika
58, 1971): it sees that one class is higher, and also that one class was made alike.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import rankdata

FIRST_DRAWS, ALL_DRAWS = 2_000, 20_000
"""Permutations; the larger number where the smaller one does not rule an association out."""
PROMISING = 20
"""As many of the first draws reach the observed statistic where nothing is looked for further."""
_CHUNK = 2_000
_TINY = 1e-9

Labels = Int[np.ndarray, " participant"]
Statistic = Callable[[Int[np.ndarray, "draw participant"]], Float[np.ndarray, " draw"]]


def p_of_numbers(values: Float[np.ndarray, " participant"], labels: Labels) -> float:
    """How often labels dealt by chance differ as much in place or spread of the values."""
    ranks = rankdata(values)
    scores = np.stack([ranks, np.minimum(ranks, len(ranks) + 1 - ranks)], axis=1)
    scores -= scores.mean(axis=0)
    variances = np.square(scores).sum(axis=0) / (len(scores) - 1)
    scores = scores[:, variances > 0] / np.sqrt(variances[variances > 0])
    counts = np.bincount(labels)

    def statistic(drawn: Int[np.ndarray, "draw participant"]) -> Float[np.ndarray, " draw"]:
        total = np.zeros(len(drawn))
        for label in np.flatnonzero(counts):
            sums = (drawn == label).astype(np.float64) @ scores
            total += np.square(sums).sum(axis=1) / counts[label]
        return total

    return _p_value(statistic, labels)


def p_of_categories(shares: Float[np.ndarray, "participant value"], labels: Labels) -> float:
    """How often labels dealt by chance know as much about the values.

    Args:
        shares: of each value among the recordings of a participant; a row sums to 1.
        labels: of the participants.
    """
    classes = np.flatnonzero(np.bincount(labels))

    def statistic(drawn: Int[np.ndarray, "draw participant"]) -> Float[np.ndarray, " draw"]:
        tables = [(drawn == label).astype(np.float64) @ shares for label in classes]
        # Both margins are the same in every draw: what is left of the mutual information.
        return sum((_n_log_n(table).sum(axis=1) for table in tables), np.zeros(len(drawn)))

    return _p_value(statistic, labels)


def _n_log_n(counts: Float[np.ndarray, "draw value"]) -> Float[np.ndarray, "draw value"]:
    found: Float[np.ndarray, "draw value"] = counts * np.log(np.maximum(counts, 1e-300))
    return found


def mutual_information(table: Float[np.ndarray, "label value"]) -> float:
    """In bits, less what a table of that size shows by chance (Miller and Madow, 1955)."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    total = table.sum()
    joint = table / total
    expected = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    held = joint > 0
    found = float((joint[held] * np.log2(joint[held] / expected[held])).sum())
    bias = (table.shape[0] - 1) * (table.shape[1] - 1) / (2 * total * math.log(2))
    return max(0.0, float(found - bias))


def best_threshold_errors(
    values: Float[np.ndarray, " participant"], labels: Int[np.ndarray, " participant"]
) -> int:
    """Participants on the wrong side of the best threshold between any class and the others."""
    order = np.argsort(values, kind="stable")
    is_last = np.append(np.diff(values[order]) > 0, True)
    fewest = len(values)
    for label in np.unique(labels):
        own = (labels[order] == label).astype(int)
        own_below = np.cumsum(own)
        others_below = np.cumsum(1 - own)
        wrong = others_below + own.sum() - own_below  # the class below, the others above
        both = np.minimum(wrong, len(values) - wrong)[is_last]
        fewest = min(fewest, int(both.min()))
    return fewest


def _p_value(statistic: Statistic, labels: Labels) -> float:
    observed = float(statistic(labels[None, :])[0]) - _TINY
    exact = _number_of_deals(labels)
    if exact <= ALL_DRAWS:
        reached = sum(int((statistic(d) >= observed).sum()) for d in _every_deal(labels))
        return reached / exact
    reached, drawn = 0, 0
    for chunk in range(ALL_DRAWS // _CHUNK):
        reached += int((statistic(_deals(labels.tobytes(), chunk)) >= observed).sum())
        drawn += _CHUNK
        if drawn >= FIRST_DRAWS and reached >= PROMISING:
            break
    return (1 + reached) / (1 + drawn)


def _number_of_deals(labels: Labels) -> int:
    counts = np.bincount(labels)
    return math.comb(len(labels), int(counts[-1])) if np.count_nonzero(counts) == 2 else 1 << 62


def _every_deal(labels: Labels) -> Iterator[Int[np.ndarray, "draw participant"]]:
    """All ways to deal two labels."""
    first, second = np.flatnonzero(np.bincount(labels))
    places = itertools.combinations(range(len(labels)), int((labels == second).sum()))
    while part := list(itertools.islice(places, _CHUNK)):
        drawn = np.full((len(part), len(labels)), first)
        np.put_along_axis(drawn, np.array(part, dtype=np.int64).reshape(len(part), -1), second, 1)
        yield drawn


@lru_cache(maxsize=32)
def _deals(labels: bytes, chunk: int) -> Int[np.ndarray, "draw participant"]:
    """The same for every property of the same participants: it does not matter who asks."""
    plain = np.frombuffer(labels, dtype=np.int64)
    tiled = np.tile(plain.astype(np.int8), (_CHUNK, 1))
    return np.random.default_rng([0, chunk]).permuted(tiled, axis=1)
