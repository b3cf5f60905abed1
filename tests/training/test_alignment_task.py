"""Decision 4 as a test: only the pairing of a word and its prosody carries the label."""

import numpy as np
import pytest

from alignment_task import accuracy_of

pytestmark = pytest.mark.timeout(200)


def test_the_default_fusion_solves_it():
    assert accuracy_of("aligned_cross_attention", seed=0) >= 0.97


def test_a_pooled_text_cannot():
    assert np.isclose(accuracy_of("pooled_cross_attention", seed=0), 0.5, atol=0.08)
