"""The same sound is found whatever was done to it; the same words said again are not."""

import io
import itertools

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.audit.groups import grouped
from cogspeech.audit.landmarks import (
    SAME,
    Landmarks,
    find_landmarks,
    find_matches,
    shared_landmarks,
)
from cogspeech.audit.spectrogram import HOP, RATE_HZ, log_spectrogram
from digit_corpora import SPEAKERS
from planted_digits import whole_clips

DIGITS_HZ = 8_000


@pytest.fixture(scope="module")
def clips(real_speech):
    return whole_clips(real_speech)


def spoken(clips, speaker, takes, digits, seed=0):
    """These digits in this order, with pauses of their own, at 8 kHz."""
    generator = np.random.default_rng(seed)
    pieces = []
    for digit, take in zip(digits, itertools.cycle(takes)):
        pieces += [np.zeros(generator.integers(800, 5_000)), clips[digit, speaker, take]]
    joined = np.concatenate(pieces)
    return joined + 3e-4 * generator.standard_normal(len(joined))


def landmarks(samples, rate_hz=DIGITS_HZ):
    heard = soxr.resample(samples, rate_hz, RATE_HZ).astype(np.float32)
    return find_landmarks(log_spectrogram(heard))


def through(samples, container, subtype, rate_hz=DIGITS_HZ):
    coded = io.BytesIO()
    soundfile.write(coded, samples, rate_hz, format=container, subtype=subtype)
    coded.seek(0)
    return soundfile.read(coded)[0]


def noisy(samples, level_db):
    noise = np.random.default_rng(9).standard_normal(len(samples))
    return samples + noise * np.sqrt(np.mean(samples**2)) * 10 ** (level_db / 20)


CHANGES = {
    "gain": lambda x: -0.05 * x,
    "telephone": lambda x: through(x, "WAV", "GSM610"),
    "vorbis": lambda x: through(x, "OGG", "VORBIS"),
    "noise at -15 dB": lambda x: noisy(x, -15),
    "first 40 % cut off": lambda x: x[round(0.4 * len(x)) + 77 :],
    "one offset": lambda x: x + 0.1,
    "hum": lambda x: x + 0.05 * np.sin(2 * np.pi * 300 * np.arange(len(x)) / DIGITS_HZ),
}


@pytest.mark.real_speech
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("speaker", SPEAKERS[:2])
def test_a_changed_copy_is_found(clips, speaker, change):
    original = spoken(clips, speaker, range(12), list(range(10)) * 2)

    (match,) = find_matches([landmarks(original), landmarks(change(original))])

    assert match.shared >= 2 * SAME


@pytest.mark.real_speech
def test_a_copy_of_60_percent_inside_other_speech_is_found_where_it_lies(clips):
    original = spoken(clips, "lucas", range(6), list(range(10)) * 2)
    other = spoken(clips, "lucas", range(6, 12), list(range(10)) * 2, seed=5)
    cut = round(0.4 * len(original))
    second = np.concatenate([original[cut:], other])[: len(original)]

    (match,) = find_matches([landmarks(original), landmarks(second)])

    assert match.shift_s == pytest.approx(-cut / DIGITS_HZ, abs=2 * HOP / RATE_HZ)


@pytest.mark.real_speech
@pytest.mark.parametrize("speaker", SPEAKERS)
def test_the_same_voice_with_the_same_words_is_no_copy(clips, speaker):
    """Ten recordings of the same twenty digits, every digit said anew."""
    digits = list(range(10)) * 2
    found = [landmarks(spoken(clips, speaker, [take], digits, seed=take)) for take in range(10)]

    assert find_matches(found) == ()


@pytest.mark.real_speech
def test_a_prompt_that_all_share_makes_no_copies_of_them(clips):
    prompt = spoken(clips, "nicolas", [14], range(4))
    found = [
        landmarks(
            np.concatenate(
                [prompt, *(spoken(clips, s, [t], range(10), t) for t in (n, n + 4, n + 8))]
            )
        )
        for n, s in enumerate(SPEAKERS)
    ]

    assert find_matches(found) == ()


@given(shift=st.integers(-300, 300), seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_all_landmarks_are_shared_at_the_right_distance_and_few_elsewhere(shift, seed):
    generator = np.random.default_rng(seed)
    frames = np.sort(generator.integers(400, 3_000, 400)).astype(np.int32)
    bins = generator.integers(0, 200, 400).astype(np.int16)
    first = Landmarks(frames=frames, bins=bins)
    second = Landmarks(frames=(frames + shift).astype(np.int32), bins=bins)

    assert shared_landmarks(first, second, shift) == 1.0
    assert shared_landmarks(first, second, shift + 50) < 0.1
    assert [m.shift_s for m in find_matches([first, second])] == [
        pytest.approx(shift * HOP / RATE_HZ, abs=2 * HOP / RATE_HZ)
    ]


def test_what_has_hardly_any_landmarks_is_never_a_copy():
    few = Landmarks(frames=np.arange(5, dtype=np.int32) * 9, bins=np.arange(5, dtype=np.int16))

    assert find_matches([few, few]) == ()
    assert find_matches([few]) == ()


def test_groups_are_what_hangs_together():
    assert grouped([(5, 2), (2, 9), (1, 3)]) == [(1, 3), (2, 5, 9)]
    assert grouped([]) == []
