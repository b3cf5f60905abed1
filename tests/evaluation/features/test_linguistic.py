"""Measures of words against values computed by hand."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import make_case
from cogspeech.evaluation.features import english
from cogspeech.evaluation.features.linguistic import (
    LINGUISTIC,
    english_rates,
    linguistic_features,
    picture_units,
    plain,
    richness,
)
from cogspeech.types import Utterance, Word

SENTENCE = [
    *[
        "the",
        "boy",
        "is",
        "on",
        "the",
        "stool",
        "and",
        "he",
        "is",
        "stealing",
        "cookies",
        "from",
        "the",
        "jar",
    ]
]
ENGLISH_ONLY = {"pronoun_rate", "open_class_share", "idea_density", "vague_rate"}


def case_of(texts, *, language=None, task=None, utterances=()):
    case = make_case(1, "control", texts=list(texts))
    transcript = dataclasses.replace(case.transcript, language=language, utterances=utterances)
    recording = dataclasses.replace(case.recording, task=task)
    return dataclasses.replace(case, transcript=transcript, recording=recording)


def test_richness_is_what_the_formulas_give_by_hand():
    # 14 words, 11 types (the 3 times, is twice), 9 of them said once
    found = richness(SENTENCE)

    assert found["mattr"] == pytest.approx(11 / 14)
    assert found["brunet"] == pytest.approx(14 ** (11**-0.165))
    assert found["honore"] == pytest.approx(100 * math.log(14) / (1 - 9 / 11))


def test_the_moving_ratio_is_the_mean_over_windows_of_twenty():
    words = [*map(str, range(20)), "0", "0"]
    # windows from 0, 1 and 2: 20, 20 ("0" left, then came back) and 19 types of 20
    assert richness(words)["mattr"] == pytest.approx((20 + 20 + 19) / 60)


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60))
def test_richness_stays_in_its_bounds(words):
    found = richness(words)

    assert 1 / 20 <= found["mattr"] <= 1
    assert 1 <= found["brunet"] <= len(words)
    assert found.get("honore", 0) >= 0


def test_rates_are_what_counting_gives():
    found = english_rates(SENTENCE)

    assert found["pronoun_rate"] == pytest.approx(1 / 14)  # he
    assert found["determiner_rate"] == pytest.approx(3 / 14)
    assert found["preposition_rate"] == pytest.approx(2 / 14)  # on, from
    assert found["conjunction_rate"] == pytest.approx(1 / 14)
    assert found["auxiliary_rate"] == pytest.approx(2 / 14)
    assert found["open_class_share"] == pytest.approx(5 / 14)  # boy stool stealing cookies jar
    assert found["idea_density"] == pytest.approx(4 / 14)  # on, and, stealing, from


@pytest.mark.parametrize("word", ["ceiling", "thing", "family", "during"])
def test_an_ending_alone_makes_no_verb_and_no_adverb(word):
    found = english_rates([word, "boy"])

    assert found["adverb_rate"] == 0
    assert found["idea_density"] == (0.5 if word == "during" else 0)


def test_there_are_23_units_and_each_counts_once():
    everything = [word for names in english.COOKIE_THEFT_UNITS.values() for word in names]

    assert picture_units(everything) == len(english.COOKIE_THEFT_UNITS) == 23
    assert picture_units([*SENTENCE, *SENTENCE]) == 5  # boy, stool, taking, cookie, jar
    assert picture_units(["a", "harbour"]) == 0


@pytest.mark.parametrize(
    ("task", "language", "is_told"),
    [
        ("cookie", "en", True),
        ("cookie", "eng", True),
        ("Cookie", None, True),
        ("cookie", "es", False),
        ("picture", "en", False),
        (None, "en", False),
    ],
)
def test_the_units_of_the_picture_are_told_of_that_picture_alone(task, language, is_told):
    found = linguistic_features(case_of(SENTENCE, task=task, language=language))

    assert ("picture_units" in found) is is_told


def test_another_language_has_no_rates_of_english_words():
    there, here = (linguistic_features(case_of(SENTENCE, language=c)) for c in ("de", "en"))

    assert not ENGLISH_ONLY & there.keys()
    assert here.keys() >= ENGLISH_ONLY
    assert all(there[name] == here[name] for name in there)


def test_fillers_are_counted_once_and_count_as_nothing_else():
    found = linguistic_features(case_of(["uh", *SENTENCE, "um"], language="en"))
    without = linguistic_features(case_of(SENTENCE, language="en"))

    assert found.pop("filler_rate") == pytest.approx(2 / 16)
    assert without.pop("filler_rate") == 0
    assert found == without


def test_repetition_counts_the_same_word_and_the_same_pair():
    found = linguistic_features(case_of(["the", "the", "dog", "the", "dog"]))

    assert found["repeated_word_rate"] == pytest.approx(1 / 4)
    assert found["repeated_pair_rate"] == pytest.approx(1 / 4)  # the dog, twice


def test_utterances_of_others_and_empty_ones_have_no_length():
    words = (
        Word(text="what", speaker="interviewer"),
        Word(text="a"),
        Word(text="boy"),
        Word(text="um"),
        Word(text="yes"),
    )
    utterances = tuple(Utterance(first_word=a, last_word=b) for a, b in [(0, 1), (1, 4), (4, 5)])
    case = case_of(["x"], utterances=utterances)
    case = dataclasses.replace(case, transcript=dataclasses.replace(case.transcript, words=words))

    assert linguistic_features(case)["mean_utterance_words"] == pytest.approx((2 + 1) / 2)


@pytest.mark.parametrize("texts", [["word"], ["uh", "word"], ["...", "word"]])
def test_one_word_is_enough_for_what_one_word_can_tell(texts):
    found = linguistic_features(case_of(texts))

    assert found["mattr"] == 1.0
    assert "honore" not in found
    assert "repeated_word_rate" not in found
    assert set(found) <= set(LINGUISTIC)


@pytest.mark.parametrize("texts", [["uh", "um"], ["...", "?"]])
def test_nothing_is_told_where_nothing_was_said(texts):
    assert linguistic_features(case_of(texts)) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Boy,", "boy"),
        ("it\N{RIGHT SINGLE QUOTATION MARK}s", "it's"),
        ("?", ""),
        ("'cause", "cause"),
    ],
)
def test_words_are_compared_without_what_stands_around_them(text, expected):
    assert plain(text) == expected
