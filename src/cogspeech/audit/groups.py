"""Pairs that hang together become groups."""

from collections.abc import Iterable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def grouped(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, ...]]:
    """The connected groups of two or more, each in order, sorted."""
    edges = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    nodes, at = np.unique(edges, return_inverse=True)
    if not len(nodes):
        return []
    at = at.reshape(-1, 2)
    graph = coo_array((np.ones(len(at)), (at[:, 0], at[:, 1])), shape=(len(nodes), len(nodes)))
    _, component = connected_components(graph, directed=False)
    groups: dict[int, list[int]] = {}
    for node, number in zip(nodes, component, strict=True):
        groups.setdefault(int(number), []).append(int(node))
    return sorted(tuple(group) for group in groups.values())
