import numpy as np
import pytest
from test_comparison import repeated
from test_metrics import predictions, random_case

from cogspeech.evaluation.comparison import compare_with_primary
from cogspeech.evaluation.detectable import detectable_differences, sentence
from cogspeech.evaluation.metrics import scores_of
from cogspeech.evaluation.paired_tests import mcnemar_detectable


def test_one_participant_weighs_what_it_should():
    labels = np.array([1] * 30 + [0] * 20)
    scores = scores_of(predictions(labels, random_case(n=50)[1]), "s")

    found = detectable_differences(scores, ())

    points = (found.accuracy_point, found.sensitivity_point, found.specificity_point)
    assert points == pytest.approx((2.0, 100 / 30, 5.0))
    assert (found.n, found.n_positive, found.n_negative) == (50, 30, 20)


def test_without_a_comparison_the_disagreement_is_assumed_and_said():
    labels, probabilities = random_case(n=71)

    found = detectable_differences(scores_of(predictions(labels, probabilities), "s"), ())

    assert found.is_assumed
    assert found.accuracy == mcnemar_detectable(71, 0.2)
    assert "if systems disagree about 20 % of the people" in sentence(found)


def test_with_comparisons_the_smallest_observed_one_counts():
    rows = repeated(0, n=60)
    comparisons = compare_with_primary(rows, "a", ["b"])

    found = detectable_differences(scores_of(rows, "a"), comparisons)

    assert not found.is_assumed
    assert found.auroc == comparisons[0].detectable
    assert found.accuracy == comparisons[1].detectable
    assert "assume" not in sentence(found)


def test_a_system_compared_with_itself_tells_nothing_of_the_spread():
    labels, probabilities = random_case(n=71)
    rows = predictions(labels, probabilities, system="a") + predictions(
        labels, probabilities, system="b"
    )

    found = detectable_differences(scores_of(rows, "a"), compare_with_primary(rows, "a", ["b"]))

    assert found.auroc is not None
    assert found.accuracy is not None


def test_too_few_participants_are_told_that_they_can_show_nothing():
    found = detectable_differences(scores_of(predictions([0, 1, 0, 1], [0, 1, 0, 1]), "s"), ())

    assert "no difference at all can be detected here" in sentence(found)
