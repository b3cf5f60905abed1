"""``text_only``: what one side of a recording can say alone."""

from typing import Any

from cogspeech.fusion.base import (
    FUSIONS,
    FusionInputs,
    FusionModel,
    FusionOptions,
    FusionOutputs,
    ModelSizes,
)
from cogspeech.fusion.streams import TextStream, Tower


@FUSIONS.register("text_only")
class TextOnly(FusionModel):
    """Tokens alone (no sound, no pause, no time)."""

    Options = FusionOptions
    streams = ("text",)

    def __init__(self, sizes: ModelSizes, options: Any) -> None:
        super().__init__(sizes, options)
        self.text = Tower(TextStream(sizes, options), sizes, options)

    def fuse(self, inputs: FusionInputs, *, return_attention: bool) -> FusionOutputs:
        """Logits; there is no attention between streams."""
        return FusionOutputs(logits=self.text(inputs))
