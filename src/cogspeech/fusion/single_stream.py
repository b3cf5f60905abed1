"""``audio_only``, ``text_only`` and ``late_fusion``: what one stream can do, and both apart."""

from typing import Any, ClassVar

from jaxtyping import Bool, Float
from torch import Tensor, nn

from cogspeech.fusion.base import (
    FUSIONS,
    FusionInputs,
    FusionModel,
    FusionOutputs,
    ModelSizes,
)
from cogspeech.fusion.layers import (
    AttentionPool,
    AudioStream,
    FeedForward,
    Head,
    StreamOptions,
    TextStream,
)


class Tower(nn.Module):
    """One stream to the outputs."""

    def __init__(
        self, stream: AudioStream | TextStream, num_outputs: int, options: StreamOptions
    ) -> None:
        super().__init__()
        self.stream = stream
        self.feed_forward = FeedForward(options.d_model, dropout=options.dropout)
        self.pool = AttentionPool(options.d_model)
        self.head = Head(options.d_model, num_outputs, dropout=options.dropout)

    def forward(
        self, inputs: FusionInputs, is_real: Bool[Tensor, "batch item"]
    ) -> Float[Tensor, "batch output"]:
        """The outputs from the real items of the stream."""
        pooled = self.pool(self.feed_forward(self.stream(inputs)), is_real)
        logits: Tensor = self.head(pooled)
        return logits


@FUSIONS.register("audio_only")
class AudioOnly(FusionModel):
    """Words and pauses as they sound, without a word of text."""

    Options = StreamOptions
    streams: ClassVar[tuple[str, ...]] = ("audio",)

    def __init__(self, sizes: ModelSizes, options: Any) -> None:
        super().__init__(sizes, options)
        stream = AudioStream(sizes, options.d_model, dropout=options.dropout)
        self.audio = Tower(stream, sizes.num_outputs, options)

    def forward(self, inputs: FusionInputs, *, return_attention: bool = False) -> FusionOutputs:
        """Logits; there is no attention between streams."""
        return FusionOutputs(logits=self.audio(inputs, inputs.event_is_real))


@FUSIONS.register("text_only")
class TextOnly(FusionModel):
    """Tokens alone: no sound, no pause, no time."""

    Options = StreamOptions
    streams: ClassVar[tuple[str, ...]] = ("text",)

    def __init__(self, sizes: ModelSizes, options: Any) -> None:
        super().__init__(sizes, options)
        stream = TextStream(sizes, options.d_model, dropout=options.dropout)
        self.text = Tower(stream, sizes.num_outputs, options)

    def forward(self, inputs: FusionInputs, *, return_attention: bool = False) -> FusionOutputs:
        """Logits; there is no attention between streams."""
        return FusionOutputs(logits=self.text(inputs, inputs.token_is_real))


@FUSIONS.register("late_fusion")
class LateFusion(FusionModel):
    """The sum of both streams' logits, trained together; neither sees the other."""

    Options = StreamOptions

    def __init__(self, sizes: ModelSizes, options: Any) -> None:
        super().__init__(sizes, options)
        size, dropout = options.d_model, options.dropout
        audio = AudioStream(sizes, size, dropout=dropout)
        text = TextStream(sizes, size, dropout=dropout)
        self.audio = Tower(audio, sizes.num_outputs, options)
        self.text = Tower(text, sizes.num_outputs, options)

    def forward(self, inputs: FusionInputs, *, return_attention: bool = False) -> FusionOutputs:
        """Logits; there is no attention between streams."""
        audio = self.audio(inputs, inputs.event_is_real)
        return FusionOutputs(logits=audio + self.text(inputs, inputs.token_is_real))
