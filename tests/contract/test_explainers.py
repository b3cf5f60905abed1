"""Every explainer there is with every fusion there is, and every one added tomorrow."""

import dataclasses
import inspect
import json

import numpy as np
import pytest
import torch

from cases import make_case
from cogspeech.config import TargetSection
from cogspeech.errors import ConfigError
from cogspeech.explanation.base import EXPLAINERS, Explainer, word_json
from cogspeech.fusion.base import FUSIONS, ModelSizes, build_fusion
from cogspeech.settings import Component
from cogspeech.training.objectives.base import build_objective
from conftest import make_embedded
from fusion_variants import VARIANTS, label, random_model

BINARY = build_objective(TargetSection())
SIZES = ModelSizes(d_audio=5, d_text=3)
CASE = make_case(7, "control", words=7)
SAID = ("value", "audio", "text", "pause")
PAIRS = [
    pytest.param(name, variant, id=f"{name}-{label(variant)}")
    for name in EXPLAINERS.names()
    for variant in VARIANTS[::3] + VARIANTS[1::3]
]
"""Each fusion with its defaults, and with another value of every option."""


def explain(name, model, case=CASE, objective=BINARY):
    return EXPLAINERS.get(name)().explain(
        model, case.embedded, case.transcript, objective=objective
    )


def able(name, variant):
    """The model, if the explainer has something to say about it; else its refusal is looked at."""
    model = random_model(variant, SIZES)
    if not EXPLAINERS.get(name).needs_attention or model.gives_attention:
        return model
    message = f"the fusion '{variant.name}' has no attention .* use occlusion or integrated_grad"
    with pytest.raises(ConfigError, match=message) as refusal:
        explain(name, model)
    assert "\n" not in str(refusal.value)
    return None


def same(found, expected, atol=1e-5):
    for one, other in zip(found, expected, strict=True):
        assert one.tokens == pytest.approx(other.tokens, abs=atol)
        for name in SAID:
            value = getattr(other, name)
            near = value if value is None else pytest.approx(value, abs=atol)
            assert getattr(one, name) == near, name


@pytest.mark.parametrize("name", EXPLAINERS.names())
def test_it_says_what_it_is_and_what_its_numbers_mean(name):
    plugin = EXPLAINERS.get(name)

    assert len(inspect.getdoc(plugin)) > 20
    assert 60 < len(plugin.meaning) < 400
    assert "\n" not in plugin.meaning
    assert plugin.meaning[-1] != "."


def test_an_explainer_without_a_meaning_is_none():
    with pytest.raises(TypeError, match="explainer Silent must say in 'meaning'"):

        class Silent(Explainer):
            pass


@pytest.mark.parametrize("name", FUSIONS.names())
def test_a_fusion_says_whether_it_gives_attention(name):
    model = build_fusion(Component(name=name), SIZES).eval()

    with torch.inference_mode():
        given = model(model.inputs_of([CASE.embedded]), return_attention=True).attention

    assert (given is not None) == model.gives_attention


@pytest.mark.parametrize(("name", "variant"), PAIRS)
def test_every_word_has_what_the_model_reads_of_it_and_nothing_else(name, variant):
    model = able(name, variant)
    if model is None:
        return

    attributions = explain(name, model)

    hears = bool({"audio", "pauses"} & {*model.streams})
    if name == "attention":
        hears = getattr(model, "tokens_ask", None) is not None
    reads = "text" in model.streams
    assert [a.word_index for a in attributions] == list(range(7))
    assert [a.word for a in attributions] == list(CASE.transcript.words)
    for a in attributions:
        assert (a.audio is not None) == hears
        assert (a.text is not None) == reads
        assert a.value is not None
        assert len(a.tokens) == 2 * reads
        assert (a.pause is not None) == (hears and a.word_index % 3 == 1)
        plain = word_json(a)
        assert json.loads(json.dumps(plain, allow_nan=False)) == plain
        assert list(plain) == [
            "word_index", "text", "start_s", "end_s", "attribution", "audio_attribution",
            "text_attribution", "token_attributions", "pause_s", "pause_start_s",
            "pause_attribution",
        ]  # fmt: skip


