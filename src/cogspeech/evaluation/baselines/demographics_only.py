"""``demographics_only``: age, sex and years of education. Not a sound, not a word."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float

from cogspeech.evaluation.base import BASELINES
from cogspeech.evaluation.feature_baseline import FeatureBaseline, in_order
from cogspeech.evaluation.features.demographics import DEMOGRAPHICS, demographic_features
from cogspeech.types import Case


@BASELINES.register("demographics_only")
class DemographicsOnly(FeatureBaseline):
    """Whether the classes were matched: whoever is older is more often impaired."""

    name = "demographics_only"
    looks_at: ClassVar[str] = "an age, a sex or years of education"

    def vector(self, case: Case) -> Float[np.ndarray, " feature"]:
        """`DEMOGRAPHICS`."""
        return in_order(demographic_features(case.recording), DEMOGRAPHICS)
