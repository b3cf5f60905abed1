"""Stage 4: what a fusion model takes and gives, and the one place that pads and masks.

Axes: ``batch``, ``event`` (audio side), ``token`` (text side), ``d_audio``, ``d_text``,
``d_model``, ``head``. Masks say what True means and are required: `event_is_real`,
`token_is_real`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field, model_validator
from torch import Tensor, nn

from cogspeech.config import Component, Settings, parse_options
from cogspeech.registry import Registry
from cogspeech.types import EmbeddedRecording

MAX_SIZE = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionInputs:
    """A padded batch of embedded recordings."""

    event_vectors: Float[Tensor, "batch event d_audio"]
    event_word: Int[Tensor, "batch event"]
    event_is_pause: Bool[Tensor, "batch event"]
    event_duration_s: Float[Tensor, "batch event"]
    event_is_real: Bool[Tensor, "batch event"]
    token_vectors: Float[Tensor, "batch token d_text"]
    token_word: Int[Tensor, "batch token"]
    token_is_real: Bool[Tensor, "batch token"]

    def to(self, device: torch.device | str) -> "FusionInputs":
        """The same batch on another device."""
        moved = {field.name: getattr(self, field.name).to(device) for field in fields(self)}
        return replace(self, **moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionOutputs:
    """What an objective reads: for a binary diagnosis one logit, above 0 for the second class."""

    logits: Float[Tensor, "batch output"]
    attention: Float[Tensor, "batch head event token"] | None = None
    """Filled only on request."""


class ModelSizes(Settings):
    """What a fusion has to know of the encoders and of the objective."""

    d_audio: Annotated[int, Field(ge=1, le=MAX_SIZE)]
    d_text: Annotated[int, Field(ge=1, le=MAX_SIZE)]
    audio_layers: Annotated[int, Field(ge=1, le=256)] = 1
    """Encoder layers that lie one after the other in ``d_audio``."""
    text_layers: Annotated[int, Field(ge=1, le=256)] = 1
    num_outputs: Annotated[int, Field(ge=1, le=256)] = 1
    """Numbers per recording that the objective asks for."""

    @model_validator(mode="after")
    def _layers_divide(self) -> "ModelSizes":
        if self.d_audio % self.audio_layers or self.d_text % self.text_layers:
            raise ValueError("the size of a vector must be a multiple of its number of layers")
        return self

    @classmethod
    def of(cls, recording: EmbeddedRecording, *, num_outputs: int) -> "ModelSizes":
        """The sizes of one recording, which are those of all."""
        return cls(
            d_audio=recording.event_vectors.shape[1],
            d_text=recording.token_vectors.shape[1],
            audio_layers=recording.audio_layers,
            text_layers=recording.text_layers,
            num_outputs=num_outputs,
        )


class FusionModel(nn.Module):
    """Contract of all fusions: made from the sizes and its own options."""

    Options: ClassVar[type[Settings]]
    streams: ClassVar[tuple[str, ...]] = ("audio", "text")
    """The sides of a recording that the model reads."""

    def __init__(self, sizes: ModelSizes, options: Any) -> None:
        super().__init__()
        self.sizes = sizes
        self.options = options

    def forward(self, inputs: FusionInputs, *, return_attention: bool = False) -> FusionOutputs:
        """Logits, and the attention weights if they are asked for and exist."""
        raise NotImplementedError

    def fit_scaling(self, recordings: Sequence[EmbeddedRecording]) -> None:
        """Sets the standardisation of both streams from the training part alone."""
        sides = {
            "audio": [r.event_vectors for r in recordings],
            "text": [r.token_vectors for r in recordings],
        }
        for module in self.modules():
            if isinstance(module, Standardise):
                module.fit(sides[module.stream])


class Standardise(nn.Module):
    """Zero mean and unit variance per dimension, as fitted on a training part.

    Args:
        size: of the vectors.
        stream: "audio" or "text": which side of a recording it is fitted on.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, size: int, *, stream: str) -> None:
        super().__init__()
        self.stream = stream
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))

    def fit(self, parts: Sequence[Float[np.ndarray, "_ size"]]) -> None:
        """Takes mean and deviation over all rows; a constant dimension keeps its scale.

        One part at a time is held in float64, so memory does not grow with their number.
        """
        count = sum(len(part) for part in parts)
        mean = sum(part.sum(axis=0, dtype=np.float64) for part in parts) / count
        variance = sum(np.square(part - mean).sum(axis=0) for part in parts) / count
        deviation = torch.from_numpy(np.sqrt(variance))
        self.mean.copy_(torch.from_numpy(mean))
        self.scale.copy_(torch.where(deviation > 1e-6, deviation, 1.0))

    def forward(
        self, vectors: Float[Tensor, "batch item size"]
    ) -> Float[Tensor, "batch item size"]:
        """The standardised vectors."""
        return (vectors - self.mean) / self.scale


FUSIONS: Registry[type[FusionModel]] = Registry("fusion", "cogspeech.fusion")


def build_fusion(component: Component, sizes: ModelSizes) -> FusionModel:
    """A fresh fusion model.

    Raises:
        ConfigError: the fusion or one of its options does not exist or does not fit.
    """
    plugin = FUSIONS.get(component.name)
    options = parse_options(plugin.Options, component.options, where=f"fusion {component.name}")
    return plugin(sizes, options)


def collate(recordings: Sequence[EmbeddedRecording]) -> FusionInputs:
    """Recordings of any lengths as one padded batch; `EmbeddedRecording` is never empty."""
    return FusionInputs(
        event_vectors=_pad([r.event_vectors for r in recordings]),
        event_word=_pad([r.event_word for r in recordings]),
        event_is_pause=_pad([r.event_is_pause for r in recordings]),
        event_duration_s=_pad([r.event_duration_s.astype("float32") for r in recordings]),
        event_is_real=_is_real([len(r.event_word) for r in recordings]),
        token_vectors=_pad([r.token_vectors for r in recordings]),
        token_word=_pad([r.token_word for r in recordings]),
        token_is_real=_is_real([len(r.token_word) for r in recordings]),
    )


def _pad(arrays: Sequence[Any]) -> Tensor:
    tensors = [torch.from_numpy(array) for array in arrays]
    return nn.utils.rnn.pad_sequence(tensors, batch_first=True)


def _is_real(lengths: Sequence[int]) -> Bool[Tensor, "batch item"]:
    counts = torch.tensor(lengths)
    return torch.arange(int(counts.max()))[None, :] < counts[:, None]
