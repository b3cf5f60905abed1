import numpy as np
import pytest

from cogspeech.embeddings.acoustic import AcousticEncoder
from cogspeech.embeddings.base import Level

RATE_HZ = 16_000


@pytest.fixture
def encoder():
    return AcousticEncoder(AcousticEncoder.Options(mel_bands=20))


def tone(frequency_hz, seconds=0.5):
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.sin(2 * np.pi * frequency_hz * time_s).astype(np.float32)


def test_frames_follow_the_geometry_and_the_dimension(encoder):
    frames = encoder.encode(tone(200)[None])

    assert frames.shape == (1, encoder.geometry.num_frames(RATE_HZ // 2), encoder.dimension)
    assert frames.dtype == np.float32


def test_the_band_of_a_tone_is_the_loudest(encoder):
    low, high = (encoder.encode(tone(f)[None])[0, 5, :20].argmax() for f in (300, 3000))

    assert low < high


def test_a_voice_is_voiced_and_noise_is_not(encoder):
    noise = np.random.default_rng(0).standard_normal(RATE_HZ // 2).astype(np.float32)
    harmonic = tone(120) + tone(240) + tone(360)

    voiced, unvoiced = (encoder.encode(x[None])[0, :, -1].mean() for x in (harmonic, noise))

    assert voiced > 0.95
    assert unvoiced < 0.6


def test_the_level_of_the_microphone_is_no_feature(encoder):
    samples = tone(200) + 0.1

    def encoded(scaled):
        level = Level(mean=float(scaled.mean()), variance=float(scaled.var()))
        return encoder.encode(encoder.prepare(scaled, level)[None])

    quiet, loud = (encoded(samples * gain) for gain in (0.01, 1.0))

    np.testing.assert_allclose(quiet, loud, atol=1e-3)


def test_a_frame_depends_on_its_own_samples_only(encoder):
    samples = np.random.default_rng(1).standard_normal(RATE_HZ).astype(np.float32)
    whole = encoder.encode(samples[None])[0]

    part = encoder.encode(samples[None, 10 * 320 : 10 * 320 + 3200])[0]

    np.testing.assert_allclose(part, whole[10 : 10 + len(part)], atol=1e-5)


def test_digital_silence_gives_finite_frames(encoder):
    assert np.isfinite(encoder.encode(np.zeros((1, 2000), dtype=np.float32))).all()
