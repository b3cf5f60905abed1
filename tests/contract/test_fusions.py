"""Every fusion there is, and every one added tomorrow."""

import inspect

import pytest
import torch

from cogspeech.config import TargetSection
from cogspeech.errors import ConfigError
from cogspeech.fusion.base import FUSIONS, FusionOptions, ModelSizes, build_fusion, collate
from cogspeech.fusion.streams import LayerMix
from cogspeech.learning_sections import TrainingSection
from cogspeech.settings import Component
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.prediction import predict_outputs
from cogspeech.training.trainer import Trainer
from conftest import make_embedded
from fusion_variants import RECORDINGS


@pytest.fixture(params=FUSIONS.names())
def name(request):
    return request.param


def part(first, count=6):
    return LabelledPart(
        recordings=tuple(make_embedded(f"r{n}", seed=n) for n in range(first, first + count)),
        labels=tuple(n % 3 for n in range(count)),
    )


def test_the_nine_of_the_plan_are_there():
    assert set(FUSIONS.names()) >= {
        "aligned_cross_attention",
        "audio_only",
        "bidirectional",
        "gated_cross_attention",
        "late_fusion",
        "pause_only",
        "pooled_cross_attention",
        "text_only",
        "word_concat",
    }


def test_it_says_what_it_is_and_what_it_reads(name):
    plugin = FUSIONS.get(name)

    assert len(inspect.getdoc(plugin)) > 20
    assert set(plugin.streams) <= {"audio", "text", "pauses"}
    assert plugin.streams
    assert issubclass(plugin.Options, FusionOptions)


@pytest.mark.parametrize("outputs", [1, 4])
@pytest.mark.parametrize("sizes", [(5, 3), (1, 9)])
def test_its_sizes_come_from_the_encoders_and_the_objective(name, outputs, sizes):
    d_audio, d_text = sizes
    recordings = [make_embedded("a", d_audio=d_audio, d_text=d_text, words=w) for w in (2, 4)]

    model = build_fusion(
        Component(name=name), ModelSizes(d_audio=d_audio, d_text=d_text, num_outputs=outputs)
    )

    assert model(collate(recordings)).logits.shape == (2, outputs)


def test_one_word_is_enough(name):
    model = build_fusion(Component(name=name), ModelSizes(d_audio=5, d_text=3)).eval()

    logits = model(collate([make_embedded(words=1, tokens_per_word=1)])).logits

    assert torch.isfinite(logits).all()


def test_it_mixes_the_layers_of_the_encoders_that_it_reads(name):
    sizes = ModelSizes(d_audio=12, d_text=8, audio_layers=3, text_layers=2)

    model = build_fusion(Component(name=name), sizes)

    mixes = [module for module in model.modules() if isinstance(module, LayerMix)]
    layers = {"audio": 3, "text": 2}
    read = [layers[stream] for stream in model.streams if stream in layers]
    assert sorted(mix.num_layers for mix in mixes) == sorted(read)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"d_model": 2}, "'d_model': .*greater than or equal to 4, found 2"),
        ({"d_model": "wide"}, "'d_model': .*valid integer.*, found 'wide'"),
        ({"dropout": 1.0}, "'dropout': .*less than 1, found 1.0"),
        ({"num_layers": 0}, "'num_layers': .*greater than or equal to 1, found 0"),
        ({"pooling": "max"}, "'pooling': .*'attention', 'mean' or 'first_token', found 'max'"),
        ({"layers": 2}, "unknown key 'layers'; did you mean 'num_layers'"),
    ],
)
def test_an_option_that_does_not_fit_is_one_line(name, options, message):
    with pytest.raises(ConfigError, match=f"^fusion {name}: {message}") as refusal:
        build_fusion(Component(name=name, **options), ModelSizes(d_audio=5, d_text=3))

    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_heads": 0}, "'num_heads': .*greater than or equal to 1, found 0"),
        ({"d_model": 30}, "d_model must be a multiple of num_heads, found 30 and 4"),
        ({"stream_dropout": 1.0}, "'stream_dropout': .*less than or equal to 0.9, found 1.0"),
        ({"gate": "sum"}, "'gate': .*'convex' or 'add', found 'sum'"),
        ({"weights": "equal"}, "'weights': .*'learned' or 'fixed', found 'equal'"),
        ({"max_distance": 0}, "'max_distance': .*greater than or equal to 1, found 0"),
        ({"steepest_slope": 0}, "'steepest_slope': .*greater than 0, found 0"),
        ({"steepest_slope": float("inf")}, "'steepest_slope': .*finite number, found inf"),
        ({"both_directions": "perhaps"}, "'both_directions': .*boolean.*, found 'perhaps'"),
    ],
)
def test_an_option_of_some_that_does_not_fit_is_one_line(name, options, message):
    if not set(options) <= set(FUSIONS.get(name).Options.model_fields) or (
        "d_model" in options and "num_heads" not in FUSIONS.get(name).Options.model_fields
    ):
        return
    with pytest.raises(ConfigError, match=f"^fusion {name}: {message}"):
        build_fusion(Component(name=name, **options), ModelSizes(d_audio=5, d_text=3))


def test_it_is_trained_and_gives_the_same_bits_again(name):
    def outputs():
        fitted = Trainer(
            Component(name=name, d_model=8),
            TrainingSection(max_epochs=2),
            target=TargetSection(classes=("a", "b", "c")),
            seed=1,
        ).fit(part(0), part(10))
        return predict_outputs(fitted.model, RECORDINGS)

    first = outputs()

    assert first.shape == (3, 3)
    assert torch.equal(first, outputs())
