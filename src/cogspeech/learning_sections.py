"""The sections of a study file about learning: ``training``, ``finetune`` and ``tune``."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from cogspeech.settings import Component, Settings


class TrainingSection(Settings):
    """How a fusion is fitted."""

    max_epochs: Annotated[int, Field(ge=1, le=10_000)] = 60
    """Passes over the training part, if nothing stops the fit before."""
    monitor: str = "loss"
    """What is watched on the validation part: ``loss``, ``auroc`` or ``balanced_accuracy``."""
    patience: Annotated[int, Field(ge=1)] = 10
    """Epochs without an improvement of the monitor before the fit stops."""
    min_change: Annotated[float, Field(ge=0)] = 0.0
    """By how much the monitor has to improve to count."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Recordings of an optimizer step."""
    padded_items: Annotated[int, Field(ge=1)] = 8192
    """Most events and tokens, padding included, that go through the model at once; a step that has
    more takes several passes, whose gradients are added."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-3
    """Of the fusion, highest, after the warm-up."""
    schedule: Component = Component(name="cosine")
    """What the learning rate does after the warm-up, by name or with options."""
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    """Of AdamW."""
    warmup_fraction: Annotated[float, Field(ge=0, le=0.9)] = 0.1
    """Share of all steps in which the learning rate rises."""
    gradient_clip: Annotated[float, Field(gt=0)] = 1.0
    """Largest norm of all gradients together."""
    averaging: Literal["none", "ema"] = "none"
    """``ema``: a moving average of the weights is validated and kept."""
    averaging_decay: Annotated[float, Field(gt=0, lt=1)] = 0.99
    """What stays of the average in every step."""
    validation_fraction: Annotated[float, Field(gt=0, lt=0.9)] = 0.2
    """Share of a training part's participants that decide when to stop, and on whom calibration,
    conformal sets and thresholds are chosen."""
    mixed_precision: Literal["no", "bf16", "fp16"] = "no"
    """Numbers of half the size where a layer allows them."""
    checkpoint_every_s: Annotated[float, Field(ge=0)] = 10.0
    """Seconds between two checkpoints inside a fit; 0 writes one after every step."""

    @field_validator("schedule", mode="before")
    @classmethod
    def _schedule_by_name(cls, given: object) -> object:
        return {"name": given} if isinstance(given, str) else given


class SearchRange(Settings):
    """Numbers from ``low`` to ``high``; whole ones where both are whole."""

    low: int | float
    """The smallest value."""
    high: int | float
    """The largest value."""
    log: bool = False
    """Whether every factor of ten is as likely as the next."""

    @model_validator(mode="after")
    def _is_a_range(self) -> "SearchRange":
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError("a range needs low < high, and low > 0 where log is true")
        return self


class TuneSection(Settings):
    """Hyper-parameters of the primary system, searched inside every training side alone."""

    space: Annotated[dict[str, tuple[int | float | str, ...] | SearchRange], Field(min_length=1)]
    """Keys of ``fusion`` and ``training``, each with its values or its range."""
    trials: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Configurations per search; there is a search per outer fold."""
    folds: Annotated[int, Field(ge=2)] = 3
    """Inner folds, on whose mean a configuration is judged."""


class FinetuneSection(Settings):
    """The last layers of the encoders, trained end to end with the fusion."""

    audio_layers: Annotated[int, Field(ge=0, le=256)] = 0
    """How many of the last transformer layers; those below stay as they are."""
    text_layers: Annotated[int, Field(ge=0, le=256)] = 0
    """The same of the text encoder."""
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
