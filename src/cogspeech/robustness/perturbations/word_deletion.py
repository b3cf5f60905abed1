"""``word_deletion``: words that a recogniser does not hear."""

from typing import ClassVar

from cogspeech.robustness.base import (
    PERTURBATIONS,
    Heard,
    Severity,
    SoundPerturbation,
    Surroundings,
)
from cogspeech.robustness.word_errors import ERROR_PERCENT, chosen_words, with_words


@PERTURBATIONS.register("word_deletion")
class WordDeletion(SoundPerturbation):
    """The sound of a word stays, so it becomes part of a pause."""

    name: ClassVar[str] = "word_deletion"
    does: ClassVar[str] = (
        "removes words from the transcript, as a recogniser does; what was said there becomes a "
        "pause"
    )
    unit: ClassVar[str] = "errors (% of the participant's words)"
    severities: ClassVar[tuple[Severity, ...]] = ERROR_PERCENT

    def perturb(self, heard: Heard, severity: Severity, around: Surroundings) -> Heard | None:
        """The recording with fewer words, or ``None`` where no measured one is left."""
        gone = set(chosen_words(heard, severity, around).tolist())
        left = [word for i, word in enumerate(heard.transcript.words) if i not in gone]
        if not any(word.is_heard and word.speaker == "participant" for word in left):
            return None
        return with_words(heard, left)
