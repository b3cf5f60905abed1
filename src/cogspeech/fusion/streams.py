"""The two streams of a recording as ``d_model`` vectors, and what one stream alone can say."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from cogspeech.fusion.base import (
    FusionInputs,
    FusionOptions,
    ModelSizes,
    Standardise,
    TwoStreamOptions,
)
from cogspeech.fusion.layers import FeedForward, Head, Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The items of one stream: events or tokens."""

    vectors: Float[Tensor, "batch item d_model"]
    word: Int[Tensor, "batch item"]
    is_real: Bool[Tensor, "batch item"]


class LayerMix(nn.Module):
    """A learned weighted mean of encoder layers; equal weights at the start.

    The scalar mix of Peters et al. (2018): which layer carries the signal is not chosen by hand.
    Layers are standardised before, so that a weight is not a matter of scale.
    """

    def __init__(self, num_layers: int) -> None:
        super().__init__()
        self.num_layers = num_layers
        if num_layers > 1:
            self.weight = nn.Parameter(torch.zeros(num_layers))

    def forward(
        self, vectors: Float[Tensor, "batch item stacked"]
    ) -> Float[Tensor, "batch item size"]:
        """One vector for all layers; with one layer, the vectors as they are."""
        if self.num_layers == 1:
            return vectors
        layers = vectors.view(*vectors.shape[:2], self.num_layers, -1)  # (batch, item, layer, d)
        mixed: Tensor = torch.einsum("bild,l->bid", layers, self.weight.softmax(dim=0))
        return mixed


class Timing(nn.Module):
    """Kind (word or pause) and duration of events as ``d_model`` vectors.

    The duration enters as ``log(1 + 10 * seconds)``, which spreads pauses of 0.1 s to 5 s evenly.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.project = nn.Linear(4, d_model)

    def forward(self, inputs: FusionInputs) -> Float[Tensor, "batch event d_model"]:
        """One vector per event."""
        is_pause = inputs.event_is_pause.float()
        duration = torch.log1p(10.0 * inputs.event_duration_s)
        timing: Tensor = self.project(
            torch.stack(
                [is_pause, 1.0 - is_pause, is_pause * duration, (1.0 - is_pause) * duration],
                dim=-1,
            )
        )
        return timing


class Placeholder(nn.Module):
    """A learned vector in place of every item of a stream that is missing."""

    def __init__(self, options: FusionOptions) -> None:
        super().__init__()
        if isinstance(options, TwoStreamOptions) and options.stream_dropout:
            self.vector = nn.Parameter(0.02 * torch.randn(options.d_model))

    def forward(
        self, vectors: Float[Tensor, "batch item d_model"], is_missing: Bool[Tensor, " batch"]
    ) -> Float[Tensor, "batch item d_model"]:
        """The vectors, or the placeholder where a recording lacks the stream."""
        if not hasattr(self, "vector"):
            return vectors
        return torch.where(is_missing[:, None, None], self.vector.to(vectors), vectors)


class AudioStream(nn.Module):
    """Events: audio, kind (word or pause) and duration."""

    def __init__(self, sizes: ModelSizes, options: FusionOptions) -> None:
        super().__init__()
        self.standardise = Standardise(sizes.d_audio, stream="audio")
        self.mix = LayerMix(sizes.audio_layers)
        self.project = nn.Linear(sizes.d_audio // sizes.audio_layers, options.d_model)
        self.timing = Timing(options.d_model)
        self.placeholder = Placeholder(options)
        self.drop = nn.Dropout(options.dropout)

    def forward(self, inputs: FusionInputs) -> Items:
        """The raw audio stream."""
        audio = self.project(self.drop(self.mix(self.standardise(inputs.event_vectors))))
        vectors = self.placeholder(audio + self.timing(inputs), inputs.lacks_audio)
        return Items(vectors=vectors, word=inputs.event_word, is_real=inputs.event_is_real)


class TextStream(nn.Module):
    """Tokens."""

    def __init__(self, sizes: ModelSizes, options: FusionOptions) -> None:
        super().__init__()
        self.standardise = Standardise(sizes.d_text, stream="text")
        self.mix = LayerMix(sizes.text_layers)
        self.project = nn.Linear(sizes.d_text // sizes.text_layers, options.d_model)
        self.placeholder = Placeholder(options)
        self.drop = nn.Dropout(options.dropout)

    def forward(self, inputs: FusionInputs) -> Items:
        """The raw text stream."""
        text = self.project(self.drop(self.mix(self.standardise(inputs.token_vectors))))
        vectors = self.placeholder(text, inputs.lacks_text)
        return Items(vectors=vectors, word=inputs.token_word, is_real=inputs.token_is_real)


class PauseStream(nn.Module):
    """Events as nothing but their kind and duration."""

    def __init__(self, options: FusionOptions) -> None:
        super().__init__()
        self.timing = Timing(options.d_model)

    def forward(self, inputs: FusionInputs) -> Items:
        """The events without what is heard in them."""
        return Items(
            vectors=self.timing(inputs), word=inputs.event_word, is_real=inputs.event_is_real
        )


class Tower(nn.Module):
    """One stream to the outputs: perceptrons, pooling, head."""

    def __init__(self, stream: nn.Module, sizes: ModelSizes, options: Any) -> None:
        super().__init__()
        self.stream = stream
        self.layers = FeedForward.repeated(options)
        self.pool = Pool(options.d_model, how=options.pooling)
        self.head = Head(options.d_model, sizes.num_outputs, dropout=options.dropout)

    def forward(self, inputs: FusionInputs) -> Float[Tensor, "batch output"]:
        """The outputs from the real items of the stream."""
        items = self.stream(inputs)
        logits: Tensor = self.head(self.pool(self.layers(items.vectors), items.is_real))
        return logits
