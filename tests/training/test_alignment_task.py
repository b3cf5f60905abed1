"""Decision 4 as a test: only the pairing of a word and its prosody carries the label."""

import numpy as np
import pytest

from alignment_task import accuracy_of


@pytest.mark.parametrize(
    ("fusion", "count", "accuracy"),
    [
        pytest.param("aligned_cross_attention", 160, 0.97, marks=pytest.mark.slow),
        pytest.param("aligned_cross_attention", 80, 0.90, marks=pytest.mark.slow),
        pytest.param("word_concat", 80, 0.90, marks=pytest.mark.slow),
    ],
)
def test_a_fusion_that_knows_the_word_solves_it(fusion, count, accuracy):
    assert accuracy_of(fusion, seed=0, count=count) >= accuracy


@pytest.mark.slow
@pytest.mark.parametrize("fusion", ["pooled_cross_attention", "gated_cross_attention"])
def test_one_that_does_not_cannot(fusion):
    assert np.isclose(accuracy_of(fusion, seed=0), 0.5, atol=0.08)
