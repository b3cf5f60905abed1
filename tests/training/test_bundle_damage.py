"""Bundles that somebody damaged, cut short or made by hand: one typed line each."""

import json
import math
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save

from cogspeech.config import TargetSection, TranscriptsSection
from cogspeech.errors import BundleError
from cogspeech.fusion.base import ModelSizes, build_fusion
from cogspeech.settings import Component
from cogspeech.training.bundle import _digest, load_bundle, make_bundle, save_bundle
from cogspeech.training.bundle_facts import BundleFacts, TrainingCorpus

FACTS = BundleFacts(
    study="s",
    target=TargetSection(),
    fusion=Component(name="aligned_cross_attention", d_model=8),
    audio_encoder=Component(name="acoustic"),
    text_encoder=Component(name="hashed_words"),
    transcripts=TranscriptsSection(),
    sizes=ModelSizes(d_audio=5, d_text=3),
    sample_rates_hz=(16_000,),
    training=TrainingCorpus(participants=8, recordings=8),
    notice=None,
)


SETS = {"kind": "marginal", "coverage": 0.9, "largest": [0.5, 0.5]}
RULE = {
    "method": "temperature",
    "slope": 1.0,
    "fitted_on": {"participants": 9, "participants_sha256": "0" * 64},
}


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    save_bundle(make_bundle(build_fusion(FACTS.fusion, FACTS.sizes), FACTS), tmp_path)
    return tmp_path


def write(folder, content):
    """The weights, with a description that fits their digest."""
    (folder / "model.safetensors").write_bytes(content)
    describe(folder, weights_sha256=_digest(content))


def describe(folder, **changes):
    path = folder / "bundle.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def changed(folder, **tensors):
    kept = load_file(folder / "model.safetensors") | tensors
    write(folder, save({name: tensor for name, tensor in kept.items() if tensor is not None}))


def refusal(folder):
    with pytest.raises(BundleError) as error:
        load_bundle(folder)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(folder))
    return str(error.value)


@pytest.mark.parametrize(
    ("tensors", "found"),
    [
        ({"head.linear.bias": None}, "lacks 'head.linear.bias'"),
        ({"more": torch.zeros(2)}, "has 'more', which the fusion does not know"),
        (
            {"head.linear.bias": torch.zeros(2)},
            "'head.linear.bias' is float32 (2,), expected float32 (1,)",
        ),
        (
            {"head.linear.bias": torch.zeros(1, dtype=torch.int64)},
            "'head.linear.bias' is int64 (1,), expected float32 (1,)",
        ),
        ({"head.linear.bias": torch.tensor([math.nan])}, "'head.linear.bias' holds values that"),
        ({"head.linear.bias": torch.tensor([math.inf])}, "'head.linear.bias' holds values that"),
    ],
)
def test_tensors_that_do_not_fit_are_named(folder, tensors, found):
    changed(folder, **tensors)

    assert found in refusal(folder)


def test_a_pickle_under_the_name_of_safetensors_is_never_opened(folder, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    write(folder, pickle.dumps(Bomb()))

    refusal(folder)
    assert not (tmp_path / "exploded").exists()


@settings(max_examples=40)
@given(cut=st.floats(0, 0.999), flips=st.lists(st.integers(0, 10**9), max_size=4))
def test_weights_cut_or_flipped_anywhere_are_refused_or_finite(cut, flips, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    torch.manual_seed(0)
    save_bundle(make_bundle(build_fusion(FACTS.fusion, FACTS.sizes), FACTS), folder)
    content = bytearray((folder / "model.safetensors").read_bytes())
    if flips:
        for at in flips:
            content[at % len(content)] ^= 0xFF
    else:
        content = content[: int(cut * len(content))]
    write(folder, bytes(content))

    try:
        model = load_bundle(folder).model
    except BundleError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert all(torch.isfinite(t).all() for t in model.state_dict().values())


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"target": {"classes": ["a"]}}, "'target': 'classes' needs two names or more"),
        ({"target": {"classes": ["a", "b", "c"]}}, "needs 3 outputs and no score_scale; found 1"),
        ({"target": {"objective": "cox"}}, "unknown objective 'cox'"),
        ({"score_scale": {"mean": 1.0, "deviation": 0.0}}, "'score_scale.deviation'"),
        ({"score_scale": {"mean": 1.0, "deviation": 1.0}}, "no score_scale; found 1 and one"),
        ({"sizes": {"d_audio": 5, "d_text": 3, "num_outputs": 0}}, "'sizes.num_outputs'"),
        ({"fusion": {"name": "aligned_cross_attention", "d_model": 30}}, "multiple of num_heads"),
        ({"decision": {}}, "the key 'decision.method' is required"),
        ({"decision": RULE | {"slope": -1.0}}, "'decision.slope'"),
        ({"decision": RULE | {"slope": 1e300}}, "'decision.slope'"),
        ({"decision": RULE | {"slope": math.nan}}, "holds NaN, which is no number"),
        ({"decision": RULE | {"more": 1}}, "unknown key 'decision.more'"),
        ({"decision": RULE | {"fitted_on": None}}, "'decision.fitted_on'"),
        (
            {"decision": RULE | {"sets": SETS | {"largest": [0.5, 1.5]}}},
            "'decision.sets.largest.1'",
        ),
        (
            {
                "decision": RULE,
                "target": {"classes": ["a", "b", "c"]},
                "sizes": {"d_audio": 5, "d_text": 3, "num_outputs": 3},
            },
            "a decision rule is for two classes; the target has 3",
        ),
        (  # 43 GB, if anybody made them
            {"fusion": {"name": "aligned_cross_attention", "d_model": 8192, "num_layers": 16}},
            "describes a model of 10739147921 parameters, expected at most 1073741824",
        ),
    ],
)
def test_a_description_that_does_not_fit_is_refused(folder, changes, found):
    describe(folder, **changes)

    assert found in refusal(folder)
