"""``shuffled_words``: the words in another order, and the words of everybody dealt anew."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from cogspeech.evaluation.base import PROBES, ProbeFinding
from cogspeech.evaluation.change_probe import Changed, ChangeProbe, p_of_chance
from cogspeech.evaluation.metrics import METRICS
from cogspeech.evaluation.rearranging import SpokenWord, spoken_words, with_words
from cogspeech.types import Case

OWN, DEALT = "own_order", "dealt_words"


@PROBES.register("shuffled_words")
class ShuffledWords(ChangeProbe):
    """Each word keeps its tokens, its sound and its pause.

    In another order, a model of which words are said keeps most of what it has, which is no fault:
    how much it keeps is told. With the words of everybody dealt anew, nothing of a person is left
    but how many words there are.
    """

    name: ClassVar[str] = "shuffled_words"
    looks_at: ClassVar[str] = (
        "the primary system when the words of all tested people, with their sound and pauses, are "
        "dealt anew among them: only the number of words stays"
    )
    rule: ClassVar[str] = (
        "shortcut: with dealt words the AUROC of the primary system is above 0.5 with a "
        "permutation p of at most 0.05 after Holm's correction over all probes that must be at "
        "chance"
    )
    red_means: ClassVar[str] = (
        "The primary system tells the classes apart when nothing of the person is left but how "
        "many words were recorded."
    )

    def changes(
        self, test: Sequence[Case], labels: Sequence[int], generator: np.random.Generator
    ) -> Mapping[str, Sequence[Case] | None]:
        """In another order; and dealt, inside one fold."""
        words = [spoken_words(case.embedded) for case in test]
        pool = [word for own in words for word in own]
        order = generator.permutation(len(pool))
        ends = np.cumsum([len(own) for own in words])
        hands = [[pool[at] for at in part] for part in np.split(order, ends[:-1])]
        mixed = [[own[at] for at in generator.permutation(len(own))] for own in words]
        return {OWN: _made_of(test, mixed), DEALT: _made_of(test, hands)}

    def judge(self, found: Mapping[str, Changed], seed: int) -> ProbeFinding:
        """By the dealt words, from which nothing must be predictable."""
        dealt = found[DEALT].changed
        return ProbeFinding(auroc=METRICS["auroc"](dealt), p_value=p_of_chance(dealt, seed))


def _made_of(test: Sequence[Case], words: Sequence[Sequence[SpokenWord]]) -> list[Case] | None:
    made = [with_words(case.embedded, own) for case, own in zip(test, words, strict=True)]
    if any(each is None for each in made):
        return None
    return [
        dataclasses.replace(case, embedded=each)
        for case, each in zip(test, made, strict=True)
        if each is not None
    ]
