"""``length_only``: how long, how many words, how fast. No word, no sound."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float

from cogspeech.evaluation.base import PROBES, Probe
from cogspeech.evaluation.features.length import length_features
from cogspeech.types import Case


@PROBES.register("length_only")
class LengthOnly(Probe):
    """Number of words, time from the first to the last, and words per second."""

    name: ClassVar[str] = "length_only"
    looks_at: ClassVar[str] = (
        "the number of words, the time they take and the speech rate: no word, no sound"
    )

    def features(self, case: Case) -> Float[np.ndarray, " feature"] | None:
        """Three logarithms."""
        found = length_features(case)
        return np.array(list(found.values())) if found else None
