import numpy as np
import pytest
import torch

from cases import make_case
from cogspeech.config import TargetSection
from cogspeech.explanation.base import EXPLAINERS
from cogspeech.fusion.base import ModelSizes
from cogspeech.settings import Component
from cogspeech.training.objectives.base import build_objective
from fusion_variants import random_model

SIZES = ModelSizes(d_audio=5, d_text=3)
CASE = make_case(7, "control", words=7)


def explain(model):
    return EXPLAINERS.get("attention")().explain(
        model, CASE.embedded, CASE.transcript, objective=build_objective(TargetSection())
    )


def test_it_says_that_it_is_no_attribution():
    assert "no attribution" in EXPLAINERS.get("attention").meaning


@pytest.mark.parametrize("both", [False, True])
def test_the_shares_of_each_direction_sum_to_one(both):
    model = random_model(Component(name="aligned_cross_attention", both_directions=both), SIZES)

    attributions = explain(model)

    assert sum(a.text for a in attributions) == pytest.approx(1.0)
    assert all(a.text == pytest.approx(sum(a.tokens)) for a in attributions)
    heard = [a.audio for a in attributions], [a.pause for a in attributions if a.pause_s]
    if both:
        assert sum(map(sum, heard)) == pytest.approx(1.0)
        assert all(a.value == pytest.approx(a.audio + a.text) for a in attributions)
    else:
        assert set(map(tuple, heard)) == {(None,) * 7, (None,) * 2}
        assert all(a.value == a.text for a in attributions)


def test_a_token_that_all_events_look_at_has_the_whole_share():
    model = random_model(Component(name="gated_cross_attention", num_heads=1), SIZES)
    looked_at = 5
    attend = model.events_ask[0].attend.forward

    def only(queries, keys, key_is_real, *, bias, need_weights):
        gathered, weights = attend(queries, keys, key_is_real, bias=bias, need_weights=need_weights)
        weights = torch.zeros_like(weights)
        weights[..., looked_at] = 1.0
        return gathered, weights

    model.events_ask[0].attend.forward = only

    tokens = np.concatenate([a.tokens for a in explain(model)])

    assert tokens.tolist() == np.eye(14)[looked_at].tolist()
