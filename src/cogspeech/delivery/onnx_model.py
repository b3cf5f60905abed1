"""An exported graph in the place of a bundle's model, run by onnxruntime.

The bundle stays what says how outputs become answers: objective, calibration, threshold and sets.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cogspeech.errors import BundleError, require
from cogspeech.fusion.base import FusionInputs, FusionModel, FusionOutputs, Standardise, collate
from cogspeech.training.bundle import Bundle
from cogspeech.training.bundle_files import read_file
from cogspeech.types import EmbeddedRecording

INPUTS = tuple(field.name for field in fields(FusionInputs))
OUTPUT = "logits"
BUNDLE_KEY = "cogspeech.bundle_sha256"
MAX_GRAPH_BYTES = (1 << 31) - 1
"""Beyond it the format needs further files."""
MAX_WITHOUT = 4096
"""Pairs of a batch that is also tried without each stream."""
TOLERANCE = 1e-5
"""By how much a logit may differ, and by which share of it where it is larger than 1."""


class Size(NamedTuple):
    """Of a batch that graph and model are compared on."""

    batch: int
    events: int
    tokens: int
    has_holes: bool = False
    """Items in the middle are not real, as where a word was taken away."""
    only_pauses: bool = False


GRID = (
    Size(1, 1, 1),
    Size(1, 1, 1, only_pauses=True),
    Size(1, 1, 400),
    Size(1, 400, 1),
    Size(1, 400, 400),
    Size(2, 3, 5),
    Size(2, 5, 3, has_holes=True),
    Size(3, 17, 40, only_pauses=True),
    Size(4, 2, 2, has_holes=True),
    Size(5, 400, 37),
    Size(6, 37, 400, has_holes=True),
    Size(7, 64, 64, only_pauses=True, has_holes=True),
    Size(8, 400, 400),
)
FEW = (Size(1, 7, 9), Size(3, 9, 7, has_holes=True))


class OnnxFusion(FusionModel):
    """Answers as the model it was exported from; knows neither gradients nor attention."""

    is_traceable = False

    def __init__(self, model: FusionModel, session: Any) -> None:
        super().__init__(model.sizes, model.options)
        vars(self)["streams"] = model.streams  # of this one, not of all
        self._session = session

    @property
    def device(self) -> torch.device:
        """The processor."""
        return torch.device("cpu")

    def inputs_of(self, recordings: Sequence[EmbeddedRecording]) -> FusionInputs:
        """Recordings as one padded batch."""
        return collate(recordings)

    def forward(self, inputs: FusionInputs, *, return_attention: bool = False) -> FusionOutputs:  # noqa: ARG002
        """The logits of the graph.

        Raises:
            BundleError: somebody asks for gradients.
        """
        given = {name: getattr(inputs, name) for name in INPUTS}
        if any(tensor.requires_grad for tensor in given.values()):
            raise BundleError(
                "an exported graph has no gradients; explain by occlusion, or answer without --onnx"
            )
        (logits,) = self._session.run([OUTPUT], {name: t.numpy() for name, t in given.items()})
        return FusionOutputs(logits=torch.from_numpy(logits))


def with_onnx(bundle: Bundle, path: Path) -> Bundle:
    """The bundle with its exported graph in the place of its model.

    Raises:
        BundleError: the file is no graph of this bundle, or does not give its numbers.
        MissingExtra: onnxruntime is not installed.
    """
    exported = with_graph(bundle, read_file(path, max_bytes=MAX_GRAPH_BYTES), where=str(path))
    refuse_deviation(largest_deviation(bundle.model, exported.model, FEW), where=str(path))
    return exported


def with_graph(bundle: Bundle, content: bytes, *, where: str) -> Bundle:
    """As `with_onnx`, from the bytes of a graph and without comparing numbers."""
    runtime = require("onnxruntime", extra="export")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # as `one_thread`
    options.log_severity_level = 4
    try:
        session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the errors of the runtime have no base of their own
        raise BundleError(
            f"{where}: onnxruntime cannot load it; export the bundle again"
        ) from error
    found = session.get_modelmeta().custom_metadata_map.get(BUNDLE_KEY)
    if found != bundle.digest:
        raise BundleError(
            f"{where}: is the graph of another bundle than this one; give the two that belong "
            "together, or export this bundle"
        )
    if {given.name for given in session.get_inputs()} != set(INPUTS):
        raise BundleError(f"{where}: asks for other inputs; export the bundle again")
    return replace(bundle, model=OnnxFusion(bundle.model, session).eval())


def refuse_deviation(deviation: float, *, where: str) -> None:
    """Refuses a graph that does not give the numbers of its bundle.

    Raises:
        BundleError: says by how much it differs.
    """
    if not deviation <= TOLERANCE:
        raise BundleError(
            f"{where}: its outputs differ from the bundle's by {deviation:.1e}, expected at most "
            f"{TOLERANCE:.0e}; export the bundle again"
        )


@torch.inference_mode()
def largest_deviation(model: FusionModel, other: FusionModel, sizes: Sequence[Size]) -> float:
    """The largest difference of a logit, relative to it where it is larger than 1.

    NaN on one side only is infinitely far.
    """
    worst = 0.0
    for inputs in (drawn for size in sizes for drawn in drawn_inputs(model, size)):
        here, there = model(inputs).logits, other(inputs).logits
        apart = (there - here).abs() / here.abs().clamp(min=1.0)
        worst = max(worst, float(apart.nan_to_num(nan=torch.inf).max()))
    return worst


def drawn_inputs(model: FusionModel, size: Size) -> Iterator[FusionInputs]:
    """Random batches on the model's own scale; without each stream, too, if it can do that."""
    draw = torch.Generator().manual_seed(sum(size))
    batch, events, tokens = size.batch, size.events, size.tokens
    words = max(1, tokens // 2)

    def places(count: int) -> Tensor:
        return torch.randint(words, (batch, count), generator=draw).sort(dim=1).values

    def is_real(count: int) -> Tensor:
        lengths = torch.randint(1, count + 1, (batch, 1), generator=draw)
        lengths[0] = count  # the row that the others are padded to
        real = torch.arange(count)[None, :] < lengths
        if size.has_holes:
            real &= torch.rand(batch, count, generator=draw) < 0.7
            real[:, 0] = True
        return real

    nobody = torch.zeros(2, batch, dtype=torch.bool).unbind()  # two: an exporter joins the same
    whole = FusionInputs(
        event_vectors=_on_scale(model, "audio", batch, events, draw),
        event_word=places(events),
        event_is_pause=(torch.rand(batch, events, generator=draw) < 0.3) | size.only_pauses,
        event_duration_s=2.0 * torch.rand(batch, events, generator=draw),
        event_is_real=is_real(events),
        token_vectors=_on_scale(model, "text", batch, tokens, draw),
        token_word=places(tokens),
        token_is_real=is_real(tokens),
        lacks_audio=nobody[0],
        lacks_text=nobody[1],
    )
    yield whole
    if model.stream_dropout and events * tokens <= MAX_WITHOUT:
        some = torch.arange(batch) % 2 == 0
        yield replace(whole, lacks_audio=some)
        yield replace(whole, lacks_text=some)


def _on_scale(
    model: FusionModel, stream: str, batch: int, count: int, draw: torch.Generator
) -> Tensor:
    sizes = {"audio": model.sizes.d_audio, "text": model.sizes.d_text}
    vectors = torch.randn(batch, count, sizes[stream], generator=draw)
    for module in model.modules():
        if isinstance(module, Standardise) and module.stream == stream:
            return vectors * module.scale + module.mean
    return vectors
