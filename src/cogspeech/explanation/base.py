"""Stage 7: which words and pauses moved the score."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from cogspeech.errors import ConfigError
from cogspeech.fusion.base import FUSIONS, FusionModel
from cogspeech.registry import Registry
from cogspeech.settings import Settings
from cogspeech.training.objectives.base import Objective
from cogspeech.types import Attribution, EmbeddedRecording, Stream, Transcript, Word


class Explainer(ABC):
    """Gives every word, and the pause before it, a share in what a model says."""

    Options: ClassVar[type[Settings]] = Settings
    meaning: ClassVar[str]
    """One sentence for everyone who sees the numbers: what they are, and what above 0 says."""
    needs_attention: ClassVar[bool] = False
    """True: it reads the weights of a fusion that has some."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if not getattr(cls, "meaning", ""):
            raise TypeError(f"explainer {cls.__name__} must say in 'meaning' what its numbers are")

    @classmethod
    def refuse_unable(cls, fusion: type[FusionModel]) -> None:
        """Refuses a fusion about which it has nothing to say.

        Raises:
            ConfigError: names the fusion, and what to use instead.
        """
        if cls.needs_attention and not fusion.gives_attention:
            name = next((n for n in FUSIONS.names() if FUSIONS.get(n) is fusion), fusion.__name__)
            raise ConfigError(
                f"the fusion '{name}' has no attention between audio and text to explain it by; "
                "use occlusion or integrated_gradients"
            )

    @abstractmethod
    def explain(
        self,
        model: FusionModel,
        embedded: EmbeddedRecording,
        transcript: Transcript,
        *,
        objective: Objective,
    ) -> tuple[Attribution, ...]:
        """One attribution per word of the participant, in order.

        Above 0 a word or pause speaks for any class but the first, or for a higher score: it is
        shares in the objective's ``evidence`` that are given, but by ``attention``.

        Raises:
            ConfigError: it has nothing to say about this fusion.
        """


EXPLAINERS: Registry[type[Explainer]] = Registry("explainer", "cogspeech.explanation")


def word_json(attribution: Attribution) -> dict[str, Any]:
    """A word as it stands in ``attributions.json`` and in every answer about a recording."""
    word = attribution.word
    return {
        "word_index": attribution.word_index,
        "text": word.text,
        "start_s": word.start_s,
        "end_s": word.end_s,
        "attribution": attribution.value,
        "audio_attribution": attribution.audio,
        "text_attribution": attribution.text,
        "token_attributions": list(attribution.tokens),
        "pause_s": attribution.pause_s,
        "pause_start_s": attribution.pause_start_s,
        "pause_attribution": attribution.pause,
    }


def streams_read(model: FusionModel, embedded: EmbeddedRecording) -> frozenset[Stream]:
    """The sides of a recording that a model looks at: no other one can have moved anything."""
    read = {"text" if stream == "text" else "audio" for stream in model.streams}
    return frozenset(side for side in ("audio", "text") if side in read - set(embedded.missing))


def pause_before(embedded: EmbeddedRecording, word_index: int) -> dict[str, float]:
    """Duration and start of the pause before a word, as fields of an `Attribution`."""
    is_it = embedded.event_is_pause & (embedded.event_word == word_index)
    if not is_it.any():
        return {}
    return {
        "pause_s": float(embedded.event_duration_s[is_it].sum()),
        "pause_start_s": float(embedded.event_start_s[is_it].min()),
    }


def rolled_up(
    words: Sequence[Word],
    embedded: EmbeddedRecording,
    *,
    events: Float[np.ndarray, " event"] | None,
    tokens: Float[np.ndarray, " token"] | None,
) -> tuple[Attribution, ...]:
    """Values of events and of tokens, summed over those of each word.

    Args:
        words: of the participant.
        embedded: says which word an item belongs to.
        events: a value for each, or ``None`` where none is told.
        tokens: the same.
    """
    attributions = []
    for index, word in enumerate(words):
        is_own = embedded.event_word == index
        sound = _sum(events, is_own & ~embedded.event_is_pause)
        text = _sum(tokens, embedded.token_word == index)
        told = [share for share in (sound, text) if share is not None]
        own_tokens = [] if tokens is None else tokens[embedded.token_word == index].tolist()
        attributions.append(
            Attribution(
                word_index=index,
                word=word,
                value=sum(told) if told else None,
                audio=sound,
                text=text,
                tokens=tuple(own_tokens),
                **pause_before(embedded, index),
                pause=_sum(events, is_own & embedded.event_is_pause),
            )
        )
    return tuple(attributions)


def _sum(values: Float[np.ndarray, " item"] | None, chosen: np.ndarray) -> float | None:
    return float(values[chosen].sum()) if values is not None and chosen.any() else None
