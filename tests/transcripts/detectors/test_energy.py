"""Sounds above the noise, as spans."""

import numpy as np

from cogspeech.config import TranscriptsSection
from cogspeech.transcripts.voice_activity import build_detector

RATE_HZ = 16_000


def detect(samples):
    return build_detector(TranscriptsSection(voice_activity="energy")).detect(samples)


def test_two_sounds_are_two_stretches():
    generator = np.random.default_rng(0)
    samples = 1e-3 * generator.standard_normal(4 * RATE_HZ)
    for start in (1, 3):
        samples[start * RATE_HZ : start * RATE_HZ + 8000] += 0.3 * generator.uniform(-1, 1, 8000)

    spans = detect(samples.astype(np.float32))

    assert np.abs(spans - [[1.0, 1.5], [3.0, 3.5]]).max() < 0.03


def test_silence_has_no_stretch():
    assert detect(np.zeros(RATE_HZ, dtype=np.float32)).shape == (0, 2)
