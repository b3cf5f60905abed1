"""``word_substitution``: words that a recogniser takes for others."""

from typing import ClassVar

from cogspeech.robustness.base import (
    PERTURBATIONS,
    Heard,
    Severity,
    SoundPerturbation,
    Surroundings,
)
from cogspeech.robustness.word_errors import (
    ERROR_PERCENT,
    another_word,
    chosen_words,
    other_word,
    with_words,
)


@PERTURBATIONS.register("word_substitution")
class WordSubstitution(SoundPerturbation):
    """Another word at the same times."""

    name: ClassVar[str] = "word_substitution"
    does: ClassVar[str] = (
        "replaces words of the transcript by others that other participants say, at the same times"
    )
    unit: ClassVar[str] = "errors (% of the participant's words)"
    severities: ClassVar[tuple[Severity, ...]] = ERROR_PERCENT

    def perturb(self, heard: Heard, severity: Severity, around: Surroundings) -> Heard | None:
        """The recording with other words, or ``None`` where nobody else says any."""
        words = list(heard.transcript.words)
        for position in chosen_words(heard, severity, around):
            text = another_word(words[position].text, around)
            if text is None:
                return None
            words[position] = other_word(words[position], text)
        return with_words(heard, words)
