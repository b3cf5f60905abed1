import builtins
import dataclasses

import numpy as np
import pytest
import torch

from cases import make_case
from cogspeech.config import TargetSection
from cogspeech.errors import MissingExtra
from cogspeech.explanation import integrated_gradients
from cogspeech.explanation.base import EXPLAINERS
from cogspeech.explanation.integrated_gradients import TOLERANCE
from cogspeech.fusion.base import ModelSizes, Standardise
from cogspeech.settings import Component
from cogspeech.training.objectives.base import build_objective
from conftest import make_embedded
from fusion_variants import VARIANTS, label, random_model

BINARY = build_objective(TargetSection())
SIZES = ModelSizes(d_audio=5, d_text=3)
CASE = make_case(7, "control", words=7)


def explain(model, case=CASE):
    return EXPLAINERS.get("integrated_gradients")().explain(
        model, case.embedded, case.transcript, objective=BINARY
    )


def logit(model, embedded):
    with torch.inference_mode():
        return float(model(model.inputs_of([embedded])).logits[0, 0])


def baseline_of(model, embedded):
    """Mean vectors and no time, made without what is tested."""
    means = {m.stream: m.mean.numpy() for m in model.modules() if isinstance(m, Standardise)}
    changes = {
        key: np.tile(means[stream], (len(getattr(embedded, key)), 1))
        for stream, key in (("audio", "event_vectors"), ("text", "token_vectors"))
        if stream in means
    }
    nothing_s = np.zeros_like(embedded.event_duration_s)
    return dataclasses.replace(embedded, event_duration_s=nothing_s, **changes)


@pytest.mark.parametrize("variant", VARIANTS, ids=label)
def test_words_and_pauses_sum_to_the_logit_minus_that_of_the_baseline(variant):
    model = random_model(variant, SIZES)

    attributions = explain(model)

    whole = logit(model, CASE.embedded) - logit(model, baseline_of(model, CASE.embedded))
    total = sum((a.value or 0.0) + (a.pause or 0.0) for a in attributions)
    assert total == pytest.approx(whole, abs=TOLERANCE + 1e-4)
    for a in attributions:
        assert a.value == pytest.approx((a.audio or 0.0) + (a.text or 0.0))
        assert a.text is None or a.text == pytest.approx(sum(a.tokens))


def test_of_a_linear_model_each_item_has_exactly_its_own_term():
    """Mean pooling without a norm: the gradient is the same everywhere on the way."""
    model = random_model(Component(name="text_only", pooling="mean"), SIZES)
    model.text.layers = torch.nn.Identity()
    model.text.pool.norm = torch.nn.Identity()
    tokens, stream = CASE.embedded.token_vectors, model.text.stream

    attributions = explain(model)

    with torch.inference_mode():
        standard = (torch.from_numpy(tokens) - stream.standardise.mean) / stream.standardise.scale
        weight = model.text.head.linear.weight @ stream.project.weight
        expected = (standard @ weight[0] / len(tokens)).numpy()
    found = np.concatenate([a.tokens for a in attributions])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_recording_like_the_baseline_has_no_attribution():
    model = random_model(Component(name="bidirectional"), SIZES)
    case = dataclasses.replace(CASE, embedded=baseline_of(model, CASE.embedded))

    attributions = explain(model, case)

    assert {a.value for a in attributions} == {0.0}


def test_steps_are_doubled_until_nothing_is_missed_and_else_nothing_is_told(monkeypatch):
    model = random_model(Component(name="bidirectional"), SIZES)
    with torch.no_grad():
        model.head.linear.weight *= 100.0
    monkeypatch.setattr(integrated_gradients, "FEWEST_STEPS", 2)
    enough = explain(model)

    monkeypatch.setattr(integrated_gradients, "MOST_STEPS", 3)
    too_few = explain(model)

    whole = logit(model, CASE.embedded) - logit(model, baseline_of(model, CASE.embedded))
    total = sum(a.value + (a.pause or 0.0) for a in enough)
    assert total == pytest.approx(whole, abs=2 * TOLERANCE)
    assert {(a.value, a.audio, a.text, a.tokens, a.pause) for a in too_few} == {
        (None, None, None, (), None)
    }


def test_the_number_of_rows_at_once_changes_nothing(monkeypatch):
    model = random_model(Component(name="aligned_cross_attention"), SIZES)
    before = [a.value for a in explain(model)]

    monkeypatch.setattr(integrated_gradients, "ITEMS_AT_ONCE", 60)

    np.testing.assert_allclose([a.value for a in explain(model)], before, atol=1e-5)


def test_layers_of_encoders_that_were_trained_give_the_vectors(monkeypatch):
    model = random_model(Component(name="bidirectional"), SIZES)
    other = make_embedded("r1", words=7, seed=99)

    class Encoders(torch.nn.Module):
        def forward(self, inputs, recordings):
            vectors = torch.from_numpy(other.event_vectors)[None]
            return dataclasses.replace(inputs, event_vectors=vectors)

    heard = dataclasses.replace(CASE.embedded, event_vectors=other.event_vectors)
    expected = explain(model, dataclasses.replace(CASE, embedded=heard))
    model.encoders = Encoders()

    assert explain(model) == expected != explain_without(model)


def explain_without(model):
    model.encoders = None
    return explain(model)


def test_without_captum_it_says_how_to_get_it(monkeypatch):
    plain = builtins.__import__

    def refuse(name, *rest):
        if name.startswith("captum"):
            raise ImportError(name)
        return plain(name, *rest)

    monkeypatch.setattr(
        "importlib.import_module", lambda name: refuse(name) if "captum" in name else plain(name)
    )

    with pytest.raises(MissingExtra, match=r"pip install 'cogspeech\[explain\]'"):
        EXPLAINERS.get("integrated_gradients")()
