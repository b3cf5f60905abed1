import dataclasses

import numpy as np
import pytest
import torch

from cases import make_case
from cogspeech.config import TargetSection
from cogspeech.explanation.base import EXPLAINERS
from cogspeech.fusion.base import FUSIONS, ModelSizes, build_fusion, collate
from cogspeech.settings import Component
from cogspeech.training.objectives.base import build_objective
from conftest import make_embedded

BINARY = build_objective(TargetSection())


@pytest.fixture(params=FUSIONS.names())
def model(request):
    torch.manual_seed(0)
    return build_fusion(Component(name=request.param), ModelSizes(d_audio=5, d_text=3)).eval()


def explain(model, case):
    return EXPLAINERS.get("occlusion")().explain(
        model, case.embedded, case.transcript, objective=BINARY
    )


def test_an_attribution_is_what_the_logit_loses_without_the_word(model):
    case = make_case(1, "control", words=40)

    attributions = explain(model, case)

    whole, embedded = _logit(model, case.embedded), case.embedded
    for attribution in attributions[::13]:
        events = embedded.event_word != attribution.word_index
        tokens = embedded.token_word != attribution.word_index
        without = dataclasses.replace(
            embedded,
            **{
                name: getattr(embedded, name)[events]
                for name in (
                    "event_vectors",
                    "event_word",
                    "event_is_pause",
                    "event_start_s",
                    "event_duration_s",
                )
            },
            token_vectors=embedded.token_vectors[tokens],
            token_word=embedded.token_word[tokens],
        )
        assert attribution.value == pytest.approx(whole - _logit(model, without), abs=1e-5)


def test_every_word_has_its_text_its_times_and_its_pause(model):
    case = make_case(1, "control", words=7)

    attributions = explain(model, case)

    assert [a.word for a in attributions] == list(case.transcript.words)
    assert [a.word_index for a in attributions] == list(range(7))
    pauses = [a.pause_s for a in attributions]
    assert [p > 0 for p in pauses] == [False, True, False, False, True, False, False]


def test_the_only_word_cannot_be_taken_away(model):
    case = make_case(1, "control", words=1, embedded=make_embedded(words=1))

    assert explain(model, case) == ()


def _logit(model, embedded):
    with torch.inference_mode():
        return float(np.asarray(model(collate([embedded])).logits)[0, 0])
