"""``pause_only``: what one side of a recording can say alone."""

from typing import Any

from cogspeech.fusion.base import (
    FUSIONS,
    FusionInputs,
    FusionModel,
    FusionOptions,
    FusionOutputs,
    ModelSizes,
)
from cogspeech.fusion.streams import PauseStream, Tower


@FUSIONS.register("pause_only")
class PauseOnly(FusionModel):
    """How long words and pauses last, and nothing of what is said or heard in them."""

    Options = FusionOptions
    streams = ("pauses",)

    def __init__(self, sizes: ModelSizes, options: Any) -> None:
        super().__init__(sizes, options)
        self.pause = Tower(PauseStream(options), sizes, options)

    def fuse(self, inputs: FusionInputs, *, return_attention: bool) -> FusionOutputs:
        """Logits; there is no attention between streams."""
        return FusionOutputs(logits=self.pause(inputs))
