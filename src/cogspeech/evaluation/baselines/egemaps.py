"""``egemaps``: the voice in the 88 numbers of the Geneva set. Needs the extra ``opensmile``."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float

from cogspeech.evaluation.base import BASELINES
from cogspeech.evaluation.feature_baseline import FeatureBaseline
from cogspeech.evaluation.feature_model import Kind
from cogspeech.evaluation.features.egemaps import (
    FUNCTIONALS,
    TERMS,
    geneva_functionals,
    open_smile,
)
from cogspeech.types import Case


@BASELINES.register("egemaps")
class Egemaps(FeatureBaseline):
    """eGeMAPS v02 over the participant's turns, and a linear SVM.

    Raises:
        MissingExtra: openSMILE is not installed.
    """

    name = "egemaps"
    terms = TERMS
    kind: ClassVar[Kind] = "svm"
    looks_at: ClassVar[str] = "a turn of the participant whose time is known"

    def __init__(self) -> None:
        super().__init__()
        open_smile()  # a missing library is no surprise for the middle of a study

    def vector(self, case: Case) -> Float[np.ndarray, " feature"]:
        """The functionals."""
        found = geneva_functionals(case)
        return np.full(FUNCTIONALS, np.nan) if found is None else found
