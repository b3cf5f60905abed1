import numpy as np

from cogspeech.embeddings.hashed_words import HashedWordsEncoder


def encode(*words, size=64):
    return HashedWordsEncoder(HashedWordsEncoder.Options(size=size)).encode(words)


def test_one_token_per_word_in_order():
    tokens = encode("the", "ladder", "the")

    assert tokens.word_index.tolist() == [0, 1, 2]
    assert tokens.vectors.shape == (3, 65)
    np.testing.assert_array_equal(tokens.vectors[0], tokens.vectors[2])


def test_case_and_unicode_form_do_not_matter():
    tokens = encode("Café", "cafe\u0301")

    np.testing.assert_array_equal(tokens.vectors[0], tokens.vectors[1])


def test_related_words_are_nearer_than_others():
    ladder, ladders, boat = encode("ladder", "ladders", "boat").vectors[:, :-1]

    assert ladder @ ladders > 0.4 > abs(ladder @ boat)


def test_no_word_gives_a_zero_vector():
    letters = encode(*"abcdefghijklmnopqrstuvwxyz", "?", "漢", size=8).vectors

    assert np.linalg.norm(letters, axis=1).min() > 0.1
