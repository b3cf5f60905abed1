"""``silence_only``: the sound between the words. It tells the room and the channel, not the person.

Silence alone classifies the best-known corpus of this field; a study on which it does so too has
measured the recordings, not the people.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Bool

from cogspeech.corpora.audio import read_audio
from cogspeech.evaluation.base import PROBES
from cogspeech.evaluation.feature_probe import FeatureProbe
from cogspeech.evaluation.screening import Features
from cogspeech.types import Case

SAMPLE_RATE_HZ = 16_000
FRAME = 512
BANDS = 16
MARGIN_S = 0.2
"""Kept clear around every word, so that no sound of the voice is left."""
MIN_SILENCE_S = 0.5
FLOOR = 1e-10


@PROBES.register("silence_only")
class SilenceOnly(FeatureProbe):
    """The mean log power in 16 bands, over all frames that no speaker's word touches."""

    name: ClassVar[str] = "silence_only"
    looks_at: ClassVar[str] = (
        "the sound between the words, which tells the room and the channel, not the person"
    )
    lacks: ClassVar[str] = "measured word times and half a second of silence"
    red_means: ClassVar[str] = (
        "What is heard where nobody speaks tells the classes apart: rooms, devices or processing "
        "differ between them."
    )

    def features(self, cases: Sequence[Case]) -> Sequence[Features | None]:
        """Band powers, or ``None`` where less than half a second is silent."""
        return [silence_of(case) for case in cases]


def silence_of(case: Case) -> Features | None:
    """The log power of all bands together, and of each relative to it, where nobody speaks."""
    if not all(word.is_heard and not word.spread for word in case.transcript.words):
        return None  # nobody knows where the silence is
    samples = read_audio(case.recording.audio_path, sample_rate_hz=SAMPLE_RATE_HZ)
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    silent = frames[_is_silent(len(frames), case)]
    if len(silent) * FRAME < MIN_SILENCE_S * SAMPLE_RATE_HZ:
        return None
    power = np.square(np.abs(np.fft.rfft(silent * np.hanning(FRAME), axis=1)))[:, 1:]
    bands = np.log(power.reshape(len(silent), BANDS, -1).mean(axis=2) + FLOOR).mean(axis=0)
    level = float(bands.mean())
    relative = {f"band_{at:02d}": float(value) - level for at, value in enumerate(bands)}
    return {"level": level, **relative}


def _is_silent(num_frames: int, case: Case) -> Bool[np.ndarray, " frame"]:
    is_silent = np.ones(num_frames, dtype=np.bool_)
    for word in case.transcript.words:
        if word.start_s is not None and word.end_s is not None:
            first = int(max(0.0, word.start_s - MARGIN_S) * SAMPLE_RATE_HZ) // FRAME
            last = int((word.end_s + MARGIN_S) * SAMPLE_RATE_HZ) // FRAME
            is_silent[first : last + 1] = False
    return is_silent
