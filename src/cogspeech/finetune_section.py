"""The section ``finetune`` of a study file: which encoder layers learn with the fusion."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class FinetuneSection(BaseModel):
    """The last layers of the encoders, trained end to end with the fusion."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    audio_layers: Annotated[int, Field(ge=0, le=256)] = 0
    """How many of the last transformer layers; those below stay as they are."""
    text_layers: Annotated[int, Field(ge=0, le=256)] = 0
    learning_rate: Annotated[float, Field(ge=0, le=1)] = 1e-5
    """Of the encoders, highest; it follows the same schedule as that of the fusion."""
    dropout: bool = True
    """The checkpoint's own dropout in the layers that are trained."""
    gradient_checkpointing: bool = False
    """True: what lies inside a layer is computed again for its gradient, to save memory."""
    adapter: Literal["none", "lora"] = "none"
    """``lora``: the layers stay as they are, and low-rank adapters in them are trained."""
    rank: Annotated[int, Field(ge=1, le=1024)] = 8
    """Of the adapters."""
    alpha: Annotated[float, Field(gt=0, le=4096)] = 16.0
    """What the adapters add is multiplied by ``alpha / rank``."""

    @model_validator(mode="after")
    def _trains_something(self) -> "FinetuneSection":
        if not self.audio_layers and not self.text_layers:
            raise ValueError("'finetune' needs 'audio_layers' or 'text_layers' above 0")
        if self.adapter == "none":
            for name in ("rank", "alpha"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"'{name}' has no meaning without 'adapter: lora'")
        return self
