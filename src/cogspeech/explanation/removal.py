"""A recording without some of its events and tokens, and what a model then says.

Items are taken away through the masks: they are not real, as padding is not.
"""

import warnings
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cogspeech.explanation.base import streams_read
from cogspeech.fusion.base import FusionInputs, FusionModel
from cogspeech.training.objectives.base import Objective
from cogspeech.training.prediction import one_thread
from cogspeech.types import EmbeddedRecording

MOST_ROWS = 64
PAIRS_AT_ONCE = 1 << 22
"""Of an event and a token, over the rows that go through the model together: a matter of memory."""

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
        events, tokens = (
            torch.from_numpy(~np.stack(sides)).to(inputs.event_word.device)
            for sides in zip(*self._sets, strict=True)
        )

        def answer(
            event_is_real: Bool[Tensor, " event"], token_is_real: Bool[Tensor, " token"]
        ) -> Float[Tensor, " output"]:
            masks = {"event_is_real": event_is_real[None], "token_is_real": token_is_real[None]}
            outputs: Tensor = self._model(replace(inputs, **masks)).logits[0]
            return outputs

        if not self._model.is_traceable:
            with one_thread():
                answers = [answer(e, t) for e, t in zip(events, tokens, strict=True)]
            return np.asarray(objective.evidence(torch.stack(answers).double()).numpy())
        with one_thread(), warnings.catch_warnings():
            # Fused attention is not vectorised but asked row by row, which costs no more.
            warnings.filterwarnings("ignore", message="There is a performance drop")
            # What no mask reaches (projections, scores of the attention) is worked out once.
            outputs = torch.vmap(answer, chunk_size=_rows_at_once(inputs))(events, tokens)
        found: np.ndarray = objective.evidence(outputs.cpu().double()).numpy()
        return found


def _rows_at_once(inputs: FusionInputs) -> int:
    pairs = inputs.event_word.shape[1] * inputs.token_word.shape[1]
    return max(1, min(MOST_ROWS, PAIRS_AT_ONCE // pairs))
