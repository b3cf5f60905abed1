import itertools
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from cogspeech.evaluation.metrics import METRICS, estimate_all, scores_of
from cogspeech.evaluation.spread import SPREAD_METRICS, spread_of
from cogspeech.types import Prediction

LABELS = (0, 0, 0, 1, 1, 1)


def predictions(values, *, repeats, seeds):
    """One fold; ``values`` by repeat, seed and participant."""
    values = np.asarray(values).reshape(repeats, seeds, len(LABELS))
    return [
        Prediction(
            system="s",
            repeat=repeat,
            fold=0,
            seed=7 + seed,
            participant_id=f"p{person}",
            recording_id=f"r{person}",
            label=LABELS[person],
            probability=float(values[repeat, seed, person]),
        )
        for repeat, seed, person in itertools.product(
            range(repeats), range(seeds), range(len(LABELS))
        )
    ]


probability = st.floats(0, 1).map(lambda x: round(x, 2))


@settings(max_examples=15)
@given(st.lists(probability, min_size=36, max_size=36), st.randoms(use_true_random=False))
def test_every_run_is_told_and_none_is_chosen(values, random):
    given_predictions = predictions(values, repeats=2, seeds=3)
    random.shuffle(given_predictions)

    spread = spread_of(given_predictions, "s")

    runs = [roc_auc_score(LABELS, run) for run in np.reshape(values, (6, 6))]
    found = spread.runs["auroc"]
    assert found.mean == pytest.approx(statistics.mean(runs), abs=1e-12)
    assert found.sd == pytest.approx(statistics.stdev(runs), abs=1e-12)
    assert (found.lowest, found.highest) == pytest.approx((min(runs), max(runs)), abs=1e-12)
    halves = runs[:3], runs[3:]
    assert found.sd_over_seeds == pytest.approx(statistics.mean(map(statistics.stdev, halves)))
    assert found.sd_over_repeats == pytest.approx(statistics.stdev(map(statistics.mean, halves)))
    assert (spread.n_participants, spread.n_repeats, spread.n_seeds) == (6, 2, 3)


@settings(max_examples=15)
@given(st.lists(probability, min_size=36, max_size=36))
def test_the_mean_over_the_runs_is_the_metric_of_the_study(values):
    scores = scores_of(predictions(values, repeats=2, seeds=3), "s")

    spread = spread_of(predictions(values, repeats=2, seeds=3), "s")

    for name in SPREAD_METRICS:
        assert spread.runs[name].mean == pytest.approx(METRICS[name](scores).estimate, abs=1e-12)


@settings(max_examples=15)
@given(st.lists(probability, min_size=36, max_size=36))
def test_the_ensemble_is_the_mean_probability_of_the_seeds_of_a_repeat(values):
    spread = spread_of(predictions(values, repeats=2, seeds=3), "s")

    means = np.reshape(values, (2, 3, 6)).mean(axis=1)
    alone = scores_of(predictions(means, repeats=2, seeds=1), "s")
    assert spread.ensemble == estimate_all(alone)


def test_of_a_single_run_there_is_no_deviation_and_no_ensemble():
    spread = spread_of(predictions([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], repeats=1, seeds=1), "s")

    found = spread.runs["auroc"]
    assert (found.mean, found.lowest, found.highest) == (1.0, 1.0, 1.0)
    assert (found.sd, found.sd_over_seeds, found.sd_over_repeats) == (None, None, None)
    assert spread.ensemble is None
