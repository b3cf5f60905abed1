"""``word_insertion``: words that nobody said."""

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
from cogspeech.types import Word


@PERTURBATIONS.register("word_insertion")
class WordInsertion(SoundPerturbation):
    """A word of somebody else, heard once more in the sound of the word before it."""

    name: ClassVar[str] = "word_insertion"
    does: ClassVar[str] = (
        "adds words of other participants to the transcript, each at the times of the word before "
        "it"
    )
    unit: ClassVar[str] = "errors (% of the participant's words)"
    severities: ClassVar[tuple[Severity, ...]] = ERROR_PERCENT

    def perturb(self, heard: Heard, severity: Severity, around: Surroundings) -> Heard | None:
        """The recording with more words, or ``None`` where nobody else says any."""
        chosen = set(chosen_words(heard, severity, around).tolist())
        words: list[Word] = []
        for position, word in enumerate(heard.transcript.words):
            words.append(word)
            if position in chosen:
                text = another_word(word.text, around)
                if text is None:
                    return None
                words.append(other_word(word, text))
        return with_words(heard, words)
