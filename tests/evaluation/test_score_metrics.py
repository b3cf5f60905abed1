"""Metrics of a predicted score, against scikit-learn and scipy and against what they must mean."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn import metrics as oracle

from cogspeech.evaluation.score_metrics import (
    PredictedScores,
    predicted_scores_of,
    score_estimates,
)
from cogspeech.types import Prediction, ScorePrediction


def scores(
    seed: int = 0, *, people: int = 40, runs: int = 1, folds: int = 1, visits: int = 1
) -> PredictedScores:
    generator = np.random.default_rng(seed)
    owner = np.repeat(np.arange(people), visits)
    measured = generator.integers(8, 31, size=len(owner)).astype(float)
    fold = np.tile(owner % folds, (runs, 1))
    return PredictedScores(
        owner=owner,
        measured=measured,
        predicted=0.5 * measured + 9 + generator.normal(0, 3, size=(runs, len(owner))).round(1),
        guessed=19.0 + fold,
        fold=fold,
    )


def values(found: PredictedScores) -> dict[str, float]:
    return {name: each.estimate for name, each in score_estimates(found).items()}


def concordance(x: np.ndarray, y: np.ndarray) -> float:
    """Lin (1989), from its definition."""
    apart = np.mean(np.square(x - y))
    return 1 - apart / (np.var(x) + np.var(y) + np.square(np.mean(x) - np.mean(y)))


@pytest.mark.parametrize("seed", range(5))
def test_estimates_are_those_of_scikit_learn_and_scipy(seed: int) -> None:
    made = scores(seed)
    measured, predicted = made.measured, made.predicted[0]

    found = values(made)

    squared = oracle.mean_squared_error(measured, predicted)
    expected = {
        "mae": oracle.mean_absolute_error(measured, predicted),
        "rmse": oracle.root_mean_squared_error(measured, predicted),
        "spearman": spearmanr(measured, predicted).statistic,
        "ccc": concordance(measured, predicted),
        "skill": 1 - squared / oracle.mean_squared_error(measured, made.guessed[0]),
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


def test_skill_against_the_mean_of_the_tested_is_r_squared() -> None:
    made = scores()
    known = dataclasses.replace(made, guessed=np.full((1, 40), made.measured.mean()))

    wanted = oracle.r2_score(made.measured, made.predicted[0])
    assert values(known)["skill"] == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("folds", [1, 4])
def test_perfect_answers_are_perfect_and_guesses_are_not(folds: int) -> None:
    made = scores(folds=folds)
    perfect = dataclasses.replace(made, predicted=made.measured[None])
    guess = dataclasses.replace(made, predicted=made.guessed)

    assert values(perfect) == pytest.approx(
        {"mae": 0.0, "rmse": 0.0, "spearman": 1.0, "ccc": 1.0, "skill": 1.0}, abs=1e-12
    )
    found = score_estimates(guess)
    assert found["skill"].estimate == 0.0
    assert (found["spearman"].low, found["spearman"].high) == (0.0, 0.0)


def test_a_bias_spoils_the_concordance_and_not_the_ranks() -> None:
    made = scores()
    biased = values(dataclasses.replace(made, predicted=made.measured[None] + 5.0))

    assert biased["spearman"] == pytest.approx(1.0)
    assert biased["mae"] == pytest.approx(5.0)
    assert biased["ccc"] < 0.9


def test_a_person_weighs_the_same_however_often_they_came() -> None:
    once = scores(people=20)
    twice = PredictedScores(
        owner=np.repeat(once.owner, np.where(once.owner < 7, 3, 1)),
        **{
            name: np.repeat(getattr(once, name), np.where(once.owner < 7, 3, 1), axis=-1)
            for name in ("measured", "predicted", "guessed", "fold")
        },
    )

    assert values(twice) == pytest.approx(values(once), abs=1e-12)
    assert {each.n for each in score_estimates(twice).values()} == {20}


def test_ranks_are_compared_inside_a_fold() -> None:
    """Pooled, the means of the training sides would rank the people of one fold above another's."""
    made = scores(folds=4)
    apart = dataclasses.replace(made, predicted=made.predicted - 100.0 * made.fold)

    inside = [
        spearmanr(made.measured[made.fold[0] == f], made.predicted[0][made.fold[0] == f]).statistic
        for f in range(4)
    ]
    assert values(apart)["spearman"] == pytest.approx(np.mean(inside), abs=1e-12)
    assert values(made)["spearman"] == pytest.approx(np.mean(inside), abs=1e-12)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1, 3]), st.sampled_from([1, 2]))
def test_intervals_hold_the_estimate_and_who_comes_first_does_not_matter(
    seed: int, folds: int, visits: int
) -> None:
    made = scores(seed, people=15, runs=2, folds=folds, visits=visits)
    order = np.random.default_rng(seed).permutation(len(made.owner))
    mixed = PredictedScores(
        **{f.name: getattr(made, f.name)[..., order] for f in dataclasses.fields(made)}
    )

    found = score_estimates(made)

    assert values(mixed) == pytest.approx(values(made), abs=1e-12)
    for name, each in found.items():
        assert each.low <= each.estimate <= each.high
        assert math.isfinite(each.low)
        assert each.high <= 1.0 or name in {"mae", "rmse"}
        assert each.low >= -1.0 or name == "skill"


def test_more_people_make_the_intervals_narrower() -> None:
    few, many = score_estimates(scores(people=20)), score_estimates(scores(people=320))

    for name in few:
        assert many[name].high - many[name].low < few[name].high - few[name].low


def said(person: str, score: float | None, **changes: object) -> Prediction:
    return Prediction(
        **{  # type: ignore[arg-type]
            "system": "s",
            "repeat": 0,
            "fold": 0,
            "seed": 1,
            "participant_id": person,
            "recording_id": person,
            "label": 0,
            "probability": 0.4,
            "score": score,
            "predicted_score": 21.0,
            **changes,
        }
    )


def test_only_recordings_with_a_score_count() -> None:
    rows = [said("a", 20.0), said("b", 24.0), said("c", None)]

    found = predicted_scores_of(rows, "s", {(0, 0): 22.0})

    assert found is not None
    assert found.measured.tolist() == [20.0, 24.0]
    assert {each.n for each in score_estimates(found).values()} == {2}
    assert predicted_scores_of([said("a", 20.0, predicted_score=None)], "s", {}) is None


def test_one_participant_has_no_interval_and_so_no_estimate() -> None:
    found = predicted_scores_of([said("a", 20.0)], "s", {(0, 0): 22.0})

    assert found is not None
    assert score_estimates(found) == {}


def test_a_run_that_lacks_a_recording_is_refused() -> None:
    row = ScorePrediction(
        system="s",
        repeat=0,
        fold=0,
        seed=1,
        participant_id="a",
        recording_id="a",
        score=20.0,
        predicted_score=21.0,
    )
    other = dataclasses.replace(row, participant_id="b", recording_id="b", seed=2)

    with pytest.raises(ValueError, match="lacks predictions"):
        predicted_scores_of([row, other], "s", {(0, 0): 22.0})


def test_nobody_is_ranked_who_was_tested_alone() -> None:
    assert "spearman" not in values(scores(folds=40))
    assert "spearman" not in values(scores(folds=40, visits=2))
    assert values(scores(folds=39))["mae"] == pytest.approx(values(scores(folds=40))["mae"])
    assert "spearman" in values(scores(folds=39))
