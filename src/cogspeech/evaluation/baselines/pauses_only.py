"""``pauses_only``: how often and how long the participant pauses. No word, no voice."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float

from cogspeech.evaluation.base import BASELINES
from cogspeech.evaluation.feature_baseline import FeatureBaseline, in_order
from cogspeech.evaluation.features.pauses import PAUSES, pause_features
from cogspeech.types import Case


@BASELINES.register("pauses_only")
class PausesOnly(FeatureBaseline):
    """Rates and durations of silent and filled pauses."""

    name = "pauses_only"
    looks_at: ClassVar[str] = "a word whose time was measured"

    def vector(self, case: Case) -> Float[np.ndarray, " feature"]:
        """`PAUSES`."""
        return in_order(pause_features(case), PAUSES)
