"""``pooled_cross_attention``: the text as one mean vector. Kept as the comparison it lost.

With a single key the softmax is 1 for every event, whatever the query: each event gathers the same
projected vector, and nothing can be aligned. The query and key of such an attention cannot be
trained (their gradient is 0), so they are left out; what remains is the same function. The
residual from the audio stream keeps the audio in the model at all.
"""

from typing import Any

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
    FeedForward,
    GatedResidual,
    Head,
    StreamOptions,
    TextStream,
)


@FUSIONS.register("pooled_cross_attention")
class PooledCrossAttention(FusionModel):
    """As ``aligned_cross_attention``, but the text is averaged before the attention."""

    Options = StreamOptions

    def __init__(self, sizes: ModelSizes, options: Any) -> None:
        super().__init__(sizes, options)
        size, dropout = options.d_model, options.dropout
        self.audio = AudioStream(sizes, size, dropout=dropout)
        self.text = TextStream(sizes, size, dropout=dropout)
        self.norm_text = nn.LayerNorm(size)
        self.value = nn.Linear(size, size)
        self.out = nn.Linear(size, size)
        self.gate = GatedResidual(size)
        self.feed_forward = FeedForward(size, dropout=dropout)
        self.pool = AttentionPool(size)
        self.head = Head(size, sizes.num_outputs, dropout=dropout)

    def forward(self, inputs: FusionInputs, *, return_attention: bool = False) -> FusionOutputs:
        """Logits; the attention, on request, is 1 for the one vector there is."""
        audio = self.audio(inputs)  # (batch, event, d_model)
        real = inputs.token_is_real[..., None]
        total = self.text(inputs).masked_fill(~real, 0.0).sum(dim=1, keepdim=True)
        mean = total / real.sum(dim=1, keepdim=True)  # (batch, 1, d_model)
        gathered = self.out(self.value(self.norm_text(mean))).expand_as(audio)
        fused = self.feed_forward(self.gate(audio, gathered))
        pooled = self.pool(fused, inputs.event_is_real)
        attention = audio.new_ones(audio.shape[0], 1, audio.shape[1], 1)
        return FusionOutputs(
            logits=self.head(pooled), attention=attention if return_attention else None
        )
