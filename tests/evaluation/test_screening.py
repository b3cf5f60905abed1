"""The classifier of the probes and its permutations, against slow and independent ones."""

import numpy as np
import pytest
from scipy.stats import norm, pearsonr, rankdata, zscore
from sklearn.metrics import roc_auc_score

from artefact_corpora import study_of
from cogspeech.evaluation.metrics import METRICS
from cogspeech.evaluation.screening import (
    PERMUTATIONS,
    Table,
    dealt,
    labels_of,
    on_folds,
    p_of_draws,
    screen,
    strongest,
    tabulate,
    weighted,
)

NAMES = ("a", "b", "c")


def task(*, repeats=2, participants=40, seed=5):
    return study_of(None, participants=participants, auroc=0.5, seed=seed, repeats=repeats)


def drawn_table(asked, numbers):
    people = tuple(sorted({case.recording.participant_id for case in asked.cases}))
    return Table(participants=people, numbers=numbers, shares=np.zeros((len(people), 0)))


def test_categories_unknown_values_and_several_recordings_become_a_table():
    table = tabulate(
        ["a", "a", "b", "c"],
        [{"x": 1.0, "sex": "f"}, {"x": 3.0, "sex": "m"}, None, {"x": 8.0, "sex": "m"}],
    )

    assert table.participants == NAMES
    np.testing.assert_array_equal(table.numbers[:, 0], [2.0, 3.0, 8.0])  # b: the median
    shares = {tuple(column) for column in table.shares.T}
    assert shares == {(0.5, 0.0, 0.0), (0.5, 0.0, 1.0), (0.0, 1.0, 0.0)}


def test_a_feature_that_nobody_has_is_no_number():
    table = tabulate(NAMES, [{"x": None, "y": 1.0}] * 3)

    assert table.numbers.tolist() == [[1.0], [1.0], [1.0]]


def test_the_auroc_is_the_mean_over_pairs_of_one_fold():
    asked = task()
    people = tuple(sorted({c.recording.participant_id for c in asked.cases}))
    labels = labels_of(asked, people)
    fixed = np.random.default_rng(0).standard_normal(len(people))
    fixed[:7] = fixed[7:14]  # ties

    scores, aurocs = on_folds(
        people,
        dealt(labels, 1)[:, :3],
        asked.plan,
        lambda train, test, drawn: np.repeat(fixed[test][:, None], drawn.shape[1], axis=1),
    )

    row = {name: at for at, name in enumerate(people)}
    runs = []
    for repeat in (0, 1):
        folds = [f for f in asked.plan.folds if f.repeat == repeat]
        rows = [np.array([row[name] for name in f.test]) for f in folds]
        pairs = [labels[r].sum() * (1 - labels[r]).sum() for r in rows]
        each = [roc_auc_score(labels[r], fixed[r]) for r in rows]
        runs.append(np.average(each, weights=pairs))
    assert aurocs[0] == pytest.approx(np.mean(runs), abs=1e-12)
    assert METRICS["auroc"](scores).estimate == pytest.approx(aurocs[0], abs=1e-12)


def test_every_deal_is_a_refit_with_its_own_labels():
    asked = task(repeats=1)
    table = drawn_table(asked, np.random.default_rng(1).standard_normal((40, 3)))
    labels = labels_of(asked, table.participants)
    drawn = dealt(labels, asked.seed)

    _, together = on_folds(table.participants, drawn, asked.plan, weighted(table))

    for at in (0, 1, 2, PERMUTATIONS):
        _, alone = on_folds(table.participants, drawn[:, [at]], asked.plan, weighted(table))
        assert alone[0] == pytest.approx(together[at], abs=1e-9)


def test_the_p_is_that_of_the_auroc_and_the_strongest_feature_together():
    asked = task(repeats=1)
    table = drawn_table(asked, np.random.default_rng(1).standard_normal((40, 3)))
    labels = labels_of(asked, table.participants)
    drawn = dealt(labels, asked.seed)
    _, aurocs = on_folds(table.participants, drawn, asked.plan, weighted(table))
    alone = strongest(table, drawn, table.participants)

    found = screen(table, labels, asked)

    together = zscore(aurocs) + zscore(alone)
    assert found.p_value == np.mean(together >= together[0] - 1e-7)


