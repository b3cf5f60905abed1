"""Measures of the voice on signals whose measures are known, and on real voices."""

import dataclasses

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import make_case
from cogspeech.corpora.audio import read_audio
from cogspeech.errors import AudioError, MissingExtra
from cogspeech.evaluation.features import egemaps
from cogspeech.evaluation.features.acoustics import (
    ACOUSTICS,
    KERNEL,
    STRIDE,
    acoustic_features,
    features_of_samples,
    in_words,
)
from cogspeech.evaluation.features.egemaps import FUNCTIONALS, geneva_functionals
from cogspeech.types import Word

RATE_HZ = 16_000
VOICES = ("jackson", "lucas", "nicolas", "yweweler")


def buzz(pitch_hz, *, seconds=1.0, harmonics=8):
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tones = [np.sin(2 * np.pi * pitch_hz * k * time_s + k) / k for k in range(1, harmonics + 1)]
    return (0.1 * sum(tones)).astype(np.float32)


def noise(seconds=1.0):
    samples = np.random.default_rng(0).standard_normal(round(seconds * RATE_HZ))
    return (0.1 * samples).astype(np.float32)


def measured(samples):
    frames = max(0, (len(samples) - KERNEL) // STRIDE + 1)
    return features_of_samples(samples, np.ones(frames, dtype=bool))


def spoken(path, *words):
    case = make_case(1, "control")
    return dataclasses.replace(
        case,
        recording=dataclasses.replace(case.recording, audio_path=path),
        transcript=dataclasses.replace(case.transcript, words=words),
    )


@given(st.floats(min_value=75, max_value=390))
@settings(max_examples=40)
def test_the_pitch_of_a_buzz_is_found_without_an_octave_error(pitch_hz):
    found = measured(buzz(pitch_hz))

    assert 27.5 * 2 ** (found["pitch_semitones_mean"] / 12) == pytest.approx(pitch_hz, rel=0.005)
    assert found["voiced_share"] == 1.0
    assert found["harmonics_to_noise_db_mean"] > 20


def test_noise_has_no_pitch():
    found = measured(noise())

    assert found["voiced_share"] == 0
    assert not any(name.startswith(("pitch", "harmonics")) for name in found)


def test_harmonicity_is_the_ratio_that_was_mixed():
    voice, air = buzz(150, harmonics=1, seconds=4), noise(4)
    air *= np.sqrt(np.mean(voice**2) / np.mean(air**2)) / 10**0.5  # 10 dB below the voice

    assert measured(voice + air)["harmonics_to_noise_db_mean"] == pytest.approx(10, abs=1)


def test_the_tilt_of_a_spectrum_is_seen():
    white, dark = noise(), np.cumsum(noise())  # brown noise falls by 6 dB an octave

    flat, steep = measured(white), measured(dark.astype(np.float32))

    assert abs(flat["slope_500_1500_db_per_khz_mean"]) < 2
    assert steep["slope_500_1500_db_per_khz_mean"] < -6
    assert steep["alpha_ratio_db_mean"] > flat["alpha_ratio_db_mean"] + 10
    assert steep["hammarberg_index_db_mean"] > flat["hammarberg_index_db_mean"] + 5


@pytest.mark.parametrize("gain", [1e-3, 0.1, 7.0])
def test_the_level_of_a_microphone_changes_nothing(gain):
    samples = buzz(140) + noise() / 10

    quiet, loud = measured(samples), measured(np.float32(gain) * samples + np.float32(0.01 * gain))

    assert quiet.keys() == loud.keys()
    for name, value in quiet.items():
        assert loud[name] == pytest.approx(value, rel=1e-2, abs=1e-2), name


def test_a_frame_counts_where_its_middle_is_the_participants_alone():
    words = (
        Word(text="a", start_s=0.1, end_s=0.3),
        Word(text="b", start_s=0.2, end_s=0.25, speaker="interviewer"),
        Word(text="c", start_s=0.4, end_s=0.5, spread=True),
        Word(text="d"),
    )
    case = make_case(1, "control")
    transcript = dataclasses.replace(case.transcript, words=words)

    middles_s = (np.flatnonzero(in_words(transcript, 40)) * STRIDE + KERNEL / 2) / RATE_HZ

    assert all(0.1 <= m < 0.2 or 0.25 <= m < 0.3 for m in middles_s)
    assert len(middles_s) == 7


def test_what_lies_outside_the_words_changes_nothing(tmp_path):
    word = Word(text="one", start_s=0.5, end_s=1.5)
    found = []
    for name, around in (("a", noise(2)), ("b", 3 * noise(2)[::-1])):
        samples = around.copy()
        samples[round(0.45 * RATE_HZ) : round(1.55 * RATE_HZ)] = buzz(120, seconds=1.1)
        soundfile.write(tmp_path / f"{name}.wav", samples, RATE_HZ, subtype="FLOAT")
        found.append(acoustic_features(spoken(tmp_path / f"{name}.wav", word)))

    assert found[0] == found[1]
    assert set(found[0]) == set(ACOUSTICS)


@pytest.mark.parametrize(
    "samples", [np.zeros(RATE_HZ, np.float32), buzz(100, seconds=0.03), buzz(100, seconds=0.15)]
)
def test_nothing_is_told_of_silence_or_of_a_moment(samples):
    assert measured(samples) == {}


def test_words_beyond_the_end_of_the_audio_are_no_sound(tmp_path):
    soundfile.write(tmp_path / "a.wav", buzz(100), RATE_HZ)

    assert (
        acoustic_features(spoken(tmp_path / "a.wav", Word(text="a", start_s=2.0, end_s=3.0))) == {}
    )


def test_silence_from_start_to_end_is_refused_by_name(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE_HZ), RATE_HZ)

    with pytest.raises(AudioError, match=r"silent\.wav' is digital silence"):
        acoustic_features(spoken(tmp_path / "silent.wav", Word(text="a", start_s=0.0, end_s=1.0)))


