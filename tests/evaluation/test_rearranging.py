"""What is exchanged between embedded recordings, and what stays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogspeech.evaluation.rearranging import (
    num_words,
    spoken_words,
    with_audio_of,
    with_shifted_audio,
    with_words,
)
from conftest import make_embedded


def same(a, b, *, but=()):
    names = ("event_vectors", "event_word", "event_is_pause", "event_duration_s",
             "token_vectors", "token_word")  # fmt: skip
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in names if n not in but)


@given(words=st.integers(1, 12), seed=st.integers(0, 99))
def test_the_own_words_in_their_own_order_are_the_recording(words, seed):
    recording = make_embedded(words=words, seed=seed)

    assert same(with_words(recording, spoken_words(recording)), recording)


@given(words=st.integers(2, 12), seed=st.integers(0, 99), order=st.randoms())
def test_a_word_keeps_its_tokens_its_sound_and_its_pause(words, seed, order):
    recording = make_embedded(words=words, seed=seed)
    positions = list(range(words))
    order.shuffle(positions)
    own = spoken_words(recording)

    mixed = with_words(recording, [own[at] for at in positions])

    for now, before in enumerate(positions):
        for vectors, word in (("event_vectors", "event_word"), ("token_vectors", "token_word"),
                              ("event_duration_s", "event_word")):  # fmt: skip
            np.testing.assert_array_equal(
                getattr(mixed, vectors)[getattr(mixed, word) == now],
                getattr(recording, vectors)[getattr(recording, word) == before],
            )


def test_words_without_any_event_make_no_recording():
    recording = make_embedded(words=4)
    own = spoken_words(recording)
    silent = [type(own[0])(of=recording, events=own[0].events[:0], tokens=own[0].tokens)]

    assert with_words(recording, silent) is None


@given(of_text=st.integers(1, 12), of_audio=st.integers(1, 12))
def test_the_audio_of_another_is_stretched_over_all_words(of_text, of_audio):
    text, audio = make_embedded(words=of_text, seed=1), make_embedded(words=of_audio, seed=2)

    joined = with_audio_of(text, audio)

    assert same(joined, text, but=("event_vectors", "event_word", "event_is_pause",
                                   "event_duration_s"))  # fmt: skip
    np.testing.assert_array_equal(joined.event_vectors, audio.event_vectors)
    assert np.all(np.diff(joined.event_word) >= 0)
    assert joined.event_word.min() >= 0
    assert joined.event_word.max() < num_words(text)
    if of_text == of_audio:
        np.testing.assert_array_equal(joined.event_word, audio.event_word)


@given(words=st.integers(1, 12), seed=st.integers(0, 99))
def test_a_shift_of_nothing_changes_nothing(words, seed):
    recording = make_embedded(words=words, seed=seed)

    assert same(with_shifted_audio(recording, 0.0), recording)


@given(
    words=st.integers(2, 12),
    seed=st.integers(0, 99),
    shifts=st.lists(st.floats(0, 3), min_size=2, max_size=2),
)
def test_a_longer_shift_moves_events_further_back(words, seed, shifts):
    recording = make_embedded(words=words, seed=seed)
    short, long = (with_shifted_audio(recording, shift) for shift in sorted(shifts))

    assert same(long, recording, but=("event_word",))
    assert np.all(long.event_word <= short.event_word)
    assert np.all(short.event_word <= recording.event_word)
    assert long.event_word.min() >= 0


def test_half_a_second_moves_words_of_half_a_second_by_one():
    recording = make_embedded(words=4)
    recording = type(recording)(
        **{
            **{name: getattr(recording, name) for name in recording.__slots__},
            "event_vectors": recording.event_vectors[:4],
            "event_word": np.arange(4),
            "event_is_pause": np.zeros(4, dtype=bool),
            "event_start_s": 0.5 * np.arange(4),
            "event_duration_s": np.full(4, 0.5),
        }
    )

    assert with_shifted_audio(recording, 0.5).event_word.tolist() == [0, 0, 1, 2]
    assert with_shifted_audio(recording, 0.2).event_word.tolist() == [0, 1, 2, 3]
    assert with_shifted_audio(recording, 0.3).event_word.tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("shift_s", [0.1, 0.5])
def test_pauses_move_with_the_sound(shift_s):
    recording = make_embedded(words=9, seed=3)
    moved = with_shifted_audio(recording, shift_s)

    np.testing.assert_array_equal(moved.event_is_pause, recording.event_is_pause)
    np.testing.assert_array_equal(moved.event_vectors, recording.event_vectors)
