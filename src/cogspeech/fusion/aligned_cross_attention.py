"""``aligned_cross_attention``: audio events attend over text tokens by distance in words.

Without the distance in words, token-level attention aligns nothing: a pause cannot know which word
it delays. See docs/explanation/fusion.md for the measurements.
"""

from typing import Any

from pydantic import Field

from cogspeech.fusion.base import FUSIONS, ModelSizes
from cogspeech.fusion.cross_attention import AttentionOptions, CrossAttentionFusion


@FUSIONS.register("aligned_cross_attention")
class AlignedCrossAttention(CrossAttentionFusion):
    """Events ask, tokens answer with a bias on the word distance; gated and pooled."""

    class Options(AttentionOptions):
        """``{name: aligned_cross_attention, d_model: 64, num_heads: 4, ...}``."""

        both_directions: bool = False
        """True: tokens ask the events, too, with a bias of their own."""
        max_distance: int = Field(default=8, ge=1, le=10_000)
        """Words; beyond it the learned part of the bias is constant."""
        steepest_slope: float = Field(default=16.0, gt=0, allow_inf_nan=False)
        """Slope of the first head at the start; each further head has a quarter of it."""

    def __init__(self, sizes: ModelSizes, options: Any) -> None:
        super().__init__(
            sizes,
            options,
            gate="add",
            both_directions=options.both_directions,
            max_distance=options.max_distance,
            steepest_slope=options.steepest_slope,
        )
