"""Ranges of a training: means over five people, and what lies outside of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogspeech.training.training_ranges import (
    FEWEST_PEOPLE,
    MEASURES,
    TrainingRange,
    ranges_of,
    shared_values,
)

BY_NAME = {measure.name: measure for measure in MEASURES}
LEVELS = st.lists(st.floats(-80, 0), min_size=FEWEST_PEOPLE, max_size=30)


def measured(**values):
    return dict.fromkeys(BY_NAME) | values


def of_people(name, values):
    return [(f"p{number}", measured(**{name: value})) for number, value in enumerate(values)]


@given(LEVELS)
def test_the_ends_are_the_means_of_the_five_outermost_people(levels):
    found = ranges_of(of_people("level_dbfs", levels))["level_dbfs"]

    assert found.low == pytest.approx(np.sort(levels)[:5].mean(), abs=1e-3)
    assert found.high == pytest.approx(np.sort(levels)[-5:].mean(), abs=1e-3)


@given(st.lists(st.floats(1, 1000), min_size=5, max_size=30))
def test_those_of_a_ratio_are_geometric(durations_s):
    found = ranges_of(of_people("duration_s", durations_s))["duration_s"]

    assert found.low == pytest.approx(np.exp(np.log(np.sort(durations_s)[:5]).mean()), rel=1e-4)


@given(st.lists(st.floats(-60, -20), min_size=5, max_size=20), st.floats(-80, 0))
def test_one_person_alone_moves_an_end_by_a_fifth_at_most(levels, extreme):
    before = ranges_of(of_people("level_dbfs", levels))["level_dbfs"]
    after = ranges_of(of_people("level_dbfs", [*levels, extreme]))["level_dbfs"]

    furthest = max(abs(extreme - level) for level in levels)
    assert abs(after.low - before.low) <= furthest / FEWEST_PEOPLE + 1e-3
    assert abs(after.high - before.high) <= furthest / FEWEST_PEOPLE + 1e-3


def test_five_recordings_of_one_person_are_one_person():
    pairs = [("p0", measured(words=float(count))) for count in range(10, 60)]

    assert ranges_of(pairs) == {}


def test_what_only_some_people_have_counts_only_them():
    pairs = of_people("snr_db", [10.0, 20.0, 30.0, 40.0, None, None])

    assert ranges_of(pairs) == {}


@pytest.mark.parametrize(
    ("name", "low", "high", "value", "side"),
    [
        ("level_dbfs", -30.0, -20.0, -33.0, 0),  # the slack of 3 dB
        ("level_dbfs", -30.0, -20.0, -33.1, -1),
        ("level_dbfs", -50.0, -10.0, -0.1, 0),  # a quarter of the width
        ("level_dbfs", -50.0, -10.0, 0.1, 1),
        ("duration_s", 20.0, 20.0, 24.9, 0),  # a factor of 1.25
        ("duration_s", 20.0, 20.0, 25.1, 1),
        ("duration_s", 20.0, 20.0, 15.9, -1),
        ("duration_s", 10.0, 160.0, 319.0, 0),  # a quarter of four octaves
        ("duration_s", 10.0, 160.0, 321.0, 1),
        ("words", 10.0, 20.0, 0.0, -1),
    ],
)
def test_outside_begins_beyond_the_margin(name, low, high, value, side):
    assert TrainingRange(low=low, high=high).side(value, BY_NAME[name]) == side


@given(LEVELS, st.floats(-100, 20), st.floats(-100, 20))
def test_sides_follow_the_order_of_the_values(levels, one, two):
    known = ranges_of(of_people("level_dbfs", levels))["level_dbfs"]
    measure = BY_NAME["level_dbfs"]

    sides = [known.side(value, measure) for value in sorted([one, two])]

    assert sides == sorted(sides)
    assert known.side((known.low + known.high) / 2, measure) == 0


def test_only_what_five_people_share_is_told():
    pairs = [(f"p{number}", "en") for number in range(5)]
    pairs += [("p0", "de")] * 7 + [("p1", None)]

    assert shared_values(pairs) == ("en",)


@pytest.mark.parametrize("bad", [{"low": 2.0, "high": 1.0}, {"low": math.nan, "high": 1.0}])
def test_a_range_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match=r"range|finite"):
        TrainingRange(**bad)
