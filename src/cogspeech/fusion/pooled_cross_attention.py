"""``pooled_cross_attention``: the text as one mean vector. Kept as the comparison it lost.

With a single key the softmax is 1 for every event, whatever the query: each event gathers the same
projected vector, and nothing can be aligned. The query and key of such an attention cannot be
trained (their gradient is 0), so they are left out; what remains is the same function. The
residual from the audio stream keeps the audio in the model at all.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cogspeech.fusion.base import (
    FUSIONS,
    FusionInputs,
    FusionModel,
    FusionOptions,
    FusionOutputs,
    ModelSizes,
    TwoStreamOptions,
)
from cogspeech.fusion.layers import FeedForward, Gate, Head, Pool
from cogspeech.fusion.streams import AudioStream, TextStream


@FUSIONS.register("pooled_cross_attention")
class PooledCrossAttention(FusionModel):
    """As ``aligned_cross_attention``, but the text is averaged before the attention."""

    Options = TwoStreamOptions
    gives_attention = True

    def __init__(self, sizes: ModelSizes, options: Any) -> None:
        super().__init__(sizes, options)
        self.audio = AudioStream(sizes, options)
        self.text = TextStream(sizes, options)
        self.layers = nn.ModuleList(_Block(options) for _ in range(options.num_layers))
        self.pool = Pool(options.d_model, how=options.pooling)
        self.head = Head(options.d_model, sizes.num_outputs, dropout=options.dropout)

    def fuse(self, inputs: FusionInputs, *, return_attention: bool) -> FusionOutputs:
        """Logits; the attention, on request, is an equal share for every real token."""
        audio, text = self.audio(inputs), self.text(inputs)
        share = text.is_real.to(text.vectors)
        share = share / share.sum(dim=1, keepdim=True)  # (batch, token)
        mean = torch.einsum("bt,btd->bd", share, text.vectors)[:, None]
        events = audio.vectors
        for layer in self.layers:
            events = layer(events, mean)
        attention = share[None, :, None, None].expand(len(self.layers), -1, 1, events.shape[1], -1)
        return FusionOutputs(
            logits=self.head(self.pool(events, audio.is_real)),
            attention=attention if return_attention else None,
        )


class _Block(nn.Module):
    """What is left of a layer of cross-attention when there is one key."""

    def __init__(self, options: FusionOptions) -> None:
        super().__init__()
        size = options.d_model
        self.norm_text = nn.LayerNorm(size)
        self.value = nn.Linear(size, size, bias=False)
        self.out = nn.Linear(size, size)
        self.gate = Gate(size, form="add")
        self.feed_forward = FeedForward(size, dropout=options.dropout)

    def forward(
        self,
        events: Float[Tensor, "batch event d_model"],
        mean: Float[Tensor, "batch 1 d_model"],
    ) -> Float[Tensor, "batch event d_model"]:
        """The events with the one vector that each of them gathers."""
        gathered = self.out(self.value(self.norm_text(mean))).expand_as(events)
        vectors: Tensor = self.feed_forward(self.gate(events, gathered))
        return vectors
