"""``occlusion``: take one thing away, and see what the evidence loses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cogspeech.explanation.base import EXPLAINERS, Explainer, pause_before
from cogspeech.explanation.removal import Removals
from cogspeech.fusion.base import FusionModel
from cogspeech.training.objectives.base import Objective
from cogspeech.types import Attribution, EmbeddedRecording, Transcript, Word

MOST_WORK = 1 << 28
"""Pairs of an event and a token, over all answers of the model: about ten seconds of one core."""


@EXPLAINERS.register("occlusion")
class Occlusion(Explainer):
    """Evidence of the whole recording minus that without a part (Zeiler and Fergus, 2014).

    Taken away are, each alone: every word (its sound and its tokens), its sound, its tokens, each
    of its tokens, and the pause before it. A word whose removal would leave the model no event or
    no token has no attribution.

    The work grows with the cube of the length. Above `MOST_WORK` only words and pauses are taken
    away, and above that again neighbours together, which share equally what is lost.
    """

    meaning = (
        "what the evidence (the log-odds of any class but the first, or the score in deviations) "
        "loses without the word, or without the pause before it; above 0 it speaks for any class "
        "but the first, or for a higher score"
    )

    def explain(
        self,
        model: FusionModel,
        embedded: EmbeddedRecording,
        transcript: Transcript,
        *,
        objective: Objective,
    ) -> tuple[Attribution, ...]:
        """One attribution per word; about four answers of the model for each."""
        words = transcript.participant_words
        pairs = len(embedded.event_word) * len(embedded.token_word)
        answers = MOST_WORK // pairs
        if 3 * len(words) + len(embedded.event_word) + len(embedded.token_word) > answers:
            stretch = max(1, -(-2 * len(words) // max(2, answers)))
            return self._by_stretches(model.eval(), embedded, words, stretch, objective=objective)
        removals = Removals(model.eval(), embedded)
        asked = [_Asked.of(embedded, index, removals) for index in range(len(words))]
        evidence = removals.evidence(objective)
        lost = (evidence[0] - evidence).tolist()

        def told(number: int | None) -> float | None:
            return None if number is None else lost[number]

        return tuple(
            Attribution(
                word_index=index,
                word=word,
                value=told(numbers.word),
                audio=told(numbers.sound),
                text=told(numbers.text),
                tokens=tuple(lost[number] for number in numbers.tokens),
                **pause_before(embedded, index),
                pause=told(numbers.pause),
            )
            for index, (word, numbers) in enumerate(zip(words, asked, strict=True))
        )

    def _by_stretches(
        self,
        model: FusionModel,
        embedded: EmbeddedRecording,
        words: Sequence[Word],
        stretch: int,
        *,
        objective: Objective,
    ) -> tuple[Attribution, ...]:
        """Words and pauses alone, ``stretch`` neighbours at a time."""
        removals = Removals(model, embedded)
        event_group, token_group = embedded.event_word // stretch, embedded.token_word // stretch
        no_token = np.zeros(len(token_group), dtype=bool)
        asked = []
        for group in range(-(-len(words) // stretch)):
            is_own, is_pause = event_group == group, embedded.event_is_pause
            asked.append(
                (
                    removals.add(is_own & ~is_pause, token_group == group),
                    removals.add(is_own & is_pause, no_token),
                    max(1, int((is_own & is_pause).sum())),
                )
            )
        evidence = removals.evidence(objective)
        lost = (evidence[0] - evidence).tolist()
        attributions = []
        for index, word in enumerate(words):
            own, pause, pauses = asked[index // stretch]
            together = min(stretch, len(words) - index // stretch * stretch)
            before = pause_before(embedded, index)
            attributions.append(
                Attribution(
                    word_index=index,
                    word=word,
                    value=None if own is None else lost[own] / together,
                    tokens=(),
                    **before,
                    pause=lost[pause] / pauses if pause is not None and before else None,
                )
            )
        return tuple(attributions)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Under which numbers the answers without the parts of a word are found."""

    word: int | None
    sound: int | None
    text: int | None
    tokens: tuple[int, ...]
    pause: int | None

    @classmethod
    def of(cls, embedded: EmbeddedRecording, index: int, removals: Removals) -> "_Asked":
        is_own, tokens = embedded.event_word == index, embedded.token_word == index
        sound, pause = is_own & ~embedded.event_is_pause, is_own & embedded.event_is_pause
        no_event, no_token = np.zeros_like(sound), np.zeros_like(tokens)
        each = [no_token.copy() for _ in range(tokens.sum())]
        for mask, place in zip(each, np.flatnonzero(tokens), strict=True):
            mask[place] = True
        of_tokens = [removals.add(no_event, mask) for mask in each]
        return cls(
            word=removals.add(sound, tokens),
            sound=removals.add(sound, no_token),
            text=removals.add(no_event, tokens),
            tokens=tuple(number for number in of_tokens if number is not None),
            pause=removals.add(pause, no_token),
        )
