"""Bursts of noise stand for speech: where they begin and end is known to the sample."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogspeech.transcripts.speech_energy import (
    CLAIM_S,
    FRAME_S,
    MIN_WORD_S,
    SAMPLE_RATE_HZ,
    SpeechEnergy,
    excerpt,
    find_speech,
    fit_words,
    stretches,
    trim_words,
    widen_words,
)
from cogspeech.types import Phone, Word


def _samples(bursts, length_s, *, noise=1e-3, seed=0):
    generator = np.random.default_rng(seed)
    samples = noise * generator.standard_normal(round(length_s * SAMPLE_RATE_HZ))
    for start_s, end_s in bursts:
        first, last = round(start_s * SAMPLE_RATE_HZ), round(end_s * SAMPLE_RATE_HZ)
        samples[first:last] += 0.1 * generator.standard_normal(last - first)
    return samples.astype(np.float32)


def _energy(flags):
    is_speech = np.array(flags, dtype=np.bool_)
    return SpeechEnergy(power=np.where(is_speech, 1.0, 1e-6), is_speech=is_speech)


@pytest.mark.parametrize("noise", [0.0, 1e-4, 1e-3, 1e-2])
def test_speech_is_found_where_it_is(noise) -> None:
    bursts = [(0.5, 0.8), (1.2, 1.21 + 0.3), (3.0, 4.5)]

    speech = find_speech(_samples(bursts, 5.0, noise=noise))

    found = np.array(speech.runs(0.0, 5.0))
    assert found == pytest.approx(np.array(bursts), abs=0.02)
    assert speech.duration_s == pytest.approx(5.0)


def test_a_short_silence_divides_nothing_unless_it_is_asked_for() -> None:
    speech = find_speech(_samples([(0.5, 0.8), (0.9, 1.2)], 2.0))

    assert speech.runs(0.0, 2.0) == [pytest.approx((0.5, 1.2), abs=0.02)]
    assert len(speech.runs(0.0, 2.0, gap_s=0.05)) == 2


def test_a_click_is_no_speech() -> None:
    samples = _samples([(1.0, 1.5)], 3.0)
    samples[40_000:40_020] = 0.5

    assert len(find_speech(samples).runs(0.0, 3.0)) == 1


def test_an_offset_and_mains_hum_are_no_speech() -> None:
    samples = _samples([(1.0, 1.5)], 3.0)
    at_s = np.arange(len(samples)) / SAMPLE_RATE_HZ
    hum = (0.2 + 0.1 * np.sin(2 * np.pi * 50 * at_s)).astype(np.float32)

    assert find_speech(samples + hum).runs(0.0, 3.0) == [pytest.approx((1.0, 1.5), abs=0.02)]


@pytest.mark.parametrize("gain", [1e-5, 1.0, 1e28])
def test_the_level_of_the_recording_does_not_matter(gain) -> None:
    samples = _samples([(1.0, 1.5)], 3.0)

    speech = find_speech((samples.astype(np.float64) * gain).astype(np.float32))

    assert (speech.is_speech == find_speech(samples).is_speech).all()


def test_where_nothing_can_be_told_apart_all_is_speech() -> None:
    assert find_speech(_samples([], 2.0, noise=0.1)).is_speech.all()


def test_digital_silence_is_no_speech() -> None:
    assert not find_speech(np.zeros(8_000, dtype=np.float32)).is_speech.any()
    assert find_speech(np.zeros(0, dtype=np.float32)).runs(0.0, 1.0) == []


def test_frames_do_not_depend_on_the_block_they_lie_in() -> None:
    samples = _samples([(10.0, 11.0), (81.0, 84.5)], 90.0)  # a block is 81.92 s

    whole = find_speech(samples)

    assert whole.runs(0.0, 90.0) == [
        pytest.approx((10.0, 11.0), abs=0.02), pytest.approx((81.0, 84.5), abs=0.02)
    ]  # fmt: skip


words_of_a_recording = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 60)), min_size=1, max_size=8
)
energies = st.lists(st.booleans(), min_size=1, max_size=300).map(_energy)


def _words(gaps_and_lengths):
    at, words = 0, []
    for gap, length in gaps_and_lengths:
        at += gap
        words.append(Word(text="w", start_s=at / 100, end_s=(at + length) / 100))
        at += length
    return tuple(words)


@given(words_of_a_recording, energies)
def test_trimming_only_cuts(words, speech) -> None:
    words = _words(words)
    trimmed = trim_words(words, speech)

    for before, after in zip(words, trimmed, strict=True):
        assert before.start_s - 1e-9 <= after.start_s < after.end_s <= before.end_s + 1e-9
        shortest_s = min(MIN_WORD_S, before.end_s - before.start_s)
        assert after.end_s - after.start_s >= shortest_s - 1e-9
        lost_s = (before.end_s - before.start_s) - (after.end_s - after.start_s)
        assert (after.repair == "trimmed") == (lost_s > 0.05)


@given(words_of_a_recording, energies)
def test_fitted_words_stay_in_order_and_never_overlap(words, speech) -> None:
    words = _words(words)
    fitted = fit_words(words, speech)

    for before, after in zip(words, fitted, strict=True):
        assert after.start_s >= before.start_s - CLAIM_S - 1e-9
        assert after.end_s <= before.end_s + CLAIM_S + 1e-9
    for before, after in itertools.pairwise(fitted):
        assert before.end_s <= after.start_s + 1e-9


@given(words_of_a_recording, energies)
def test_fitting_twice_is_fitting_once(words, speech) -> None:
    once = trim_words(_words(words), speech)

    twice = trim_words(once, speech)

    for before, after in zip(once, twice, strict=True):
        assert (after.start_s, after.end_s) == pytest.approx((before.start_s, before.end_s))


def test_a_word_over_a_pause_keeps_its_louder_part() -> None:
    speech = find_speech(_samples([(1.0, 1.3), (2.0, 2.6)], 3.0))

    [trimmed] = trim_words([Word(text="w", start_s=0.8, end_s=2.9)], speech)

    assert (trimmed.start_s, trimmed.end_s) == pytest.approx((2.0, 2.6), abs=0.02)
    assert trimmed.repair == "trimmed"


def test_the_outermost_words_take_the_speech_beside_them() -> None:
    speech = find_speech(_samples([(1.0, 2.0)], 3.0))
    words = [Word(text="a", start_s=1.2, end_s=1.5), Word(text="b", start_s=1.5, end_s=1.8)]

    first, last = widen_words(words, speech)

    assert (first.start_s, first.end_s) == pytest.approx((1.0, 1.5), abs=0.02)
    assert (last.start_s, last.end_s) == pytest.approx((1.5, 2.0), abs=0.02)


def test_more_speech_than_a_sound_lasts_is_not_taken() -> None:
    speech = find_speech(_samples([(0.5, 2.0)], 3.0))
    word = Word(text="a", start_s=0.5 + CLAIM_S + 0.1, end_s=1.0)

    assert widen_words([word], speech) == (word,)


def test_a_word_in_silence_takes_no_speech_across_it() -> None:
    speech = find_speech(_samples([(1.0, 1.1), (1.5, 1.8)], 3.0))
    word = Word(text="a", start_s=1.2, end_s=1.7)

    assert widen_words([word], speech)[0].start_s == 1.2


@pytest.mark.parametrize(
    "word",
    [
        Word(text="w"),
        Word(text="w", start_s=0.0, end_s=2.0, spread=True),
        Word(text="w", start_s=0.0, end_s=2.0, repair="interpolated"),
    ],
)
def test_times_that_were_not_measured_are_not_trimmed(word) -> None:
    assert trim_words([word], find_speech(_samples([(1.0, 1.5)], 3.0))) == (word,)


def test_phones_end_with_their_word() -> None:
    speech = find_speech(_samples([(1.0, 1.6)], 3.0))
    phones = tuple(
        Phone(label=label, start_s=start_s, end_s=end_s)
        for label, start_s, end_s in [
            ("K", 1.1, 1.2), ("AE", 1.2, 1.5), ("T", 1.5, 2.3), ("S", 2.3, 2.5)
        ]
    )  # fmt: skip

    [word] = fit_words([Word(text="cats", start_s=1.1, end_s=2.5, phones=phones)], speech)

    assert [phone.label for phone in word.phones] == ["K", "AE", "T"]
    assert word.phones[0].start_s == word.start_s == pytest.approx(1.0, abs=0.02)
    assert word.phones[-1].end_s == word.end_s == pytest.approx(1.6, abs=0.02)
    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(word.phones))


@given(energies, st.integers(1, 200))
def test_stretches_tile_a_span_and_hold_no_more_speech_than_allowed(speech, longest) -> None:
    end_s = speech.duration_s
    pieces = stretches(speech, 0.0, end_s, longest_s=longest / 100)

    assert pieces[0][0] == 0.0
    assert pieces[-1][1] == end_s
    assert all(a[1] == b[0] for a, b in itertools.pairwise(pieces))
    assert all(speech.speech_s(*piece) <= longest / 100 + FRAME_S + 1e-9 for piece in pieces)


@given(energies, st.integers(0, 100), st.integers(0, 300))
def test_an_excerpt_keeps_all_speech_and_knows_where_it_was(speech, start, length) -> None:
    samples = np.arange(len(speech.power) * 160, dtype=np.float32)
    start_s, end_s = start / 100, min((start + length) / 100, speech.duration_s)

    piece = excerpt(samples, speech, start_s, end_s)

    for at in range(0, len(piece.samples), 97):
        time_s = piece.recording_s(at / SAMPLE_RATE_HZ)
        assert samples[round(time_s * SAMPLE_RATE_HZ)] == piece.samples[at]
    heard = {round(float(value)) // 160 for value in piece.samples}
    inside = range(start, round(end_s * 100)) if end_s > start_s else ()
    assert {frame for frame in inside if speech.is_speech[frame]} <= heard
    if len(piece.samples):
        last_s = piece.recording_s(len(piece.samples) / SAMPLE_RATE_HZ, is_end=True)
        assert last_s <= end_s + 1e-9


def test_an_excerpt_cuts_long_silences() -> None:
    samples = _samples([(1.0, 1.5), (4.0, 4.5)], 6.0)

    piece = excerpt(samples, find_speech(samples), 0.0, 6.0)

    assert len(piece.samples) / SAMPLE_RATE_HZ == pytest.approx(1.4, abs=0.05)
    seam_s = float(piece.offsets_s[1])
    assert piece.recording_s(seam_s) == pytest.approx(3.9, abs=0.03)
    assert piece.recording_s(seam_s, is_end=True) == pytest.approx(1.6, abs=0.03)


def test_what_a_decoder_hears_is_never_silent_and_always_the_same() -> None:
    samples = np.concatenate([np.zeros(1_600), _samples([(0.0, 0.3)], 0.3, noise=0)])
    piece = excerpt(samples.astype(np.float32), _energy([True] * 40), 0.0, 0.4)

    heard = np.frombuffer(piece.pcm16(), dtype="<i2")

    assert len(heard) == len(piece.samples)
    assert np.abs(heard[:1_600]).max() > 0
    assert piece.pcm16() == piece.pcm16()
    louder = dataclasses.replace(piece, samples=piece.samples * 100)
    assert np.abs(np.frombuffer(louder.pcm16(), dtype="<i2").astype(int) - heard).max() <= 1
