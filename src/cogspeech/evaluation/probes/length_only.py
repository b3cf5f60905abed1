"""``length_only``: how long, how many words, how fast. No word, no sound."""

from collections.abc import Sequence
from typing import ClassVar

from cogspeech.evaluation.base import PROBES
from cogspeech.evaluation.feature_probe import FeatureProbe
from cogspeech.evaluation.features.length import length_features
from cogspeech.evaluation.screening import Features
from cogspeech.types import Case


@PROBES.register("length_only")
class LengthOnly(FeatureProbe):
    """Number of words, time from the first to the last, and words per second."""

    name: ClassVar[str] = "length_only"
    looks_at: ClassVar[str] = (
        "the number of words, the time they take and the speech rate: no word, no sound"
    )
    lacks: ClassVar[str] = "words with a duration"
    red_means: ClassVar[str] = (
        "How much was recorded tells the classes apart. People may really say less, but so may a "
        "task that was stopped at another time, or audio that was cut in another way."
    )

    def features(self, cases: Sequence[Case]) -> Sequence[Features | None]:
        """Three numbers."""
        return [length_features(case) or None for case in cases]
