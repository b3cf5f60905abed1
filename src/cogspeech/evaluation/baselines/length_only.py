"""``length_only``: how long, how many words, how fast. No word, no sound."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float

from cogspeech.evaluation.base import BASELINES
from cogspeech.evaluation.feature_baseline import FeatureBaseline, in_order
from cogspeech.evaluation.features.length import LENGTH, length_features
from cogspeech.types import Case


@BASELINES.register("length_only")
class LengthOnly(FeatureBaseline):
    """Number of words, time from the first to the last, and words per second."""

    name = "length_only"
    looks_at: ClassVar[str] = "a word that takes time"

    def vector(self, case: Case) -> Float[np.ndarray, " feature"]:
        """`LENGTH`."""
        return in_order(length_features(case), LENGTH)
