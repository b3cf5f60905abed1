"""The checks of annotations that run with every other test see what is wrong."""

import numpy as np
import pytest
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import TypeCheckError

from cogspeech.evaluation.metrics import Scores
from cogspeech.evaluation.paired_tests import mcnemar_p, paired_bootstrap
from cogspeech.types import Estimate


def test_a_wrong_type_is_seen():
    with pytest.raises(BeartypeCallHintViolation):
        mcnemar_p("3", 2)
    with pytest.raises(BeartypeCallHintViolation):
        Estimate(estimate="0.5", low=0.4, high=0.6, n=10)


def test_one_name_of_a_size_stands_for_one_number():
    with pytest.raises(TypeCheckError):
        paired_bootstrap(np.zeros(3), np.zeros(4, dtype=np.int64), widen=1.0)
    with pytest.raises(TypeCheckError):
        Scores(
            participants=("a", "b"),
            labels=np.array([0, 1]),
            probability=np.zeros((1, 3)),
            fold=np.zeros((1, 2), dtype=np.int64),
        )
