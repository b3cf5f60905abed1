"""``linguistic``: how rich, how empty and how repetitive the words are. No sound, no pause."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float

from cogspeech.evaluation.base import BASELINES
from cogspeech.evaluation.feature_baseline import FeatureBaseline, in_order
from cogspeech.evaluation.features.linguistic import LINGUISTIC, linguistic_features
from cogspeech.types import Case


@BASELINES.register("linguistic")
class Linguistic(FeatureBaseline):
    """Lexical richness, closed classes, fillers, repetition and what is told of the picture."""

    name = "linguistic"
    looks_at: ClassVar[str] = "a word that is no filler"

    def vector(self, case: Case) -> Float[np.ndarray, " feature"]:
        """`LINGUISTIC`."""
        return in_order(linguistic_features(case), LINGUISTIC)
