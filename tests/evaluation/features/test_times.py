"""Lengths, pauses and demographics against values computed by hand."""

import dataclasses
import math

import numpy as np
import pytest

from cases import make_case
from cogspeech.evaluation.features.demographics import demographic_features
from cogspeech.evaluation.features.length import length_features
from cogspeech.evaluation.features.pauses import PAUSES, pause_features
from cogspeech.types import Word


def with_words(*words):
    case = make_case(1, "control")
    return dataclasses.replace(case, transcript=dataclasses.replace(case.transcript, words=words))


def word(start_s, end_s, text="word", **more):
    return Word(text=text, start_s=start_s, end_s=end_s, **more)


def test_pauses_are_what_counting_gives():
    found = pause_features(
        with_words(
            word(0.0, 1.0),
            word(1.1, 2.0),  # 0.1 s: none
            word(2.3, 3.0),  # 0.3 s
            word(3.0, 3.5, "uh", is_filler=True),
            word(5.5, 6.0),  # 2 s
        )
    )
    known_s = 1.0 + 0.9 + 0.7 + 0.5 + 0.5 + 0.3 + 2.0

    assert found["pauses_per_min"] == pytest.approx(2 * 60 / known_s)
    assert found["pauses_per_word"] == pytest.approx(2 / 5)
    assert found["pause_share"] == pytest.approx(2.3 / known_s)
    assert found["log_mean_pause_s"] == pytest.approx(math.log(2.3 / 2))
    assert found["log_longest_pause_s"] == pytest.approx(math.log(2.0))
    assert found["pauses_0.15_to_0.5_s_per_min"] == pytest.approx(60 / known_s)
    assert found["pauses_0.5_to_1_s_per_min"] == 0
    assert found["pauses_2_to_inf_s_per_min"] == pytest.approx(60 / known_s)
    assert found["filled_pauses_per_min"] == pytest.approx(60 / known_s)
    assert found["filled_pause_share"] == pytest.approx(0.5 / known_s)
    assert set(found) == set(PAUSES)


def test_a_gap_in_which_somebody_else_speaks_is_no_pause():
    found = pause_features(
        with_words(word(0.0, 1.0), word(1.2, 2.8, speaker="interviewer"), word(3.0, 4.0))
    )

    assert found["pauses_per_min"] == found["pause_share"] == 0


def test_without_a_pause_there_is_no_duration_of_pauses():
    found = pause_features(with_words(word(0.0, 1.0)))

    assert found["pauses_per_min"] == 0
    assert not {"log_mean_pause_s", "log_longest_pause_s"} & found.keys()


@pytest.mark.parametrize(
    "words",
    [
        (Word(text="untimed"),),
        (word(0.0, 1.0, spread=True), word(1.5, 2.5, spread=True)),
        (word(1.0, 1.0),),
        (word(0.0, 1.0, speaker="interviewer"),),
    ],
    ids=["untimed", "spread", "instant", "interviewer"],
)
def test_nothing_is_told_of_pauses_where_no_time_was_measured(words):
    assert pause_features(with_words(*words)) == {}


def test_length_is_logarithms_of_words_time_and_rate():
    case = make_case(1, "control", words=8)
    end_s = case.embedded.event_start_s[-1] + case.embedded.event_duration_s[-1]

    found = length_features(case)

    assert np.exp([*found.values()]) == pytest.approx([8, end_s, 8 / end_s])


def test_demographics_are_what_the_table_says_and_nothing_more():
    recording = make_case(1, "control").recording

    assert demographic_features(recording) == {}
    for sex, is_female in (("female", 1.0), ("F", 1.0), (" male ", 0.0), ("M", 0.0)):
        found = demographic_features(dataclasses.replace(recording, sex=sex, age_years=71.5))
        assert found == {"is_female": is_female, "age_years": 71.5}
    assert demographic_features(dataclasses.replace(recording, sex="2")) == {}
    assert demographic_features(dataclasses.replace(recording, education_years=0.0)) == {
        "education_years": 0.0
    }
