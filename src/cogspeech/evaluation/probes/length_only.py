"""``length_only``: how long, how many words, how fast. No word, no sound."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float

from cogspeech.evaluation.base import PROBES, Probe
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
        words = len(case.transcript.participant_words)
        starts = case.embedded.event_start_s
        span_s = float((starts + case.embedded.event_duration_s).max() - starts.min())
        if span_s <= 0:
            return None
        return np.log([words, span_s, words / span_s])