@pytest.mark.real_speech
def test_real_voices_differ_from_each_other_more_than_from_themselves(real_speech):
    """Four men read digits: the pitch of each half of a voice is nearest to its other half."""
    halves = {}
    for voice in VOICES:
        for half, takes in enumerate((range(0, 6), range(6, 12))):
            pieces = [
                read_audio(
                    real_speech / "spoken-digits" / f"{d}_{voice}_{t}.wav", sample_rate_hz=RATE_HZ
                )
                for d in range(5)
                for t in takes
            ]
            found = measured(np.concatenate(pieces))
            assert set(found) == set(ACOUSTICS)
            assert 0.3 < found["voiced_share"] <= 1
            halves[voice, half] = found["pitch_semitones_mean"]
    for voice in VOICES:
        assert 70 < 27.5 * 2 ** (halves[voice, 0] / 12) < 200
        assert abs(halves[voice, 0] - halves[voice, 1]) < 2


def test_the_geneva_set_is_kept_and_hears_the_participant_alone(tmp_path, monkeypatch):
    samples = np.concatenate([buzz(120, seconds=2), buzz(300, seconds=2)])
    soundfile.write(tmp_path / "a.wav", samples, RATE_HZ)
    low = Word(text="low", start_s=0.0, end_s=2.0)
    high = Word(text="high", start_s=2.0, end_s=4.0, speaker="interviewer")

    found = geneva_functionals(spoken(tmp_path / "a.wav", low, high))
    everything = geneva_functionals(
        spoken(tmp_path / "a.wav", low, dataclasses.replace(high, speaker="participant"))
    )
    monkeypatch.setattr(egemaps, "open_smile", None)  # what is kept needs no library to be heard
    again = geneva_functionals(spoken(tmp_path / "a.wav", low, high))

    assert len(found) == FUNCTIONALS
    assert 27.5 * 2 ** (found[0] / 12) == pytest.approx(120, rel=0.02)
    assert everything[0] > found[0] + 3
    np.testing.assert_array_equal(again, found)


def test_the_geneva_set_says_nothing_without_a_turn(tmp_path):
    soundfile.write(tmp_path / "a.wav", buzz(100), RATE_HZ)

    assert geneva_functionals(spoken(tmp_path / "a.wav", Word(text="untimed"))) is None


def test_without_the_library_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opensmile", None)
    egemaps.open_smile.cache_clear()

    with pytest.raises(MissingExtra, match=r"pip install 'cogspeech\[opensmile\]'"):
        egemaps.open_smile()
