"""``pooled_cross_attention``: the text as one mean vector. Kept as the comparison it lost.

With a single key the softmax is 1 for every event, so each event gathers the same vector: nothing
can be aligned. The residual from the audio stream keeps the audio in the model at all.
"""

from typing import Any

from pydantic import Field, model_validator
from torch import nn

from cogspeech.config import Settings
from cogspeech.fusion.base import FUSIONS, FusionInputs, FusionModel, FusionOutputs
from cogspeech.fusion.layers import (
    AttentionPool,
    AudioStream,
    CrossAttention,
    FeedForward,
    GatedResidual,
    Head,
    TextStream,
)


@FUSIONS.register("pooled_cross_attention")
class PooledCrossAttention(FusionModel):
    """As ``aligned_cross_attention``, but the text is averaged before the attention."""

    class Options(Settings):
        """``{name: pooled_cross_attention, d_model: 64, num_heads: 4, dropout: 0.1}``."""

        d_model: int = Field(default=64, ge=4)
        num_heads: int = Field(default=4, ge=1)
        dropout: float = Field(default=0.1, ge=0, lt=1)

        @model_validator(mode="after")
        def _heads_divide(self) -> "PooledCrossAttention.Options":
            if self.d_model % self.num_heads:
                raise ValueError("d_model must be a multiple of num_heads")
            return self

    def __init__(self, *, d_audio: int, d_text: int, options: Any) -> None:
        super().__init__(d_audio=d_audio, d_text=d_text, options=options)
        size, dropout = options.d_model, options.dropout
        self.audio = AudioStream(d_audio, size, dropout=dropout)
        self.text = TextStream(d_text, size, dropout=dropout)
        self.norm_audio = nn.LayerNorm(size)
        self.norm_text = nn.LayerNorm(size)
        self.attend = CrossAttention(size, num_heads=options.num_heads)
        self.gate = GatedResidual(size)
        self.feed_forward = FeedForward(size, dropout=dropout)
        self.pool = AttentionPool(size)
        self.head = Head(size, dropout=dropout)

    def forward(self, inputs: FusionInputs, *, return_attention: bool = False) -> FusionOutputs:
        """Logits; the attention, on request, is 1 everywhere."""
        audio = self.audio(inputs)  # (batch, event, d_model)
        real = inputs.token_is_real[..., None]
        total = self.text(inputs).masked_fill(~real, 0.0).sum(dim=1, keepdim=True)
        mean = total / real.sum(dim=1, keepdim=True)  # (batch, 1, d_model)
        gathered, weights = self.attend(
            self.norm_audio(audio),
            self.norm_text(mean),
            inputs.token_is_real.any(dim=1, keepdim=True),
            None,
        )
        fused = self.feed_forward(self.gate(audio, gathered))
        pooled = self.pool(fused, inputs.event_is_real)
        return FusionOutputs(
            logits=self.head(pooled), attention=weights if return_attention else None
        )
