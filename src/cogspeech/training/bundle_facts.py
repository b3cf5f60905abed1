"""What has to be known to use a trained model, as it stands in ``bundle.json``."""

from typing import Annotated

from pydantic import Field, JsonValue, field_validator

from cogspeech.config import TargetSection, TranscriptsSection
from cogspeech.decision import DecisionRule
from cogspeech.fusion.base import ModelSizes
from cogspeech.learning_sections import FinetuneSection
from cogspeech.settings import Component, Settings
from cogspeech.training.finetuning import Finetuning
from cogspeech.training.objectives.base import ScoreScale
from cogspeech.training.training_ranges import TrainingRange
from cogspeech.types import RESEARCH_STATEMENT

FEWEST_COUNTED = 10
"""People of a class, for their number to be told."""


class TunedFacts(Settings):
    """Which encoder layers lie in the bundle, and what they were trained on top of."""

    section: FinetuneSection
    checkpoints: dict[str, dict[str, str]]
    """By stream: the sha256 of each file of the checkpoint."""

    @classmethod
    def of(cls, finetuning: Finetuning | None) -> "TunedFacts | None":
        """Of what a model is trained with; ``None`` for frozen encoders."""
        if finetuning is None:
            return None
        return cls(section=finetuning.section, checkpoints=finetuning.checkpoints)


class TrainingCorpus(Settings):
    """Whom and what a model was trained on; nothing of it is about fewer than five people."""

    participants: Annotated[int, Field(ge=1)]
    recordings: Annotated[int, Field(ge=1)]
    classes: dict[str, int | None] = Field(default_factory=dict)
    """Participants of each class; ``None``: fewer than `FEWEST_COUNTED`."""
    languages: tuple[str, ...] = ()
    """Two letters where they are known."""
    tasks: tuple[str, ...] = ()
    words_from: tuple[str, ...] = ()
    """Where the words came from, such as "manual"."""
    data_sha256: str = ""
    study_sha256: str = ""


class BundleFacts(Settings):
    """What has to be known to use the weights."""

    study: str
    target: TargetSection
    fusion: Component
    audio_encoder: Component
    text_encoder: Component
    transcripts: TranscriptsSection
    sizes: ModelSizes
    score_scale: ScoreScale | None = None
    """Of a target with a score."""
    decision: DecisionRule | None = None
    """Calibration, threshold and conformal sets, with the people they come from; of two classes."""
    encoders: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    """By stream: what the vectors it was trained on depend on, such as the sha256 of each file of a
    checkpoint."""
    ranges: dict[str, TrainingRange] = Field(default_factory=dict)
    """By measure; outside of them the model abstains. None where it was trained on too few."""
    sample_rates_hz: tuple[int, ...]
    """That several people were recorded at; an encoder hears no difference above its own rate, so
    it stands for all that is higher."""
    probes: dict[str, str] = Field(default_factory=dict)
    """The verdict of every probe of the study it comes from, for everyone who uses it."""
    training: TrainingCorpus
    explainer: str = "occlusion"
    """What says which words moved the score."""
    intended_use: str = RESEARCH_STATEMENT
    notice: str | None
    finetune: TunedFacts | None = None
    """Of a model that was trained with layers of its encoders."""

    @field_validator("encoders")
    @classmethod
    def _files_have_digests(
        cls, encoders: dict[str, dict[str, JsonValue]]
    ) -> dict[str, dict[str, JsonValue]]:
        for facts in encoders.values():
            files = facts.get("files", {})
            if not isinstance(files, dict) or not all(isinstance(d, str) for d in files.values()):
                raise ValueError("'files' of an encoder must give the digest of each file")
        return encoders

    @property
    def tuned(self) -> FinetuneSection | None:
        """How its encoders were trained; ``None``: they are as their checkpoints have them."""
        return self.finetune.section if self.finetune else None
