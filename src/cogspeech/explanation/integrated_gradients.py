"""``integrated_gradients``: the evidence, divided over sounds, pauses and tokens."""

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cogspeech.errors import require
from cogspeech.explanation.base import EXPLAINERS, Explainer, rolled_up, streams_read
from cogspeech.fusion.base import FusionInputs, FusionModel, Standardise
from cogspeech.training.objectives.base import Objective
from cogspeech.training.prediction import one_thread
from cogspeech.types import Attribution, EmbeddedRecording, Transcript

TOLERANCE = 0.01
"""Of the evidence: what the parts may miss of the whole."""
FEWEST_STEPS, MOST_STEPS = 32, 512
ITEMS_AT_ONCE = 8192
"""Events and tokens that go through the model together: a matter of memory."""


@EXPLAINERS.register("integrated_gradients")
class IntegratedGradients(Explainer):
    """Gradients along the way from a baseline to the recording (Sundararajan et al., 2017).

    The baseline is a recording of as many events and tokens whose vectors are the mean of the
    training data, as the model's standardisation knows it, and whose events last no time. The
    values of all events and tokens sum to the evidence minus that of the baseline, within
    `TOLERANCE`; steps (Gauss-Legendre) are doubled until they do. Where `MOST_STEPS` are too few,
    nothing is told.
    """

    meaning = (
        "the share of the word, or of the pause before it, in the evidence (the log-odds of any "
        "class but the first, or the score in deviations) minus that of a recording of mean "
        "vectors whose events last no time; above 0 it speaks for any class but the first, or for "
        "a higher score"
    )

    def __init__(self) -> None:
        self._captum = require("captum.attr", extra="explain")

    def explain(
        self,
        model: FusionModel,
        embedded: EmbeddedRecording,
        transcript: Transcript,
        *,
        objective: Objective,
    ) -> tuple[Attribution, ...]:
        """One attribution per word; 32 gradients of the model, as a rule."""
        model.eval()
        with torch.no_grad():
            inputs = model.inputs_of([embedded])
        given = _explained(model, embedded, inputs)
        with one_thread():
            values = self._integrated(model, objective, inputs, given)
        events = [values[name] for name in values if name.startswith("event")]
        return rolled_up(
            transcript.participant_words,
            embedded,
            events=np.sum(events, axis=0) if events else None,
            tokens=values.get("token_vectors"),
        )

    def _integrated(
        self,
        model: FusionModel,
        objective: Objective,
        inputs: FusionInputs,
        given: dict[str, tuple[Tensor, Tensor]],
    ) -> dict[str, Float[np.ndarray, " item"]]:
        """By field of the inputs, a value for each item; empty where the steps do not suffice."""
        gradients = self._captum.IntegratedGradients(_evidence_of(model, objective, inputs, given))
        steps = FEWEST_STEPS
        while steps <= MOST_STEPS:
            found, missed = gradients.attribute(
                tuple(whole for whole, _ in given.values()),
                baselines=tuple(baseline for _, baseline in given.values()),
                n_steps=steps,
                internal_batch_size=_rows_at_once(inputs),
                return_convergence_delta=True,
            )
            if abs(float(missed)) <= TOLERANCE:
                return {
                    name: values.detach().cpu().double().flatten(2).sum(-1)[0].numpy()
                    if values.ndim > 2
                    else values.detach().cpu().double()[0].numpy()
                    for name, values in zip(given, found, strict=True)
                }
            steps *= 2
        return {}


def _rows_at_once(inputs: FusionInputs) -> int:
    return max(1, ITEMS_AT_ONCE // (inputs.event_word.shape[1] + inputs.token_word.shape[1]))


def _explained(
    model: FusionModel, embedded: EmbeddedRecording, inputs: FusionInputs
) -> dict[str, tuple[Tensor, Tensor]]:
    """The fields of the inputs that the model reads, each with its baseline."""
    means = {m.stream: m.mean for m in model.modules() if isinstance(m, Standardise)}
    streams = streams_read(model, embedded)
    given = {}
    for stream, name in (("audio", "event_vectors"), ("text", "token_vectors")):
        if stream in streams and stream in means:
            vectors = getattr(inputs, name)
            given[name] = (vectors, means[stream].expand_as(vectors))
    if "audio" in streams:
        duration_s = inputs.event_duration_s
        given["event_duration_s"] = (duration_s, torch.zeros_like(duration_s))
    return given


def _evidence_of(
    model: FusionModel,
    objective: Objective,
    inputs: FusionInputs,
    given: dict[str, tuple[Tensor, Tensor]],
) -> Callable[..., Float[Tensor, " row"]]:
    """The evidence as a function of the explained fields alone."""

    def evidence(*values: Tensor) -> Float[Tensor, " row"]:
        changed = dict(zip(given, values, strict=True))
        count = len(values[0])
        rows = {
            name: getattr(inputs, name).expand(count, *getattr(inputs, name).shape[1:])
            for name in (field.name for field in fields(inputs))
        }
        found: Tensor = objective.evidence(model(FusionInputs(**{**rows, **changed})).logits)
        return found

    return evidence
