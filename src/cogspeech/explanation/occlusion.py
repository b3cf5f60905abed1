"""``occlusion``: take one word away, with the pause before it, and see what the evidence loses."""

import dataclasses

import numpy as np
import torch
from jaxtyping import Float

from cogspeech.explanation.base import EXPLAINERS, Explainer
from cogspeech.fusion.base import FusionInputs, FusionModel
from cogspeech.training.objectives.base import Objective
from cogspeech.types import Attribution, EmbeddedRecording, Transcript

ROWS_AT_ONCE = 32


@EXPLAINERS.register("occlusion")
class Occlusion(Explainer):
    """Evidence of the whole recording minus that without the word (Zeiler and Fergus, 2014).

    A word is taken away through the masks: its audio events and its tokens are not real. A word
    whose removal would leave no event or no token gets no attribution.
    """

    def explain(
        self,
        model: FusionModel,
        embedded: EmbeddedRecording,
        transcript: Transcript,
        *,
        objective: Objective,
    ) -> tuple[Attribution, ...]:
        """One attribution per word that can be taken away."""
        words = transcript.participant_words
        removable = [
            index
            for index in range(len(words))
            if np.any(embedded.event_word != index) and np.any(embedded.token_word != index)
        ]
        with torch.inference_mode():
            inputs = model.eval().inputs_of([embedded])
        whole = float(_evidence(model, objective, inputs)[0])
        attributions = []
        for at in range(0, len(removable), ROWS_AT_ONCE):
            rows = removable[at : at + ROWS_AT_ONCE]
            without = _evidence(model, objective, _without(inputs, rows))
            attributions += [
                Attribution(
                    word_index=index,
                    word=words[index],
                    pause_s=_pause_before(embedded, index),
                    value=whole - float(rest),
                )
                for index, rest in zip(rows, without, strict=True)
            ]
        return tuple(attributions)


def _pause_before(embedded: EmbeddedRecording, word_index: int) -> float:
    is_it = embedded.event_is_pause & (embedded.event_word == word_index)
    return float(embedded.event_duration_s[is_it].sum())


def _without(inputs: FusionInputs, word_indices: list[int]) -> FusionInputs:
    """The same recording once per word, each time without that word."""
    removed = torch.tensor(word_indices, device=inputs.event_word.device)[:, None]
    rows = {
        field.name: getattr(inputs, field.name).expand(
            len(word_indices), *getattr(inputs, field.name).shape[1:]
        )
        for field in dataclasses.fields(inputs)
    }
    rows["event_is_real"] = rows["event_is_real"] & (inputs.event_word != removed)
    rows["token_is_real"] = rows["token_is_real"] & (inputs.token_word != removed)
    return FusionInputs(**rows)


@torch.inference_mode()
def _evidence(
    model: FusionModel, objective: Objective, inputs: FusionInputs
) -> Float[np.ndarray, " row"]:
    evidence: np.ndarray = objective.evidence(model.eval()(inputs).logits.double()).cpu().numpy()
    return evidence
