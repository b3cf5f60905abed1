"""Stage 7: which words moved the score."""

from abc import ABC, abstractmethod

from cogspeech.fusion.base import FusionModel
from cogspeech.registry import Registry
from cogspeech.types import Attribution, EmbeddedRecording, Transcript


class Explainer(ABC):
    """Gives every word a share in the logit of its recording."""

    @abstractmethod
    def explain(
        self, model: FusionModel, embedded: EmbeddedRecording, transcript: Transcript
    ) -> tuple[Attribution, ...]:
        """One attribution per word that has an event or a token; above 0: towards class two."""


EXPLAINERS: Registry[type[Explainer]] = Registry("explainer", "cogspeech.explanation")
