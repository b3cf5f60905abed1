"""``aligned_cross_attention``: audio events attend over text tokens by distance in words.

Without the distance in words, token-level attention aligns nothing: a pause cannot know which word
it delays. See docs/explanation/alignment.md for the measurements.
"""

from typing import Any

from pydantic import Field, model_validator
from torch import nn

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
    CrossAttention,
    FeedForward,
    GatedResidual,
    Head,
    StreamOptions,
    TextStream,
    WordDistanceBias,
)


@FUSIONS.register("aligned_cross_attention")
class AlignedCrossAttention(FusionModel):
    """Events ask, tokens answer with a bias on the word distance; gated, pooled."""

    class Options(StreamOptions):
        """``{name: aligned_cross_attention, d_model: 64, num_heads: 4, ...}``."""

        num_heads: int = Field(default=4, ge=1)
        max_distance: int = Field(default=8, ge=1)
        """Words; beyond it the learned part of the bias is constant."""
        steepest_slope: float = Field(default=16.0, gt=0)
        """Slope of the first head at the start; each further head has a quarter of it."""

        @model_validator(mode="after")
        def _heads_divide(self) -> "AlignedCrossAttention.Options":
            if self.d_model % self.num_heads:
                raise ValueError("d_model must be a multiple of num_heads")
            return self

    def __init__(self, sizes: ModelSizes, options: Any) -> None:
        super().__init__(sizes, options)
        size, dropout = options.d_model, options.dropout
        self.audio = AudioStream(sizes, size, dropout=dropout)
        self.text = TextStream(sizes, size, dropout=dropout)
        self.norm_audio = nn.LayerNorm(size)
        self.norm_text = nn.LayerNorm(size)
        self.bias = WordDistanceBias(
            options.num_heads,
            max_distance=options.max_distance,
            steepest_slope=options.steepest_slope,
        )
        self.attend = CrossAttention(size, num_heads=options.num_heads)
        self.gate = GatedResidual(size)
        self.feed_forward = FeedForward(size, dropout=dropout)
        self.pool = AttentionPool(size)
        self.head = Head(size, sizes.num_outputs, dropout=dropout)

    def forward(self, inputs: FusionInputs, *, return_attention: bool = False) -> FusionOutputs:
        """Logits, and on request the weight of every token for every event."""
        audio = self.audio(inputs)  # (batch, event, d_model)
        text = self.text(inputs)  # (batch, token, d_model)
        gathered, weights = self.attend(
            self.norm_audio(audio),
            self.norm_text(text),
            inputs.token_is_real,
            self.bias(inputs.event_word, inputs.token_word),
        )
        fused = self.feed_forward(self.gate(audio, gathered))
        pooled = self.pool(fused, inputs.event_is_real)
        return FusionOutputs(
            logits=self.head(pooled), attention=weights if return_attention else None
        )
