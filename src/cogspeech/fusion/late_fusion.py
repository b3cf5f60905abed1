"""``late_fusion``: both streams decide apart; their outputs are averaged."""

from typing import Any, Literal

import torch
from torch import nn

from cogspeech.fusion.base import (
    FUSIONS,
    FusionInputs,
    FusionModel,
    FusionOutputs,
    ModelSizes,
    TwoStreamOptions,
)
from cogspeech.fusion.streams import AudioStream, TextStream, Tower


@FUSIONS.register("late_fusion")
class LateFusion(FusionModel):
    """``w * audio + (1 - w) * text``, trained together; neither stream sees the other."""

    class Options(TwoStreamOptions):
        """``{name: late_fusion, weights: learned, ...}``."""

        weights: Literal["learned", "fixed"] = "learned"
        """``fixed``: w is a half. ``learned``: it starts there."""

    def __init__(self, sizes: ModelSizes, options: Any) -> None:
        super().__init__(sizes, options)
        self.audio = Tower(AudioStream(sizes, options), sizes, options)
        self.text = Tower(TextStream(sizes, options), sizes, options)
        if options.weights == "learned":
            self.balance = nn.Parameter(torch.zeros(()))

    def fuse(self, inputs: FusionInputs, *, return_attention: bool) -> FusionOutputs:
        """Logits; there is no attention between streams."""
        share = self.balance.sigmoid() if self.options.weights == "learned" else 0.5
        return FusionOutputs(logits=share * self.audio(inputs) + (1.0 - share) * self.text(inputs))