@pytest.mark.parametrize(("name", "variant"), PAIRS)
def test_the_same_question_has_the_same_answer_and_leaves_the_model_as_it_was(name, variant):
    model = able(name, variant)
    if model is None:
        return
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}

    first, again = explain(name, model), explain(name, model)

    assert first == again
    assert all(torch.equal(before[key], tensor) for key, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(("name", "variant"), PAIRS)
def test_the_order_of_events_and_tokens_changes_nothing(name, variant):
    model = able(name, variant)
    if model is None or model.options.pooling == "first_token":
        return
    embedded = CASE.embedded
    events, tokens = (
        np.random.default_rng(n).permutation(len(of))
        for n, of in enumerate((embedded.event_word, embedded.token_word))
    )
    tokens = tokens[np.argsort(tokens % 2, kind="stable")]  # those of a word stay in their order
    mixed = dataclasses.replace(
        embedded,
        **{
            field.name: getattr(embedded, field.name)[events]
            for field in dataclasses.fields(embedded)
            if field.name.startswith("event") and field.name != "event_states"
        },
        token_vectors=embedded.token_vectors[tokens],
        token_word=embedded.token_word[tokens],
    )

    same(explain(name, model, dataclasses.replace(CASE, embedded=mixed)), explain(name, model))


@pytest.mark.parametrize("stream", ["audio", "text"])
@pytest.mark.parametrize(("name", "variant"), PAIRS)
def test_of_a_missing_stream_nothing_is_told(name, variant, stream):
    model = able(name, variant)
    if model is None or not model.stream_dropout:
        return
    lacking = dataclasses.replace(CASE.embedded, missing=(stream,))

    attributions = explain(name, model, dataclasses.replace(CASE, embedded=lacking))

    other = {"audio": "text", "text": "audio"}[stream]
    for a in attributions:
        assert getattr(a, stream) is None
        assert (getattr(a, other) is not None) == (name != "attention")
        assert a.value == getattr(a, other)
        assert stream == "text" or a.pause is None
        assert stream == "audio" or a.tokens == ()


@pytest.mark.parametrize("name", EXPLAINERS.names())
@pytest.mark.parametrize("fusion", FUSIONS.names())
def test_half_precision_and_layers_of_encoders_are_read_as_they_are(name, fusion):
    sizes = ModelSizes(d_audio=10, d_text=6, audio_layers=2, text_layers=3)
    torch.manual_seed(0)
    model = build_fusion(Component(name=fusion), sizes).eval()
    if EXPLAINERS.get(name).needs_attention and not model.gives_attention:
        return
    embedded = make_embedded(words=4, d_audio=10, d_text=6)
    halves = {
        key: getattr(embedded, key).astype(np.float16) for key in ("event_vectors", "token_vectors")
    }
    layers = {"audio_layers": 2, "text_layers": 3}
    stored = dataclasses.replace(embedded, **halves, **layers)
    model.fit_scaling([stored])
    wide = dataclasses.replace(
        stored, **{key: half.astype(np.float32) for key, half in halves.items()}
    )
    case = make_case(1, "control", words=4)

    found = explain(name, model, dataclasses.replace(case, embedded=stored))

    assert found == explain(name, model, dataclasses.replace(case, embedded=wide))


@pytest.mark.parametrize("name", EXPLAINERS.names())
@pytest.mark.parametrize(
    "target",
    [
        {"classes": ("a", "b", "c")},
        {"classes": ("a", "b", "c"), "objective": Component(name="ordinal")},
        {"column": "mmse", "classes": (), "objective": Component(name="regression")},
        {"objective": Component(name="joint")},
    ],
    ids=["multiclass", "ordinal", "regression", "joint"],
)
def test_every_objective_is_explained(name, target):
    objective = build_objective(TargetSection(**target))
    sizes = SIZES.model_copy(update={"num_outputs": objective.num_outputs})
    model = random_model(Component(name="bidirectional"), sizes)

    values = [a.value for a in explain(name, model, objective=objective)]

    assert np.isfinite(values).all()
    assert np.ptp(values) > 0


@pytest.mark.parametrize("name", EXPLAINERS.names())
def test_a_word_without_times_has_no_sound(name):
    embedded = make_embedded(words=4)
    heard = embedded.event_word != 2
    untimed = dataclasses.replace(
        embedded,
        **{
            key: getattr(embedded, key)[heard]
            for key in (
                "event_vectors",
                "event_word",
                "event_is_pause",
                "event_start_s",
                "event_duration_s",
            )
        },
    )
    model = random_model(Component(name="bidirectional"), SIZES)

    attribution = explain(name, model, make_case(1, "control", words=4, embedded=untimed))[2]

    assert (attribution.audio, attribution.pause, attribution.pause_s) == (None, None, 0.0)
    assert attribution.value == attribution.text is not None
