"""Stage 4: what a fusion model takes and gives, and the one place that pads and masks.

Axes: ``batch``, ``event`` (audio side), ``token`` (text side), ``d_audio``, ``d_text``,
``d_model``, ``head``. Masks say what True means and are required: `event_is_real`,
`token_is_real`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from cogspeech.config import Component, Settings, parse_options
from cogspeech.registry import Registry
from cogspeech.types import EmbeddedRecording


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
    """One logit per recording; positive means the second class."""

    logits: Float[Tensor, " batch"]
    attention: Float[Tensor, "batch head event token"] | None = None
    """Filled only on request."""


class FusionModel(nn.Module):
    """Contract of all fusions: made from the sizes of the encoders and its own options."""

    Options: ClassVar[type[Settings]]
    streams: ClassVar[tuple[str, ...]] = ("audio", "text")
    """The sides of a recording that the model reads."""

    def __init__(self, *, d_audio: int, d_text: int, options: Any) -> None:
        super().__init__()
        self.d_audio = d_audio
        self.d_text = d_text
        self.options = options

    def forward(self, inputs: FusionInputs, *, return_attention: bool = False) -> FusionOutputs:
        """Logits, and the attention weights if they are asked for and exist."""
        raise NotImplementedError

    def fit_scaling(self, recordings: Sequence[EmbeddedRecording]) -> None:
        """Sets the standardisation of both streams from the training part alone."""
        audio = torch.from_numpy(np.concatenate([r.event_vectors for r in recordings]))
        text = torch.from_numpy(np.concatenate([r.token_vectors for r in recordings]))
        for module in self.modules():
            if isinstance(module, Standardise):
                module.fit({"audio": audio, "text": text}[module.stream])


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

    def fit(self, vectors: Float[Tensor, "item size"]) -> None:
        """Takes mean and deviation of the vectors; a constant dimension keeps its scale."""
        deviation = vectors.double().std(dim=0, correction=0)
        self.mean.copy_(vectors.double().mean(dim=0))
        self.scale.copy_(torch.where(deviation > 1e-6, deviation, 1.0))

    def forward(
        self, vectors: Float[Tensor, "batch item size"]
    ) -> Float[Tensor, "batch item size"]:
        """The standardised vectors."""
        return (vectors - self.mean) / self.scale


FUSIONS: Registry[type[FusionModel]] = Registry("fusion", "cogspeech.fusion")


def build_fusion(component: Component, *, d_audio: int, d_text: int) -> FusionModel:
    """A fresh fusion model.

    Raises:
        ConfigError: the fusion or one of its options does not exist or does not fit.
    """
    plugin = FUSIONS.get(component.name)
    options = parse_options(plugin.Options, component.options, where=f"fusion {component.name}")
    return plugin(d_audio=d_audio, d_text=d_text, options=options)


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
