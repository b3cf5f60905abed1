"""``word_concat``: each event beside the mean of the tokens of its word.

The plainest fusion that knows which word a sound belongs to; nothing is attended to.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cogspeech.fusion.base import (
    FUSIONS,
    FusionInputs,
    FusionModel,
    FusionOutputs,
    ModelSizes,
    TwoStreamOptions,
)
from cogspeech.fusion.layers import FeedForward, Head, Pool
from cogspeech.fusion.streams import AudioStream, Items, TextStream


@FUSIONS.register("word_concat")
class WordConcat(FusionModel):
    """``W [event; mean of the tokens of its word]``, then perceptrons and pooling."""

    Options = TwoStreamOptions

    def __init__(self, sizes: ModelSizes, options: Any) -> None:
        super().__init__(sizes, options)
        size = options.d_model
        self.audio = AudioStream(sizes, options)
        self.text = TextStream(sizes, options)
        self.norm_audio = nn.LayerNorm(size)
        self.norm_text = nn.LayerNorm(size)
        self.join = nn.Linear(2 * size, size)
        self.layers = FeedForward.repeated(options)
        self.pool = Pool(size, how=options.pooling)
        self.head = Head(size, sizes.num_outputs, dropout=options.dropout)

    def fuse(self, inputs: FusionInputs, *, return_attention: bool) -> FusionOutputs:
        """Logits; there is no attention between streams."""
        audio, text = self.audio(inputs), self.text(inputs)
        of_word = _mean_of_word(self.norm_text(text.vectors), audio, text)
        joined = self.join(torch.cat([self.norm_audio(audio.vectors), of_word], dim=-1))
        return FusionOutputs(logits=self.head(self.pool(self.layers(joined), audio.is_real)))


def _mean_of_word(
    vectors: Float[Tensor, "batch token d_model"], audio: Items, text: Items
) -> Float[Tensor, "batch event d_model"]:
    """For every event the mean of the real tokens of its word. Every word has a token."""
    is_own = (audio.word[:, :, None] == text.word[:, None, :]) & text.is_real[:, None, :]
    share = is_own.to(vectors)
    share = share / share.sum(dim=-1, keepdim=True).clamp(min=1.0)  # 0 only in the padding
    return share @ vectors
