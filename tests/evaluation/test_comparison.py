from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_1samp
from test_metrics import predictions, random_case

from cogspeech.correction import holm
from cogspeech.evaluation import comparison
from cogspeech.evaluation.comparison import (
    COMPARED_METRICS,
    Comparison,
    compare_scores,
    compare_with_primary,
    fold_values,
    winner,
)
from cogspeech.evaluation.metrics import METRICS, Scores, is_above_chance, scores_of
from interval_coverage import cross_validated


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def of(found, metric):
    return next(c for c in found if c.metric == metric)


def two(a, b, labels, **more):
    return predictions(labels, a, system="a", **more) + predictions(labels, b, system="b", **more)


def repeated(draw, n=40, repeats=3, folds=5, seeds=1):
    """Two systems over repeated folds, with something that both see."""
    generator = np.random.default_rng(draw)
    labels = np.arange(n) % 2
    rows = []
    for repeat in range(repeats):
        fold = generator.permutation(n // 2).repeat(2) % folds  # both classes in each fold
        for seed in range(seeds):
            for system in "ab":
                noisy = labels + generator.standard_normal(n)
                rows += predictions(
                    labels,
                    1 / (1 + np.exp(-noisy)),
                    folds=fold,
                    repeat=repeat,
                    seed=seed,
                    system=system,
                )
    return rows


def test_the_same_predictions_differ_by_nothing():
    labels, probabilities = random_case()

    found = compare_with_primary(two(probabilities, probabilities, labels), "a", ["b"])

    assert [c.metric for c in found] == list(COMPARED_METRICS)
    assert {(c.difference, c.p_value, c.p_adjusted) for c in found} == {(0.0, 1.0, 1.0)}
    assert (of(found, "auroc").low, of(found, "auroc").high) == (0.0, 0.0)
    assert of(found, "accuracy").discordant == (0, 0)


def test_a_clear_difference_is_found_and_its_sign_is_a_minus_b():
    """Every participant differs by the same, so the error is 0 and says nothing."""
    labels = np.arange(80) % 2
    sharp = 0.8 * labels + 0.1 + 0.05 * np.sin(np.arange(80))

    found = compare_with_primary(two(sharp, np.full(80, 0.5), labels), "a", ["b"])

    area = of(found, "auroc")
    assert area.difference == pytest.approx(0.5)
    assert area.low < 0.5 <= area.high
    assert area.p_value < 1e-6
    assert winner(area) == winner(of(found, "brier")) == "a"
    assert of(found, "brier").difference < 0
    assert of(found, "accuracy").discordant == (40, 0)


def test_the_test_follows_from_the_protocol():
    labels, probabilities = random_case()
    other = np.roll(probabilities, 1)
    folds = np.arange(60) // 2 % 5
    one_set = compare_with_primary(two(probabilities, other, labels), "a", ["b"])
    folded = compare_with_primary(two(probabilities, other, labels, folds=folds), "a", ["b"])

    assert [c.test for c in one_set] == [
        "DeLong",
        "exact McNemar (mid-p)",
        "participant bootstrap",
        "participant bootstrap",
    ]
    assert {c.test for c in folded} == {"DeLong, widened", "participant bootstrap, widened"}
    assert {c.test for c in compare_with_primary(repeated(0, n=120), "a", ["b"])} == {
        "corrected resampled t"
    }


@pytest.mark.parametrize("metric", COMPARED_METRICS)
def test_unless_both_are_above_chance_a_difference_needs_both_tests(metric):
    told = set()
    for seed in range(8):
        kind = {"participants": 40, "features": 3, "repeats": 3, "signal": 0.0, "seed": seed}
        a, b = cross_validated(**kind, views=2)
        if seed % 2:  # one that sees
            a = replace(a, probability=0.5 * a.probability + 0.4 * a.labels)
            assert is_above_chance(a)
        assert not is_above_chance(b)
        (found,) = (c for c in compare_scores([("a", a, "b", b)]) if c.metric == metric)
        both = comparison._over_folds(metric, a, b), comparison._over_participants(metric, a, b)
        larger = max(both, key=lambda test: test.p_value)

        assert (found.p_value, found.low) == (larger.p_value, larger.low)
        assert found.test == f"{larger.test}; {comparison.WITHHELD}"
        told.add(larger.test)
    assert len(told) == 2


@pytest.mark.parametrize("metric", COMPARED_METRICS)
def test_a_difference_is_that_of_the_two_estimates(metric):
    for rows in (repeated(1, seeds=2), two(*random_case(seed=2)[1:] * 2, np.arange(60) % 2)):
        found = of(compare_with_primary(rows, "a", ["b"]), metric)
        a, b = (METRICS[metric](scores_of(rows, name)).estimate for name in "ab")

        assert found.difference == pytest.approx(a - b, abs=1e-12)
        assert found.low <= found.difference <= found.high


@pytest.mark.parametrize("metric", COMPARED_METRICS)
def test_over_repeated_folds_the_variance_is_that_of_nadeau_and_bengio(metric):
    """The plain t-test of scipy, its variance times (1 / J + 1 / (K - 1)) / (1 / J)."""
    rows = repeated(3)
    a, b = (fold_values(scores_of(rows, name), metric) for name in "ab")
    differences = np.array([a[part] - b[part] for part in a])
    plain = ttest_1samp(differences, 0)
    count = len(differences)
    assert count == 15

    found = of(compare_with_primary(rows, "a", ["b"]), metric)

    factor = np.sqrt((1 / count + 1 / 4) * count)
    low, high = plain.confidence_interval(0.95)
    assert found.difference == pytest.approx(differences.mean(), abs=1e-12)
    assert found.high - found.low == pytest.approx(factor * (high - low), abs=1e-12)
    assert found.p_value > plain.pvalue


def test_seeds_of_a_repeat_are_no_new_folds():
    rows = repeated(4, seeds=2)

    values = fold_values(scores_of(rows, "a"), "auroc")

    assert len(values) == 15


def test_systems_in_different_folds_are_still_paired_by_participant():
    labels, probabilities = random_case()
    folds = np.arange(60) // 2 % 5
    rows = predictions(labels, probabilities, folds=folds, system="a") + predictions(
        labels, probabilities, folds=np.roll(folds, 2), system="b"
    )

    found = compare_scores([("a", scores_of(rows, "a"), "b", scores_of(rows, "b"))])

    assert of(found, "brier").difference == 0.0
    assert of(found, "auroc").test == "DeLong, widened"


def test_other_participants_are_refused():
    labels, probabilities = random_case()
    rows = predictions(labels, probabilities)
    a, b = scores_of(rows, "s"), scores_of(rows[1:], "s")

    with pytest.raises(ValueError, match="same participants"):
        compare_scores([("a", a, "b", b)])


@pytest.mark.slow
def test_two_systems_of_equal_skill_are_rejected_at_about_the_nominal_rate():
    """Coverage of the paired test on one fixed set of participants, 300 draws."""
    rejected = 0
    for draw in range(300):
        generator = np.random.default_rng(draw)
        labels = np.arange(60) % 2
        signal = labels + generator.standard_normal(60)
        a, b = (signal + generator.standard_normal(60) for _ in range(2))
        squash = [1 / (1 + np.exp(-x)) for x in (a, b)]
        rows = predictions(labels, squash[0], system="a") + predictions(
            labels, squash[1], system="b"
        )
        rejected += compare_with_primary(rows, "a", ["b"])[0].p_value < 0.05

    assert 0.02 <= rejected / 300 <= 0.09


def three_systems():
    return [
        row
        for seed, name in enumerate("abc")
        for row in predictions(
            np.arange(60) % 2,
            np.clip(random_case(seed=9)[1] + 0.2 * random_case(seed=seed)[1], 0, 1),
            folds=np.arange(60) // 2 % 5,
            system=name,
        )
    ]


def test_p_values_are_adjusted_for_the_number_of_comparisons():
    found = compare_with_primary(three_systems(), "a", ["b", "c"])

    of_all = [c.p_value for c in found]
    of_area = of_all[:2]
    assert [c.p_adjusted for c in found[:2]] == pytest.approx(holm(of_area))
    assert [c.p_adjusted for c in found[2:]] == pytest.approx(holm(of_all)[2:])
    assert holm(of_area) != of_area


def test_a_comparison_is_widened_where_fits_share_their_training_sides(monkeypatch):
    wide = compare_with_primary(three_systems(), "a", ["b", "c"])
    monkeypatch.setattr(Scores, "variance_factor", property(lambda self: 1.0))

    narrow = compare_with_primary(three_systems(), "a", ["b", "c"])

    for metric in ("auroc", "brier"):
        w, n = of(wide, metric), of(narrow, metric)
        assert (w.high - w.low) / (n.high - n.low) == pytest.approx(1.5)
        assert w.p_value > n.p_value


@pytest.mark.parametrize(
    ("metric", "difference", "p_adjusted", "won"),
    [
        ("auroc", 0.1, 0.05, "a"),
        ("auroc", 0.1, 0.0500001, None),
        ("auroc", -0.1, 0.01, "b"),
        ("brier", -0.1, 0.01, "a"),
        ("auroc", 0.0, 0.01, None),
    ],
)
def test_nobody_is_better_without_the_corrected_test(metric, difference, p_adjusted, won):
    found = Comparison(
        a="a", b="b", metric=metric, difference=difference, low=-1.0, high=1.0, p_value=0.001,
        p_adjusted=p_adjusted,
    )  # fmt: skip

    assert winner(found) == won


def renumbered(rows, folds=5):
    """The same folds, counted on from repeat to repeat."""
    return [replace(p, fold=p.fold + folds * p.repeat) for p in rows]


def test_how_folds_are_numbered_changes_nothing():
    rows = repeated(3)

    one, other = (compare_with_primary(each, "a", ["b"]) for each in (rows, renumbered(rows)))

    assert one == other
    of_one, of_other = (scores_of(each, "a") for each in (rows, renumbered(rows)))
    assert of_one.variance_factor == of_other.variance_factor == 2.25
    assert {name: metric(of_one) for name, metric in METRICS.items()} == {
        name: metric(of_other) for name, metric in METRICS.items()
    }


def test_of_several_seeds_the_accuracy_that_is_told_is_compared():
    """The mean probability of the seeds decides otherwise than they do: it is another system."""
    labels, probability = random_case(n=60, seed=2)
    generator = np.random.default_rng(0)
    rows = []
    for seed in range(5):
        noisy = np.clip(probability + 0.5 * generator.standard_normal(60), 0, 1)
        rows += two(noisy, probability, labels, seed=seed)

    found = of(compare_with_primary(rows, "a", ["b"]), "accuracy")

    a, b = (METRICS["accuracy"](scores_of(rows, system)).estimate for system in "ab")
    assert found.difference == pytest.approx(a - b)
    assert found.test == "participant bootstrap"
