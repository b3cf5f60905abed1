"""Exported graphs: the same answers without torch, and no file otherwise."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from cogspeech.config import TargetSection, TranscriptsSection
from cogspeech.delivery import onnx_export
from cogspeech.delivery.cli import main
from cogspeech.delivery.onnx_export import export_onnx
from cogspeech.delivery.onnx_model import GRID, TOLERANCE, with_onnx
from cogspeech.errors import BundleError, MissingExtra
from cogspeech.fusion.base import ModelSizes, collate
from cogspeech.settings import Component
from cogspeech.training.bundle import make_bundle, save_bundle
from cogspeech.training.bundle_facts import BundleFacts, TrainingCorpus
from cogspeech.training.prediction import predict_answers, predict_outputs
from cogspeech.types import RESEARCH_STATEMENT
from conftest import make_embedded
from fusion_variants import VARIANTS, label, random_model, recordings_for
from tone_corpora import tone_corpus

onnx = pytest.importorskip("onnx")
SIZES = ModelSizes(d_audio=42, d_text=65)
"""Those of the two encoders that need no checkpoint."""
ALIGNED = Component(name="aligned_cross_attention", d_model=8, stream_dropout=0.5)


def wide(sizes):
    """Recordings whose vectors have these sizes."""
    options = {"d_audio": sizes.d_audio, "d_text": sizes.d_text}
    return [
        make_embedded(f"r{i}", words=words, seed=i, **options) for i, words in enumerate([6, 3])
    ]


def bundle_of(component, sizes=SIZES):
    """Of a random model that is large enough for everything to show."""
    classes = ("a", "b") if sizes.num_outputs == 1 else tuple("abcdefgh"[: sizes.num_outputs])
    facts = BundleFacts(
        study="s",
        target=TargetSection(classes=classes),
        fusion=component,
        audio_encoder=Component(name="acoustic"),
        text_encoder=Component(name="hashed_words"),
        transcripts=TranscriptsSection(),
        sizes=sizes,
        sample_rates_hz=(16_000,),
        training=TrainingCorpus(participants=8, recordings=8),
        notice=None,
    )
    return make_bundle(random_model(component, sizes, wide(sizes)), facts)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A bundle, its folder and its graph, made by the command."""
    folder = tmp_path_factory.mktemp("exported")
    bundle = bundle_of(ALIGNED)
    save_bundle(bundle, folder / "model")
    path = folder / "model.onnx"
    small = [size for size in GRID if size.events * size.tokens < 5000]  # the others are slow
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(onnx_export, "GRID", small)
    assert main(["export", str(folder / "model"), "--format", "onnx", "--out", str(path)]) == 0
    monkeypatch.undo()
    return bundle, path


def test_the_graph_answers_as_the_bundle(exported):
    bundle, path = exported
    recordings = recordings_for(bundle.model, wide(SIZES))

    there = with_onnx(bundle, path)

    np.testing.assert_allclose(
        predict_outputs(there.model, recordings),
        predict_outputs(bundle.model, recordings),
        atol=TOLERANCE,
    )
    before = predict_answers(bundle.model, bundle.objective, recordings)
    after = predict_answers(there.model, there.objective, recordings)
    np.testing.assert_allclose(before.probabilities, after.probabilities, atol=TOLERANCE)
    assert there.model.streams == bundle.model.streams


def test_predict_runs_the_graph(exported, tmp_path, capsys):
    _, path = exported
    tone_corpus(tmp_path, participants=1, words=6)
    (audio,) = tmp_path.glob("audio/*.wav")
    asked = ["predict", str(path.parent / "model"), str(audio)]

    assert main(asked) == 0
    here = json.loads(capsys.readouterr().out)
    assert main([*asked, "--onnx", str(path)]) == 0
    there = json.loads(capsys.readouterr().out)

    assert there["probability"] == pytest.approx(here["probability"], abs=TOLERANCE)
    assert len(there["words"]) == len(here["words"]) == 6
    for one, other in zip(here["words"], there["words"], strict=True):
        assert other["attribution"] == pytest.approx(one["attribution"], abs=1e-4)


