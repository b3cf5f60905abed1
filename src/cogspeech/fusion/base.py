"""Stage 4: what a fusion model takes and gives, and the one place that pads and masks.

Axes: ``batch``, ``event`` (audio side), ``token`` (text side), ``d_audio``, ``d_text``,
``d_model``, ``head``. Masks say what True means and are required: `event_is_real`,
`token_is_real`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field, model_validator
from torch import Tensor, nn

from cogspeech.config import parse_options
from cogspeech.errors import BundleError
from cogspeech.registry import Registry
from cogspeech.settings import Component, Settings
from cogspeech.types import EmbeddedRecording, Stream

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
    lacks_audio: Bool[Tensor, " batch"]
    """The events of these recordings must not be looked at."""
    lacks_text: Bool[Tensor, " batch"]

    def to(self, device: torch.device | str) -> "FusionInputs":
        """The same batch on another device."""
        moved = {field.name: getattr(self, field.name).to(device) for field in fields(self)}
        return replace(self, **moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionOutputs:
    """What an objective reads: for a binary diagnosis one logit, above 0 for the second class."""

    logits: Float[Tensor, "batch output"]
    attention: Float[Tensor, "layer batch head event token"] | None = None
    """What every event gave to each token; filled only on request."""
    attention_back: Float[Tensor, "layer batch head token event"] | None = None
    """What every token gave to each event, where tokens ask, too."""


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


class FusionOptions(Settings):
    """The options that every fusion has."""

    d_model: int = Field(default=64, ge=4, le=8192)
    """Size of the vectors inside the model."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of numbers that are set to 0 while training."""
    num_layers: int = Field(default=1, ge=1, le=64)
    """How often the layers between the streams and the pooling are repeated."""
    pooling: Literal["attention", "mean", "first_token"] = "attention"
    """How the items of a stream become one vector."""


class TwoStreamOptions(FusionOptions):
    """The options of a fusion that reads both streams."""

    stream_dropout: float = Field(default=0.0, ge=0, le=0.9)
    """Share of the training recordings that lose audio or text, anew at each step; above 0 the
    model can answer without one of them (as ModDrop, Neverova et al., 2016)."""


class FusionModel(nn.Module):
    """Contract of all fusions: made from the sizes and its own options."""

    Options: ClassVar[type[FusionOptions]]
    streams: ClassVar[tuple[Stream | Literal["pauses"], ...]] = ("audio", "text")
    """What the model reads of a recording; ``audio`` includes pauses and durations."""
    is_traceable: ClassVar[bool] = True
    """False: it runs outside of PyTorch."""
    gives_attention: ClassVar[bool] = False
    """Whether one stream attends to the other, with weights that `fuse` can give."""

    def __init__(self, sizes: ModelSizes, options: Any) -> None:
        super().__init__()
        self.sizes = sizes
        self.options = options
        self.encoders: nn.Module | None = None
        """The encoder layers that are trained with the fusion; they replace the vectors of a batch:
        called with inputs and recordings, gives inputs."""
        two = isinstance(options, TwoStreamOptions)
        self.stream_dropout: float = options.stream_dropout if two else 0.0

    def fuse(self, inputs: FusionInputs, *, return_attention: bool) -> FusionOutputs:
        """Logits, and the attention weights if they are asked for and exist."""
        raise NotImplementedError

    def forward(self, inputs: FusionInputs, *, return_attention: bool = False) -> FusionOutputs:
        """`fuse`, after what is missing or dropped has got its placeholders."""
        events, tokens = inputs.event_word.shape[1], inputs.token_word.shape[1]
        if self.stream_dropout:
            dropped = _drop_streams(inputs, self.stream_dropout) if self.training else inputs
            inputs = _with_placeholders(dropped)
        found = self.fuse(inputs, return_attention=return_attention)
        there, back = found.attention, found.attention_back
        return FusionOutputs(
            logits=found.logits,
            attention=None if there is None else there[..., :events, :tokens],
            attention_back=None if back is None else back[..., :tokens, :events],
        )

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return next(self.parameters()).device

    def inputs_of(self, recordings: Sequence[EmbeddedRecording]) -> FusionInputs:
        """Recordings as one padded batch, where the model is; encoder layers of its own are run."""
        inputs = collate(recordings).to(self.device)
        if self.encoders is None:
            return inputs
        replaced: FusionInputs = self.encoders(inputs, recordings)
        return replaced

    def refuse_missing(self, recordings: Sequence[EmbeddedRecording]) -> None:
        """Refuses recordings that lack what the model cannot do without.

        Raises:
            BundleError: names the recording and the stream.
        """
        if self.stream_dropout:
            return
        needed = {"audio" if stream == "pauses" else stream for stream in self.streams}
        for recording in recordings:
            for stream in sorted(needed & set(recording.missing)):
                raise BundleError(
                    f"recording '{recording.recording_id}': without its {stream} this model has "
                    "no answer; use one that reads both streams and was trained with "
                    "'stream_dropout' above 0"
                )

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
        event_vectors=_pad([r.event_vectors for r in recordings]).float(),
        event_word=_pad([r.event_word for r in recordings]),
        event_is_pause=_pad([r.event_is_pause for r in recordings]),
        event_duration_s=_pad([r.event_duration_s.astype("float32") for r in recordings]),
        event_is_real=_is_real([len(r.event_word) for r in recordings]),
        token_vectors=_pad([r.token_vectors for r in recordings]).float(),
        token_word=_pad([r.token_word for r in recordings]),
        token_is_real=_is_real([len(r.token_word) for r in recordings]),
        lacks_audio=torch.tensor(["audio" in r.missing for r in recordings]),
        lacks_text=torch.tensor(["text" in r.missing for r in recordings]),
    )


