"""``acoustic_functionals``: the sound of the voice inside words. No word, no pause, no order."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float

from cogspeech.evaluation.base import BASELINES
from cogspeech.evaluation.feature_baseline import FeatureBaseline, in_order
from cogspeech.evaluation.feature_model import Kind
from cogspeech.evaluation.features.acoustics import ACOUSTICS, acoustic_features
from cogspeech.types import Case


@BASELINES.register("acoustic_functionals")
class AcousticFunctionals(FeatureBaseline):
    """Means and deviations of pitch, energy, tilt and cepstrum, and a linear SVM."""

    name = "acoustic_functionals"
    kind: ClassVar[Kind] = "svm"
    looks_at: ClassVar[str] = "a fifth of a second of words whose times were measured"

    def vector(self, case: Case) -> Float[np.ndarray, " feature"]:
        """`ACOUSTICS`."""
        return in_order(acoustic_features(case), ACOUSTICS)
