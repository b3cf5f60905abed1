"""``demographics_only``: who somebody is. No recording is needed for it."""

from collections.abc import Sequence
from typing import ClassVar

from cogspeech.evaluation.base import PROBES
from cogspeech.evaluation.feature_probe import FeatureProbe
from cogspeech.evaluation.screening import Features
from cogspeech.types import Case


@PROBES.register("demographics_only")
class DemographicsOnly(FeatureProbe):
    """Age, sex and education, and which of them are unknown."""

    name: ClassVar[str] = "demographics_only"
    looks_at: ClassVar[str] = "age, sex and years of education: no recording at all"
    lacks: ClassVar[str] = "an age, a sex or an education in the recordings table"
    red_means: ClassVar[str] = (
        "The classes are not matched. A voice tells age and sex, so a model may tell these instead "
        "of the impairment."
    )

    def features(self, cases: Sequence[Case]) -> Sequence[Features | None]:
        """Two numbers and a category."""
        return [demographics_of(case) for case in cases]


def demographics_of(case: Case) -> Features | None:
    """What the recordings table says of the person; ``None`` where it says nothing."""
    told: Features = {
        "age_years": case.recording.age_years,
        "education_years": case.recording.education_years,
        "sex": case.recording.sex,
    }
    return None if all(value is None for value in told.values()) else told
