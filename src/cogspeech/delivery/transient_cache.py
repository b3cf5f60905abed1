"""A cache that keeps nothing on the disk and forgets when it is told to."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cogspeech.cache import ContentCache


class TransientCache(ContentCache):
    """The entries of the recording at hand, in memory: a killed process leaves nothing behind."""

    def __init__(self) -> None:
        self.folder = Path("memory")
        self._entries: dict[str, dict[str, np.ndarray]] = {}

    def read(self, key: str, *, maps: bool = False) -> dict[str, np.ndarray] | None:  # noqa: ARG002
        """The entry; it never was on a disk, so it is not checked again."""
        return self._entries.get(key)

    def write(
        self,
        key: str,
        arrays: Mapping[str, np.ndarray],
        *,
        kind: str,  # noqa: ARG002
        maker: str,  # noqa: ARG002
        participant_id: str,  # noqa: ARG002
    ) -> None:
        """Stores an entry until `forget`."""
        self._entries[key] = {name: np.ascontiguousarray(array) for name, array in arrays.items()}

    def link(self, key: str, participant_id: str) -> None:
        """Nobody is remembered."""

    def forget(self) -> None:
        """Drops every entry."""
        self._entries.clear()
