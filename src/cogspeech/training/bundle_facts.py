"""What has to be known to use a trained model, as it stands in ``bundle.json``."""

from typing import Annotated

from pydantic import Field

from cogspeech.config import TargetSection, TranscriptsSection
from cogspeech.decision import DecisionRule
from cogspeech.fusion.base import ModelSizes
from cogspeech.learning_sections import FinetuneSection
from cogspeech.settings import Component, Settings
from cogspeech.training.finetuning import Finetuning
from cogspeech.training.objectives.base import ScoreScale


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
    fewest_words: Annotated[int, Field(ge=1)]
    """Words in the shortest recording it was trained on; below it the model abstains."""
    sample_rates_hz: tuple[int, ...]
    """Of the recordings it was trained on; it abstains on others, whose bandwidth differs."""
    probes: dict[str, str] = Field(default_factory=dict)
    """The verdict of every probe of the study it comes from, for everyone who uses it."""
    training: dict[str, int | str]
    """Participants, recordings and hashes of what it was trained on."""
    notice: str | None
    finetune: TunedFacts | None = None
    """Of a model that was trained with layers of its encoders."""

    @property
    def tuned(self) -> FinetuneSection | None:
        """How its encoders were trained; ``None``: they are as their checkpoints have them."""
        return self.finetune.section if self.finetune else None
