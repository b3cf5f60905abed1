"""Whether an explanation says what the model does: deletion and insertion curves.

Parts (words and pauses) are taken away in the order of their attributions, the highest first, and
the evidence is followed; where the order is right it falls faster than in random orders. Insertion
begins with nothing but the anchor and adds the highest part first (Petsiuk et al., 2018). The
anchor is the word with the smallest attribution: it is never taken away, so a model always has
something to read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from cogspeech.explanation.removal import Removals
from cogspeech.fusion.base import FusionModel
from cogspeech.training.objectives.base import Objective
from cogspeech.types import Attribution, EmbeddedRecording


@dataclass(frozen=True, slots=True, kw_only=True)
class Faithfulness:
    """How the evidence goes as parts are taken away or added; step 0 comes before the first."""

    deletion: Float[np.ndarray, " step"]
    insertion: Float[np.ndarray, " step"]
    random_deletion: Float[np.ndarray, "order step"]
    random_insertion: Float[np.ndarray, "order step"]

    @property
    def deletion_area(self) -> float:
        """Mean distance below the random orders; above 0 the explanation beats them."""
        return float((self.random_deletion.mean(axis=0) - self.deletion).mean())

    @property
    def insertion_area(self) -> float:
        """Mean distance above the random orders; above 0 the explanation beats them."""
        return float((self.insertion - self.random_insertion.mean(axis=0)).mean())


def faithfulness(
    model: FusionModel,
    embedded: EmbeddedRecording,
    attributions: Sequence[Attribution],
    *,
    objective: Objective,
    random_orders: int = 20,
    seed: int = 0,
) -> Faithfulness:
    """The curves of one explained recording.

    Args:
        model: the explained one.
        embedded: the recording.
        attributions: of an explainer, one per word.
        objective: whose evidence is followed.
        random_orders: to compare with.
        seed: draws them.

    Raises:
        ValueError: no word has an attribution, a sound and a token.
    """
    removals = Removals(model.eval(), embedded)
    parts = _parts(embedded, attributions)
    order = np.argsort([-part.value for part in parts], kind="stable")
    generator = np.random.default_rng(seed)
    orders = [order, *(generator.permutation(len(parts)) for _ in range(random_orders))]
    numbers = [
        [_numbers(parts, chosen, removals), _numbers(parts, chosen[::-1], removals)[::-1]]
        for chosen in orders
    ]
    curves = removals.evidence(objective)[np.array(numbers)]
    return Faithfulness(
        deletion=curves[0, 0],
        insertion=curves[0, 1],
        random_deletion=curves[1:, 0],
        random_insertion=curves[1:, 1],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A word or a pause, and what it is worth."""

    events: Bool[np.ndarray, " event"]
    tokens: Bool[np.ndarray, " token"]
    value: float


def _parts(embedded: EmbeddedRecording, attributions: Sequence[Attribution]) -> list[_Part]:
    """All words and pauses that have an attribution, but the anchor."""
    words, pauses = {}, []
    for each in attributions:
        is_own, tokens = (
            of == each.word_index for of in (embedded.event_word, embedded.token_word)
        )
        sound, silence = is_own & ~embedded.event_is_pause, is_own & embedded.event_is_pause
        if each.value is not None:
            words[each.word_index] = _Part(events=sound, tokens=tokens, value=each.value)
        if each.pause is not None:
            pauses.append(_Part(events=silence, tokens=np.zeros_like(tokens), value=each.pause))
    whole = {
        index: part for index, part in words.items() if part.events.any() and part.tokens.any()
    }
    if not whole:
        raise ValueError("expected a word with an attribution, a sound and a token")
    del words[min(whole, key=lambda index: abs(whole[index].value))]
    return [*words.values(), *pauses]


def _numbers(
    parts: Sequence[_Part], order: Int[np.ndarray, " part"], removals: Removals
) -> list[int]:
    """The numbers of the answers after 0, 1, 2, ... parts of an order have been taken away."""
    numbers, events, tokens = [0], False, False
    for chosen in order:
        events, tokens = events | parts[chosen].events, tokens | parts[chosen].tokens
        number = removals.add(events, tokens)
        numbers.append(numbers[-1] if number is None else number)
    return numbers