def _drop_streams(inputs: FusionInputs, share: float) -> FusionInputs:
    """Takes audio from half of a share of the recordings, and text from the other half."""
    draw = torch.rand(len(inputs.lacks_audio), device=inputs.lacks_audio.device)
    no_audio = (draw < share / 2) & ~inputs.lacks_text
    no_text = (draw >= share / 2) & (draw < share) & ~inputs.lacks_audio
    return replace(
        inputs,
        lacks_audio=inputs.lacks_audio | no_audio,
        lacks_text=inputs.lacks_text | no_text,
    )


def _with_placeholders(inputs: FusionInputs) -> FusionInputs:
    """For a missing stream, one item per item of the other one, at its word.

    What stands in the vectors, pauses and durations of a missing stream stays there and is
    replaced by the modules that read them.
    """
    longest: Any = torch.sym_max  # as `max`, and stays a symbol in an exported graph
    size = longest(inputs.event_word.shape[1], inputs.token_word.shape[1])
    wide = {
        field.name: _widened(getattr(inputs, field.name), size)
        for field in fields(inputs)
        if not field.name.startswith("lacks")
    }
    no_audio, no_text = inputs.lacks_audio[:, None], inputs.lacks_text[:, None]
    event, token = wide["event_word"], wide["token_word"]
    wide["event_word"] = torch.where(no_audio, token, event)
    wide["token_word"] = torch.where(no_text, event, token)
    # Masks by logic: no runtime of exported graphs has a `where` of booleans.
    is_event, is_token = wide["event_is_real"], wide["token_is_real"]
    wide["event_is_real"] = (is_event & ~no_audio) | (is_token & no_audio)
    wide["token_is_real"] = (is_token & ~no_text) | (is_event & no_text)
    return replace(inputs, **wide)


def _widened(items: Tensor, size: int | torch.SymInt) -> Tensor:
    """Padded along the second axis."""
    more = items.new_zeros(items.shape[0], size - items.shape[1], *items.shape[2:])
    return torch.cat([items, more], dim=1)


def _pad(arrays: Sequence[Any]) -> Tensor:
    tensors = [torch.from_numpy(array) for array in arrays]
    return nn.utils.rnn.pad_sequence(tensors, batch_first=True)


def _is_real(lengths: Sequence[int]) -> Bool[Tensor, "batch item"]:
    counts = torch.tensor(lengths)
    return torch.arange(int(counts.max()))[None, :] < counts[:, None]
