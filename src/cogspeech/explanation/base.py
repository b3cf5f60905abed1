"""Stage 7: which words moved the score."""

from abc import ABC, abstractmethod

from cogspeech.fusion.base import FusionModel
from cogspeech.registry import Registry
from cogspeech.training.objectives.base import Objective
from cogspeech.types import Attribution, EmbeddedRecording, Transcript


class Explainer(ABC):
    """Gives every word a share in what a model says about its recording."""

    @abstractmethod
    def explain(
        self,
        model: FusionModel,
        embedded: EmbeddedRecording,
        transcript: Transcript,
        *,
        objective: Objective,
    ) -> tuple[Attribution, ...]:
        """One attribution per word that has an event or a token.

        Above 0 a word speaks for any class but the first, or for a higher score: it is shares in
        the objective's ``evidence`` that are given.
        """


EXPLAINERS: Registry[type[Explainer]] = Registry("explainer", "cogspeech.explanation")
