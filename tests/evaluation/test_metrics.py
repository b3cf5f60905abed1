"""Metrics against scikit-learn where the two mean the same, and by hand where they do not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from cogspeech.evaluation import metrics
from cogspeech.evaluation.metrics import (
    METRICS,
    Scores,
    auroc_error,
    auroc_parts,
    estimate_all,
    scores_of,
)
from cogspeech.types import Prediction


def predictions(labels, probabilities, *, folds=None, repeat=0, seed=1, system="s"):
    folds = [0] * len(labels) if folds is None else folds
    return [
        Prediction(
            system=system,
            repeat=repeat,
            fold=int(fold),
            seed=seed,
            participant_id=f"p{index:03d}",
            recording_id=f"r{index:03d}",
            label=int(label),
            probability=float(probability),
        )
        for index, (label, probability, fold) in enumerate(
            zip(labels, probabilities, folds, strict=True)
        )
    ]


def random_case(n=60, seed=0, ties=False):
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(n) % 2)
    probabilities = np.clip(0.5 + 0.2 * (labels - 0.5) + 0.2 * generator.standard_normal(n), 0, 1)
    return labels, np.round(probabilities, 1) if ties else probabilities


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_one_run_in_one_fold_agrees_with_scikit_learn(seed, ties):
    labels, probabilities = random_case(seed=seed, ties=ties)
    decided = probabilities >= 0.5

    found = {
        name: estimate.estimate
        for name, estimate in estimate_all(
            scores_of(predictions(labels, probabilities), "s")
        ).items()
    }

    assert found == pytest.approx(
        {
            "auroc": sk.roc_auc_score(labels, probabilities),
            "auprc": sk.average_precision_score(labels, probabilities),
            "balanced_accuracy": sk.balanced_accuracy_score(labels, decided),
            "accuracy": sk.accuracy_score(labels, decided),
            "sensitivity": sk.recall_score(labels, decided),
            "specificity": sk.recall_score(labels, decided, pos_label=0),
            "f1": sk.f1_score(labels, decided),
            "brier": sk.brier_score_loss(labels, probabilities),
        },
        abs=1e-12,
    )


def test_only_pairs_of_one_fold_are_compared():
    """Within each fold the ranking is perfect; pooled it would be as bad as can be."""
    labels = [0, 1, 0, 1, 0, 1]
    probabilities = [0.80, 0.81, 0.50, 0.51, 0.10, 0.11]

    found = scores_of(predictions(labels, probabilities, folds=[0, 0, 1, 1, 2, 2]), "s")

    assert auroc_parts(found)[0] == 1.0
    assert METRICS["auprc"](found).estimate == 1.0
    assert sk.roc_auc_score(labels, probabilities) < 0.7


def test_folds_count_by_their_pairs():
    labels = [0, 1, 0, 0, 1, 1]
    probabilities = [0.5, 0.4, 0.1, 0.2, 0.9, 0.8]  # fold 0: 0 of 1 pair; fold 1: 4 of 4

    found = scores_of(predictions(labels, probabilities, folds=[0, 0, 1, 1, 1, 1]), "s")

    assert auroc_parts(found)[0] == pytest.approx(4 / 5)


def test_a_constant_has_no_ranking_and_no_uncertainty_about_it():
    labels = [0, 1, 1, 0, 1, 0, 1]
    by_fold = [0.3, 0.3, 0.3, 0.6, 0.6, 0.6, 0.6]

    found = METRICS["auroc"](
        scores_of(predictions(labels, by_fold, folds=[0, 0, 0, 1, 1, 1, 1]), "s")
    )

    assert (found.low, found.estimate, found.high) == (0.5, 0.5, 0.5)


@given(seed=st.integers(0, 10_000), folds=st.integers(1, 4))
def test_the_mean_of_all_shares_is_the_auroc(seed, folds):
    labels, probabilities = random_case(n=24, seed=seed, ties=True)
    fold = np.arange(24) // 2 % folds
    found = scores_of(predictions(labels, probabilities, folds=fold), "s")

    auroc, of_positives, of_negatives = auroc_parts(found)

    assert of_positives.mean() == pytest.approx(auroc, abs=1e-12)
    assert of_negatives.mean() == pytest.approx(auroc, abs=1e-12)
    assert auroc_error(of_positives, of_negatives) >= 0


def test_the_error_of_one_fold_is_that_of_delong():
    labels, probabilities = random_case(n=40, seed=3)
    positive, negative = probabilities[labels == 1], probabilities[labels == 0]
    wins = positive[:, None] > negative[None, :]
    delong = np.sqrt(
        np.var(wins.mean(1), ddof=1) / len(positive) + np.var(wins.mean(0), ddof=1) / len(negative)
    )

    _, *parts = auroc_parts(scores_of(predictions(labels, probabilities), "s"))

    assert auroc_error(*parts) == pytest.approx(delong, abs=1e-12)


def test_runs_are_averaged_and_recordings_of_a_person_are_one_vote():
    first = predictions([0, 1], [0.2, 0.9])
    second = predictions([0, 1], [0.4, 0.3], seed=2)
    visit = [
        Prediction(
            system="s", repeat=0, fold=0, seed=1, participant_id="p000", recording_id="v2",
            label=0, probability=0.8,
        )
    ]  # fmt: skip

    found = scores_of([*first, *second, *visit], "s")

    np.testing.assert_allclose(found.probability, [[0.5, 0.9], [0.4, 0.3]])
    assert METRICS["auroc"](found).estimate == 0.5  # right in one run, wrong in the other
    assert METRICS["sensitivity"](found).estimate == 0.5
    assert METRICS["brier"](found).estimate == pytest.approx((0.25 + 0.01 + 0.16 + 0.49) / 4)


def test_a_run_that_leaves_somebody_out_is_refused():
    rows = predictions([0, 1], [0.2, 0.9]) + predictions([0, 1], [0.2, 0.9], seed=2)[:1]

    with pytest.raises(ValueError, match="lacks predictions"):
        scores_of(rows, "s")


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("probabilities", ["perfect", "wrong", "random"])
def test_every_interval_holds_its_estimate_and_lies_in_range(name, probabilities):
    labels, drawn = random_case(n=24, seed=5)
    chosen = {"perfect": labels, "wrong": 1 - labels, "random": drawn}[probabilities]

    found = METRICS[name](scores_of(predictions(labels, chosen), "s"))

    assert 0.0 <= found.low <= found.estimate <= found.high <= 1.0
    assert found.n == (12 if name in {"sensitivity", "specificity"} else 24)


def test_a_perfect_ranking_of_few_people_is_not_called_certain():
    labels = np.arange(24) % 2

    found = METRICS["auroc"](scores_of(predictions(labels, labels), "s"))

    assert found.estimate == 1.0
    assert found.low < 0.8


@pytest.mark.parametrize(("folds", "factor"), [(1, 1.0), (2, 3.0), (5, 2.25), (10, 19 / 9)])
def test_the_variance_factor_is_one_plus_tested_over_trained_on(folds, factor):
    labels, probabilities = random_case()
    rows = predictions(labels, probabilities, folds=np.arange(60) // 2 % folds)

    assert scores_of(rows, "s").variance_factor == pytest.approx(factor)


@pytest.mark.parametrize("name", METRICS)
def test_every_interval_is_wider_where_fits_share_their_training_sides(name, monkeypatch):
    labels, probabilities = random_case()
    found = scores_of(predictions(labels, probabilities, folds=np.arange(60) // 2 % 5), "s")
    wide = METRICS[name](found)
    monkeypatch.setattr(Scores, "variance_factor", property(lambda self: 1.0))

    narrow = METRICS[name](found)

    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(1.5, abs=0.25)


def over_repeats(seed, *, repeats=5, signal=1.0, instability=0.5, n=60, seeds=1):
    """Folds dealt anew in every repeat; what a person gets differs by ``instability``."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    of_person = signal * labels + generator.standard_normal(n)
    rows = []
    for repeat in range(repeats):
        fold = generator.permutation(n // 2).repeat(2) % 5
        for each in range(seeds):
            noisy = of_person - signal / 2 + instability * generator.standard_normal(n)
            drawn = 1 / (1 + np.exp(-noisy))
            rows += predictions(labels, drawn, folds=fold, repeat=repeat, seed=each)
    return scores_of(rows, "s")


MEASURED = ("auroc", "accuracy", "balanced_accuracy")


def whole_factor(name, scores, monkeypatch):
    """The interval with the factor of Nadeau and Bengio, whatever the repeats show."""
    with monkeypatch.context() as patch:
        patch.setattr(metrics, "measured_factor", lambda *_, most, **__: most)
        return METRICS[name](scores)


@pytest.mark.parametrize("name", METRICS)
def test_repeats_that_agree_make_an_interval_narrower_and_never_wider(name, monkeypatch):
    ratios = []
    for seed in range(8):
        for instability in (0.1, 3.0):
            scores = over_repeats(seed, signal=1.5, instability=instability)
            found, whole = METRICS[name](scores), whole_factor(name, scores, monkeypatch)
            ratios.append((found.high - found.low) / (whole.high - whole.low))
            assert whole.low <= found.low <= found.estimate <= found.high <= whole.high
    assert (min(ratios) < 0.8) == (name in MEASURED)


@pytest.mark.parametrize("name", MEASURED)
@pytest.mark.parametrize("shape", [{"repeats": 1}, {"repeats": 2}, {"repeats": 1, "seeds": 4}])
def test_without_three_repeats_the_whole_factor_counts(name, shape, monkeypatch):
    scores = over_repeats(0, signal=1.5, instability=0.1, **shape)

    assert METRICS[name](scores) == whole_factor(name, scores, monkeypatch)


def test_what_repeats_show_never_parts_an_auroc_from_chance(monkeypatch):
    held = 0
    for seed in range(40):
        scores = over_repeats(seed, signal=0.9, instability=0.2)
        found, whole = METRICS["auroc"](scores), whole_factor("auroc", scores, monkeypatch)
        assert (found.low <= 0.5 <= found.high) == (whole.low <= 0.5 <= whole.high)
        held += whole.low <= 0.5
    assert 2 < held < 38


def test_a_repeat_has_all_of_its_seeds():
    scores = over_repeats(0, repeats=3, seeds=2)

    assert [each.probability.shape for each in scores.repeats] == [(2, 60)] * 3
    assert all((each.fold == each.fold[0]).all() for each in scores.repeats)
    rows = np.concatenate([each.probability for each in scores.repeats])
    assert {tuple(row) for row in rows} == {tuple(row) for row in scores.probability}
