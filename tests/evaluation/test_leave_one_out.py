"""What leaving one participant out does to an AUROC where there is nothing to find."""

import numpy as np
import pytest

from leave_one_out import WAYS, estimate


@pytest.mark.slow
def test_a_partner_left_out_takes_most_of_the_bias_and_pairs_have_none():
    """60 corpora of noise; the long version is benchmarks/leave_one_out.py."""
    found = {
        how: [estimate(0.0, 16, 16, 3, how=how, seed=seed) for seed in range(60)]
        for how in WAYS
        if how != "five folds"
    }
    mean = {how: np.mean([e.estimate for e in all_of]) for how, all_of in found.items()}

    assert mean["alone"] + 0.02 < mean["alone, with a partner"] < 0.5
    assert abs(mean["pairs"] - 0.5) <= 0.03
    for how in ("pairs", "alone, with a partner"):
        assert np.mean([e.low <= 0.5 <= e.high for e in found[how]]) >= 0.9, how
