"""``audio_only``: what one side of a recording can say alone."""

from typing import Any

from cogspeech.fusion.base import (
    FUSIONS,
    FusionInputs,
    FusionModel,
    FusionOptions,
    FusionOutputs,
    ModelSizes,
)
from cogspeech.fusion.streams import AudioStream, Tower


@FUSIONS.register("audio_only")
class AudioOnly(FusionModel):
    """Words and pauses as they sound, without a word of text."""

    Options = FusionOptions
    streams = ("audio",)

    def __init__(self, sizes: ModelSizes, options: Any) -> None:
        super().__init__(sizes, options)
        self.audio = Tower(AudioStream(sizes, options), sizes, options)

    def fuse(self, inputs: FusionInputs, *, return_attention: bool) -> FusionOutputs:
        """Logits; there is no attention between streams."""
        return FusionOutputs(logits=self.audio(inputs))
