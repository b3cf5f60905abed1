"""``recogniser_quality``: how well the words were found and timed. Not which words."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from cogspeech.evaluation.base import PROBES
from cogspeech.evaluation.feature_probe import FeatureProbe
from cogspeech.evaluation.screening import Features
from cogspeech.transcripts.quality import repeated_phrases
from cogspeech.types import Case, Word

UNSURE = 0.5
"""A confidence below it."""


@PROBES.register("recogniser_quality")
class RecogniserQuality(FeatureProbe):
    """Confidence, repaired and missing times, phrases said over and over, and the source."""

    name: ClassVar[str] = "recogniser_quality"
    looks_at: ClassVar[str] = (
        "the confidence of the words, their repaired, guessed or missing times, phrases that a "
        "recogniser repeats, and who transcribed: not the words"
    )
    lacks: ClassVar[str] = "words of a recogniser or an aligner that says how sure it is"
    red_means: ClassVar[str] = (
        "How well the words were recognised tells the classes apart, so the text may carry the "
        "errors of the recogniser instead of the speech of the person."
    )

    def features(self, cases: Sequence[Case]) -> Sequence[Features | None]:
        """Shares of words; one source more makes the source a feature of all."""
        sources = {case.transcript.source for case in cases}
        return [recognition_of(case, is_source_told=len(sources) > 1) for case in cases]


def recognition_of(case: Case, *, is_source_told: bool) -> Features | None:
    """How well the participant's words were found; ``None`` where nothing tells."""
    words = case.transcript.participant_words
    is_rated = any(_tells(word) for word in words)
    if not words or not (is_rated or is_source_told):
        return None
    repairs = [word.repair for word in words]
    rated = [word.confidence for word in words if word.confidence is not None]
    return {
        "confidence": float(np.mean(rated)) if rated else None,
        "lowest_tenth": float(np.quantile(rated, 0.1)) if rated else None,
        "unsure": float(np.mean([each < UNSURE for each in rated])) if rated else None,
        "unrated": 1 - len(rated) / len(words),
        "interpolated": repairs.count("interpolated") / len(words),
        "trimmed": repairs.count("trimmed") / len(words),
        "clipped": repairs.count("clipped") / len(words),
        "untimed": float(np.mean([not word.is_timed for word in words])),
        "spread": float(np.mean([word.spread for word in words])),
        "repeated_phrases": repeated_phrases(words) / len(words) if is_rated else None,
        "warnings": len(case.transcript.warnings) / len(words),
        "source": case.transcript.source,
    }


def _tells(word: Word) -> bool:
    return bool(word.confidence is not None or word.repair or word.spread or not word.is_timed)