def test_the_graph_says_what_it_is_and_not_where_it_was_made(exported):
    bundle, path = exported
    graph = onnx.load(path)
    onnx.checker.check_model(graph, full_check=True)

    told = {entry.key: entry.value for entry in graph.metadata_props}
    assert told["cogspeech.bundle_sha256"] == bundle.digest
    assert told["cogspeech.use"] == RESEARCH_STATEMENT
    assert {given.name for given in graph.graph.input} == {
        field.name for field in dataclasses.fields(collate([make_embedded()]))
    }
    axes = {
        tuple(d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim)
        for given in graph.graph.input
    }
    assert axes == {
        ("batch", "event", SIZES.d_audio),
        ("batch", "token", SIZES.d_text),
        ("batch", "event"),
        ("batch", "token"),
        ("batch",),
    }
    for trace in (b"site-packages", b"cogspeech/", b".py"):
        assert trace not in path.read_bytes()
    assert [p.name for p in path.parent.iterdir() if p.is_file()] == ["model.onnx"]


def test_a_graph_has_no_gradients_and_says_so(exported):
    bundle, path = exported
    inputs = collate(recordings_for(bundle.model, wide(SIZES))[:1])
    wanted = dataclasses.replace(inputs, event_vectors=inputs.event_vectors.requires_grad_())

    with pytest.raises(BundleError, match="an exported graph has no gradients; explain by"):
        with_onnx(bundle, path).model(wanted)


def test_a_graph_of_another_bundle_is_refused(exported):
    _, path = exported
    torch.manual_seed(9)
    other = bundle_of(ALIGNED.model_copy(update={"num_heads": 2}))

    with pytest.raises(BundleError, match="is the graph of another bundle than this one"):
        with_onnx(other, path)


def test_a_graph_that_somebody_changed_is_refused(exported, tmp_path):
    bundle, path = exported
    graph = onnx.load(path)
    largest = max(graph.graph.initializer, key=lambda i: len(i.raw_data))
    largest.raw_data = bytes(len(largest.raw_data))
    changed = tmp_path / "changed.onnx"
    changed.write_bytes(graph.SerializeToString())

    with pytest.raises(
        BundleError, match=r"differ from the bundle's by .*, expected at most 1e-05"
    ):
        with_onnx(bundle, changed)


@pytest.mark.parametrize("content", [b"", b"no graph", b"\x80\x04N."])
def test_what_is_no_graph_is_one_line(exported, tmp_path, content):
    (tmp_path / "x.onnx").write_bytes(content)

    with pytest.raises(BundleError, match=r"x\.onnx: (onnxruntime cannot load it|has 0 bytes)"):
        with_onnx(exported[0], tmp_path / "x.onnx")


def test_a_graph_with_other_numbers_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "_graph", lambda _: b"")
    monkeypatch.setattr(onnx_export, "with_graph", lambda bundle, *_, **__: other)
    bundle = bundle_of(Component(name="pause_only", d_model=8))
    other = dataclasses.replace(bundle, model=random_model(bundle.facts.fusion, bundle.facts.sizes))
    with torch.no_grad():
        other.model.pause.head.linear.bias.add_(1e-3)

    with pytest.raises(BundleError, match="its outputs differ from the bundle's by"):
        export_onnx(bundle, tmp_path / "x.onnx")
    assert list(tmp_path.iterdir()) == []


def test_trained_encoder_layers_are_refused(tmp_path):
    bundle = bundle_of(Component(name="pause_only", d_model=8))
    bundle.model.encoders = torch.nn.Linear(1, 1)

    with pytest.raises(BundleError, match="holds trained encoder layers, which an exported graph"):
        export_onnx(bundle, tmp_path / "x.onnx")


def test_there_is_nothing_to_export_without_a_trained_bundle(tmp_path, capsys):
    assert main(["export", str(tmp_path), "--out", str(tmp_path / "x.onnx")]) == 2

    assert "no such bundle; give the 'model' folder of a run" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_missing_extra_is_named(exported, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)

    with pytest.raises(MissingExtra, match=r"pip install 'cogspeech\[export\]'"):
        with_onnx(*exported)


LAYERS = ModelSizes(d_audio=12, d_text=8, audio_layers=3, text_layers=2, num_outputs=3)


@pytest.mark.slow
@pytest.mark.parametrize("component", VARIANTS, ids=label)
def test_every_fusion_can_be_exported(component, tmp_path):
    worst = export_onnx(bundle_of(component), tmp_path / "x.onnx")

    assert worst <= TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({component.name for component in VARIANTS}))
def test_every_fusion_can_be_exported_with_mixed_layers(name, tmp_path):
    bundle = bundle_of(Component(name=name, d_model=8), LAYERS)

    assert export_onnx(bundle, tmp_path / "x.onnx") <= TOLERANCE
