"""A bundle's model as an ONNX graph, for programs without torch."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cogspeech.cache import write_atomically
from cogspeech.delivery.onnx_model import (
    BUNDLE_KEY,
    GRID,
    INPUTS,
    MAX_GRAPH_BYTES,
    OUTPUT,
    Size,
    drawn_inputs,
    largest_deviation,
    refuse_deviation,
    with_graph,
)
from cogspeech.errors import BundleError, require
from cogspeech.fusion.base import FusionInputs, FusionModel
from cogspeech.training.bundle import Bundle
from cogspeech.types import RESEARCH_STATEMENT

EXAMPLE = Size(2, 3, 5)
"""Sizes that differ, and none of them 1, which would be taken for a constant."""


def export_onnx(bundle: Bundle, path: Path) -> float:
    """Writes the graph of a bundle; its sizes are free, its inputs those of `FusionInputs`.

    The file appears only after the graph gave the model's logits over `GRID`, whose largest
    deviation is returned. Calibration and decision stay in the bundle.

    Raises:
        BundleError: the bundle cannot be exported, or the graph gives other numbers.
        MissingExtra: a library of the extra is not installed.
    """
    if bundle.model.encoders is not None:
        raise BundleError(
            "the bundle holds trained encoder layers, which an exported graph cannot run; export "
            "a model that was trained on frozen encoders (without 'finetune')"
        )
    content = _graph(bundle)
    exported = with_graph(bundle, content, where=str(path))
    worst = largest_deviation(bundle.model, exported.model, GRID)
    refuse_deviation(worst, where=str(path))
    write_atomically(path, content)
    return worst


class _Named(nn.Module):
    """The model with the arrays of its inputs as arguments of their own."""

    def __init__(self, model: FusionModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, *arrays: Tensor) -> Tensor:
        """The logits."""
        inputs = FusionInputs(**dict(zip(INPUTS, arrays, strict=True)))
        logits: Tensor = self.model(inputs).logits
        return logits


def _graph(bundle: Bundle) -> bytes:
    require("onnx", extra="export")
    require("onnxscript", extra="export")
    if 4 * sum(p.numel() for p in bundle.model.state_dict().values()) > MAX_GRAPH_BYTES // 2:
        raise BundleError("the model is too large for one ONNX file; export one below 1 GB")
    example = next(drawn_inputs(bundle.model, EXAMPLE))
    with _quiet():
        program: Any = torch.onnx.export(
            _Named(bundle.model).eval(),
            tuple(getattr(example, name) for name in INPUTS),
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_shapes=(tuple(_free_axes(name) for name in INPUTS),),
            dynamo=True,
            verbose=False,
        )
    for graph in (program.model.graph, *program.model.functions.values()):
        for node in graph:
            node.metadata_props.clear()  # where in which file of whose computer it was made
    program.model.producer_name = "cogspeech"
    program.model.producer_version = version("cogspeech")
    program.model.metadata_props.update(
        {
            BUNDLE_KEY: bundle.digest,
            "cogspeech.version": version("cogspeech"),
            "cogspeech.fusion": bundle.facts.fusion.name,
            "cogspeech.use": RESEARCH_STATEMENT,
        }
    )
    content: bytes = program.model_proto.SerializeToString()
    return content


def _free_axes(name: str) -> dict[int, Any]:
    batch, event, token = (torch.export.Dim(axis, min=1) for axis in ("batch", "event", "token"))
    if name.startswith("lacks"):
        return {0: batch}
    return {0: batch, 1: event if name.startswith("event") else token}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter tells its own developers."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
