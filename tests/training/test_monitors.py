import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from cogspeech.config import TargetSection
from cogspeech.errors import ConfigError
from cogspeech.settings import Component
from cogspeech.training.monitors.base import MONITORS
from cogspeech.training.objectives.base import Targets, build_objective

PARTS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([-2.0, -0.5, 0.25, 0.5, 3.0])),
    min_size=2,
    max_size=30,
).filter(lambda rows: len({label for label, _ in rows}) == 2)


def value_of(name, rows):
    labels, logits = zip(*rows, strict=True)
    targets = Targets.of(labels, [])
    objective = build_objective(TargetSection())
    objective.fit(targets)
    outputs = torch.tensor(logits, dtype=torch.float32)[:, None]
    return MONITORS.get(name)().value(objective, outputs, targets)


@given(rows=PARTS)
def test_auroc_and_balanced_accuracy_are_those_of_scikit_learn(rows):
    labels, logits = (np.array(side) for side in zip(*rows, strict=True))

    assert value_of("auroc", rows) == pytest.approx(roc_auc_score(labels, logits))
    assert value_of("balanced_accuracy", rows) == pytest.approx(
        balanced_accuracy_score(labels, logits > 0)
    )


def test_the_loss_is_that_of_the_objective():
    assert value_of("loss", [(0, 0.0), (1, 0.0)]) == pytest.approx(np.log(2))


@pytest.mark.parametrize("name", ["auroc", "balanced_accuracy"])
def test_a_score_has_no_such_metric(name):
    target = TargetSection(column="mmse", classes=(), objective=Component(name="regression"))
    objective, targets = build_objective(target), Targets.of([], [20.0, 30.0])
    objective.fit(targets)

    with pytest.raises(ConfigError, match=f"training.monitor: {name} needs"):
        MONITORS.get(name)().value(objective, torch.zeros(2, 1), targets)


def test_a_change_counts_above_the_smallest_that_is_asked_for():
    loss, auroc = (MONITORS.get(name)() for name in ("loss", "auroc"))

    assert loss.is_better(0.4, 0.5, 0.05)
    assert not loss.is_better(0.46, 0.5, 0.05)
    assert not loss.is_better(0.6, 0.5, 0.05)
    assert auroc.is_better(0.6, 0.5, 0.05)
    assert not auroc.is_better(0.5, 0.5, 0.0)
    assert auroc.is_better(0.0, None, 0.5)