def test_the_strongest_feature_is_the_one_that_goes_most_with_the_labels():
    asked = task(repeats=1)
    values = np.random.default_rng(1).standard_normal((40, 3))
    table = drawn_table(asked, values)
    labels = labels_of(asked, table.participants)
    drawn = dealt(labels, asked.seed)[:, :20]

    found = strongest(table, drawn, table.participants)

    normal = norm.ppf(rankdata(values, axis=0) / 41)
    columns = np.concatenate([normal, np.abs(normal)], axis=1)
    for at, expected in enumerate(found):
        of_columns = [pearsonr(column, drawn[:, at]).statistic for column in columns.T]
        assert np.abs(of_columns).max() == pytest.approx(expected, abs=0.02)


def test_who_is_not_tested_makes_no_feature_strong():
    asked = task(repeats=1)
    table = drawn_table(asked, np.random.default_rng(1).standard_normal((40, 2)))
    changed = table.numbers.copy()
    changed[:20] = 9.0
    drawn = dealt(labels_of(asked, table.participants), 1)

    both = [
        strongest(drawn_table(asked, numbers), drawn, table.participants[20:])
        for numbers in (table.numbers, changed)
    ]

    np.testing.assert_array_equal(*both)


def test_one_strong_feature_among_many_is_found_more_often_than_by_the_auroc_alone():
    asked = task(repeats=1, participants=100)
    people = drawn_table(asked, np.zeros((100, 1))).participants
    labels = labels_of(asked, people)
    p_values = []
    for seed in range(12):
        values = np.random.default_rng(seed).standard_normal((100, 20))
        values[:, 0] += 0.8 * labels
        table = drawn_table(asked, values)
        _, aurocs = on_folds(people, dealt(labels, asked.seed), asked.plan, weighted(table))
        p_values.append((screen(table, labels, asked).p_value, p_of_draws(aurocs[0], aurocs[1:])))

    together, alone = np.log(np.array(p_values)).mean(axis=0)
    assert together < alone - 0.3


def test_the_training_side_alone_decides_how_a_test_participant_is_scored():
    asked = task(repeats=1)
    values = np.random.default_rng(1).standard_normal((40, 3))
    table = drawn_table(asked, values)
    train, test = np.arange(30), np.arange(30, 40)
    drawn = dealt(labels_of(asked, table.participants), 1)[:30]
    changed = values.copy()
    changed[39] = 50.0

    before = weighted(table)(train, test, drawn)
    after = weighted(drawn_table(asked, changed))(train, test, drawn)

    np.testing.assert_array_equal(before[:9], after[:9])


def test_a_class_whose_values_are_closer_together_is_found():
    asked = task(participants=80)
    people = tuple(sorted({c.recording.participant_id for c in asked.cases}))
    labels = labels_of(asked, people)
    values = np.random.default_rng(2).standard_normal((80, 4))
    values[:, 2] *= np.where(labels, 0.2, 1.0)

    found = screen(drawn_table(asked, values), labels, asked)

    assert found.auroc.estimate > 0.75
    assert found.p_value == 1 / (1 + PERMUTATIONS)


def test_what_never_differs_tells_nothing():
    asked = task()
    found = screen(drawn_table(asked, np.ones((40, 2))), labels_of(asked, tuple(
        sorted({c.recording.participant_id for c in asked.cases}))), asked)  # fmt: skip

    assert (found.auroc.estimate, found.p_value) == (0.5, 1.0)


def test_the_scale_and_the_shape_of_a_number_do_not_matter():
    asked = task()
    values = np.random.default_rng(3).standard_normal((40, 2))
    people = drawn_table(asked, values).participants
    labels = labels_of(asked, people)

    plain = screen(drawn_table(asked, values), labels, asked)
    bent = screen(drawn_table(asked, np.exp(3 * values) + 5), labels, asked)

    assert plain == bent


def test_without_an_artefact_small_p_values_are_rare():
    asked = task(repeats=1)
    labels = labels_of(asked, drawn_table(asked, np.zeros((40, 1))).participants)
    generator = np.random.default_rng(7)
    p_values = [
        screen(drawn_table(asked, generator.standard_normal((40, 3))), labels, asked).p_value
        for _ in range(60)
    ]

    low = np.mean(np.array(p_values) <= 0.05)
    assert low <= 0.05 + norm.ppf(0.999) * np.sqrt(0.05 * 0.95 / 60)


def test_the_observed_value_is_one_of_the_draws():
    assert p_of_draws(1.0, np.zeros(99)) == 0.01
    assert p_of_draws(0.0, np.zeros(99)) == 1.0
