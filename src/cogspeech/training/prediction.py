"""What a fitted model says about recordings."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor

from cogspeech.fusion.base import FusionModel
from cogspeech.training.objectives.base import Objective
from cogspeech.types import Answers, EmbeddedRecording

GPU_BATCH = 64
"""On a processor it is one: alone, a recording gets the same bits in any company. And it is faster,
as nothing is padded."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Keeps torch to one thread: the steps of a fusion are too small to share.

    On two free cores a second thread gains a tenth; beside any other work its waiting more than
    doubles the time. And the numbers no longer depend on how many cores there are.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@torch.inference_mode()
def predict_outputs(
    model: FusionModel, recordings: Sequence[EmbeddedRecording]
) -> Float[Tensor, "recording output"]:
    """What the model gives for every recording, in order, on the CPU in float32.

    Raises:
        BundleError: a recording lacks a stream that the model cannot do without.
    """
    model.refuse_missing(recordings)
    was_training = model.training
    model.eval()
    size = 1 if model.device.type == "cpu" else GPU_BATCH
    with one_thread():
        pieces = [
            model(model.inputs_of(recordings[at : at + size])).logits.float().cpu()
            for at in range(0, len(recordings), size)
        ]
    model.train(was_training)
    return torch.cat(pieces)


def predict_answers(
    model: FusionModel, objective: Objective, recordings: Sequence[EmbeddedRecording]
) -> Answers:
    """What the model says about every recording, in order."""
    return objective.answers(predict_outputs(model, recordings))
