"""Do the intervals hold what they promise where there is nothing to find?"""

import numpy as np

from interval_coverage import null_estimates


def test_intervals_of_cross_validation_cover_chance():
    """150 corpora of noise; the long version is benchmarks/interval_coverage.py."""
    found = null_estimates(participants=80, features=3, repeats=1, corpora=150)

    assert np.mean([e.low <= 0.5 <= e.high for e in found]) >= 0.92
    assert abs(np.mean([e.estimate for e in found]) - 0.5) <= 0.02
