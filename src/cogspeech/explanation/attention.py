"""``attention``: where a model with attention between its streams looks."""

import numpy as np
import torch
from jaxtyping import Float

from cogspeech.explanation.base import EXPLAINERS, Explainer, rolled_up, streams_read
from cogspeech.fusion.base import FusionModel
from cogspeech.training.objectives.base import Objective
from cogspeech.training.prediction import one_thread
from cogspeech.types import Attribution, EmbeddedRecording, Transcript


@EXPLAINERS.register("attention")
class Attention(Explainer):
    """The mean weight that an item is given by all items of the other stream.

    The mean is taken over layers, heads and askers, so the shares of all tokens sum to 1; where
    tokens ask events too, so do those of all events. A weight belongs to what is looked at, never
    to the asker: where only events ask, sounds and pauses have none. Weights are no attribution
    (Jain and Wallace, 2019): they have no sign and tell nothing of what the model made of it.
    """

    meaning = (
        "attention weights, which are no attribution: the share of the attention of the other "
        "stream that went to the word, or to the pause before it; it has no sign, so it speaks "
        "for no class"
    )

    needs_attention = True

    def explain(
        self,
        model: FusionModel,
        embedded: EmbeddedRecording,
        transcript: Transcript,
        *,
        objective: Objective,  # noqa: ARG002 (weights do not depend on what is made of them)
    ) -> tuple[Attribution, ...]:
        """One per word; nothing is told of a recording that lacks a stream."""
        self.refuse_unable(type(model))
        events = tokens = None
        if streams_read(model, embedded) == {"audio", "text"}:
            with torch.inference_mode(), one_thread():
                found = model.eval()(model.inputs_of([embedded]), return_attention=True)
            tokens, events = _received(found.attention), _received(found.attention_back)
        return rolled_up(transcript.participant_words, embedded, events=events, tokens=tokens)


def _received(
    attention: Float[torch.Tensor, "layer 1 head asker item"] | None,
) -> Float[np.ndarray, " item"] | None:
    if attention is None:
        return None
    shares: np.ndarray = attention[:, 0].cpu().double().mean(dim=(0, 1, 2)).numpy()
    return shares
