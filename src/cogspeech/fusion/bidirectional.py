"""``bidirectional``: events attend over tokens and tokens over events, by content alone.

The co-attention of ViLBERT (Lu et al., 2019) without position: neither side knows which word an
item belongs to.
"""

from typing import Any

from cogspeech.fusion.base import FUSIONS, ModelSizes
from cogspeech.fusion.cross_attention import AttentionOptions, CrossAttentionFusion


@FUSIONS.register("bidirectional")
class Bidirectional(CrossAttentionFusion):
    """Both streams ask each other; both are pooled and joined."""

    Options = AttentionOptions

    def __init__(self, sizes: ModelSizes, options: Any) -> None:
        super().__init__(sizes, options, gate="add", both_directions=True)
