"""A recording without some of its events and tokens, and what a model then says.

Items are taken away through the masks: they are not real, as padding is not.
"""

from dataclasses import fields

import numpy as np
import torch
from jaxtyping import Bool, Float

from cogspeech.explanation.base import streams_read
from cogspeech.fusion.base import FusionInputs, FusionModel
from cogspeech.training.objectives.base import Objective
from cogspeech.training.prediction import one_thread
from cogspeech.types import EmbeddedRecording

ITEMS_AT_ONCE = 8192
"""Events and tokens that go through the model together."""

Events = Bool[np.ndarray, " event"]
Tokens = Bool[np.ndarray, " token"]


class Removals:
    """What is to be taken away from one recording, each time from the whole; nothing twice.

    Args:
        model: in evaluation mode.
        embedded: the recording.
    """

    def __init__(self, model: FusionModel, embedded: EmbeddedRecording) -> None:
        self._model = model
        self._embedded = embedded
        self._streams = streams_read(model, embedded)
        nothing = (
            np.zeros(len(embedded.event_word), bool),
            np.zeros(len(embedded.token_word), bool),
        )
        self._sets: list[tuple[Events, Tokens]] = [nothing]
        self._numbers: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._sets)

    def add(self, events: Events, tokens: Tokens) -> int | None:
        """The number of the answer without these items.

        ``None`` where the model reads none of them, or where nothing would be left to read.
        """
        events = events & ("audio" in self._streams)
        tokens = tokens & ("text" in self._streams)
        if events.all() or tokens.all() or not (events.any() or tokens.any()):
            return None
        key = events.tobytes() + tokens.tobytes()
        if key not in self._numbers:
            self._numbers[key] = len(self._sets)
            self._sets.append((events, tokens))
        return self._numbers[key]

    @torch.inference_mode()
    def evidence(self, objective: Objective) -> Float[np.ndarray, " number"]:
        """By number, what is said without the items; at 0, about the whole recording."""
        inputs = self._model.inputs_of([self._embedded])
        at_once = max(1, ITEMS_AT_ONCE // (inputs.event_word.shape[1] + inputs.token_word.shape[1]))
        found = []
        with one_thread():
            for at in range(0, len(self._sets), at_once):
                events, tokens = zip(*self._sets[at : at + at_once], strict=True)
                rows = _without(inputs, np.stack(events), np.stack(tokens))
                found.append(objective.evidence(self._model(rows).logits.cpu().double()).numpy())
        return np.concatenate(found)


def repeated(inputs: FusionInputs, count: int) -> dict[str, torch.Tensor]:
    """The fields of a batch of one recording, as one of ``count`` times the same."""
    return {
        field.name: getattr(inputs, field.name).expand(
            count, *getattr(inputs, field.name).shape[1:]
        )
        for field in fields(inputs)
    }


def _without(
    inputs: FusionInputs,
    events: Bool[np.ndarray, "row event"],
    tokens: Bool[np.ndarray, "row token"],
) -> FusionInputs:
    rows = repeated(inputs, len(events))
    device = inputs.event_word.device
    rows["event_is_real"] = rows["event_is_real"] & ~torch.from_numpy(events).to(device)
    rows["token_is_real"] = rows["token_is_real"] & ~torch.from_numpy(tokens).to(device)
    return FusionInputs(**rows)
