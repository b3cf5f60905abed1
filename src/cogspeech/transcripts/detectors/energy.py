"""``energy``: speech is what rises above the noise of its recording; needs no further library."""

from typing import Any

import numpy as np
from jaxtyping import Float

from cogspeech.settings import Settings
from cogspeech.transcripts.speech_energy import find_speech
from cogspeech.transcripts.voice_activity import DETECTORS, Spans, SpeechDetector


@DETECTORS.register("energy")
class EnergyDetector(SpeechDetector):
    """Hears every sound, not only voices: doors and coughs are speech to it."""

    class Options(Settings):
        """``energy``: there is nothing to choose."""

    def __init__(self, options: Options) -> None: ...

    def fingerprint(self) -> dict[str, Any]:
        """The version of the rule."""
        return {"name": "energy", "version": 1}

    def detect(self, samples: Float[np.ndarray, " sample"]) -> Spans:
        """The stretches above the noise; silences of less than 0.15 s divide nothing."""
        speech = find_speech(samples)
        return np.array(speech.runs(0.0, speech.duration_s)).reshape(-1, 2)
