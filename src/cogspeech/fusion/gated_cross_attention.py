"""``gated_cross_attention``: audio events attend over text tokens by content alone.

``c = attention(a, t, t)``, ``g = sigmoid(W [a; c] + b)``, then ``g * c + (1 - g) * a`` as published
by Ortiz-Perez et al. (2025, arXiv:2506.01890), or ``a + g * c``. Neither side knows which word an
item belongs to.
"""

from typing import Any, Literal

from cogspeech.fusion.base import FUSIONS, ModelSizes
from cogspeech.fusion.cross_attention import AttentionOptions, CrossAttentionFusion


@FUSIONS.register("gated_cross_attention")
class GatedCrossAttention(CrossAttentionFusion):
    """Events ask, tokens answer by content; a gate decides between the two."""

    class Options(AttentionOptions):
        """``{name: gated_cross_attention, gate: convex, ...}``."""

        gate: Literal["convex", "add"] = "convex"
        """``add``: what is gathered is added; ``convex``: it takes the place of as much."""

    def __init__(self, sizes: ModelSizes, options: Any) -> None:
        super().__init__(sizes, options, gate=options.gate, both_directions=False)
