"""The streams look at each other, layer by layer: what the cross-attention fusions share."""

from typing import Any, Literal

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn

from cogspeech.fusion.base import (
    FusionInputs,
    FusionModel,
    FusionOutputs,
    ModelSizes,
    TwoStreamOptions,
)
from cogspeech.fusion.layers import CrossAttention, FeedForward, Gate, Head, Pool, WordDistanceBias
from cogspeech.fusion.streams import AudioStream, Items, TextStream


class AttentionOptions(TwoStreamOptions):
    """The options of every fusion with attention heads."""

    num_heads: int = Field(default=4, ge=1)
    """Attention heads; ``d_model`` must be a multiple of it."""

    @model_validator(mode="after")
    def _heads_divide(self) -> "AttentionOptions":
        if self.d_model % self.num_heads:
            raise ValueError(
                f"d_model must be a multiple of num_heads, found {self.d_model} and "
                f"{self.num_heads}"
            )
        return self


class Block(nn.Module):
    """One stream gathers from the other: norms of its own, attention, gate, perceptron."""

    def __init__(
        self, options: AttentionOptions, *, gate: Literal["add", "convex"], distance: nn.Module
    ) -> None:
        super().__init__()
        size = options.d_model
        self.norm_raw = nn.LayerNorm(size)
        self.norm_other = nn.LayerNorm(size)
        self.distance = distance
        self.attend = CrossAttention(size, num_heads=options.num_heads)
        self.gate = Gate(size, form=gate)
        self.feed_forward = FeedForward(size, dropout=options.dropout)

    def forward(
        self, raw: Items, other: Items, *, need_weights: bool
    ) -> tuple[Items, Float[Tensor, "batch head item other"] | None]:
        """The stream with what it gathered, and on request its attention."""
        gathered, weights = self.attend(
            self.norm_raw(raw.vectors),
            self.norm_other(other.vectors),
            other.is_real,
            bias=self.distance(raw.word, other.word),
            need_weights=need_weights,
        )
        vectors = self.feed_forward(self.gate(raw.vectors, gathered))
        return Items(vectors=vectors, word=raw.word, is_real=raw.is_real), weights


class NoDistance(nn.Module):
    """In place of a distance bias where words have no place."""

    def forward(self, *_: Tensor) -> None:
        """No bias."""
        return


class CrossAttentionFusion(FusionModel):
    """Events ask and tokens answer, and both ways if asked; pooled, and one head.

    Both directions of a layer read the streams as they were before it.
    """

    gives_attention = True

    def __init__(
        self,
        sizes: ModelSizes,
        options: Any,
        *,
        gate: Literal["add", "convex"],
        both_directions: bool,
        max_distance: int | None = None,
        steepest_slope: float = 0.0,
    ) -> None:
        super().__init__(sizes, options)

        def blocks() -> nn.ModuleList:
            made = []
            for _ in range(options.num_layers):
                distance: nn.Module = NoDistance()
                if max_distance is not None:
                    distance = WordDistanceBias(
                        options.num_heads, max_distance=max_distance, steepest_slope=steepest_slope
                    )
                made.append(Block(options, gate=gate, distance=distance))
            return nn.ModuleList(made)

        size = options.d_model
        self.audio = AudioStream(sizes, options)
        self.text = TextStream(sizes, options)
        self.events_ask = blocks()
        self.tokens_ask = blocks() if both_directions else None
        self.pool = Pool(size, how=options.pooling)
        self.pool_text = Pool(size, how=options.pooling) if both_directions else None
        width = 2 * size if both_directions else size
        self.head = Head(width, sizes.num_outputs, dropout=options.dropout)

    def fuse(self, inputs: FusionInputs, *, return_attention: bool) -> FusionOutputs:
        """Logits, and on request the weight of every token for every event."""
        audio, text = self.audio(inputs), self.text(inputs)
        there, back = [], []
        for number, ask in enumerate(self.events_ask):
            asked, weights = ask(audio, text, need_weights=return_attention)
            there.append(weights)
            if self.tokens_ask is not None:
                text, weights = self.tokens_ask[number](text, audio, need_weights=return_attention)
                back.append(weights)
            audio = asked
        pooled = self.pool(audio.vectors, audio.is_real)
        if self.pool_text is not None:
            pooled = torch.cat([pooled, self.pool_text(text.vectors, text.is_real)], dim=-1)
        return FusionOutputs(
            logits=self.head(pooled),
            attention=torch.stack(there) if return_attention else None,
            attention_back=torch.stack(back) if return_attention and back else None,
        )
