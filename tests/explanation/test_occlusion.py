import dataclasses

import numpy as np
import pytest
import torch

from cases import make_case
from cogspeech.config import TargetSection
from cogspeech.explanation import occlusion, removal
from cogspeech.explanation.base import EXPLAINERS
from cogspeech.fusion.base import FUSIONS, ModelSizes, build_fusion, collate
from cogspeech.settings import Component
from cogspeech.training.objectives.base import build_objective
from conftest import make_embedded

BINARY = build_objective(TargetSection())
OF_EVENTS = ("event_vectors", "event_word", "event_is_pause", "event_start_s", "event_duration_s")


@pytest.fixture(params=FUSIONS.names())
def model(request):
    torch.manual_seed(0)
    return build_fusion(Component(name=request.param), ModelSizes(d_audio=5, d_text=3)).eval()


def explain(model, case):
    return EXPLAINERS.get("occlusion")().explain(
        model, case.embedded, case.transcript, objective=BINARY
    )


def lost(model, embedded, events, tokens):
    """What the logit loses where the items are not there at all; ``None`` if all are read."""
    if not {"audio", "pauses"} & {*model.streams}:
        events = np.zeros_like(events)
    if "text" not in model.streams:
        tokens = np.zeros_like(tokens)
    if not (events.any() or tokens.any()):
        return None
    left = dataclasses.replace(
        embedded,
        **{name: getattr(embedded, name)[~events] for name in OF_EVENTS},
        token_vectors=embedded.token_vectors[~tokens],
        token_word=embedded.token_word[~tokens],
    )
    return pytest.approx(logit(model, embedded) - logit(model, left), abs=1e-5)


def logit(model, embedded):
    with torch.inference_mode():
        return float(np.asarray(model(collate([embedded])).logits)[0, 0])


def test_an_attribution_is_what_the_logit_loses_without_the_part(model):
    case = make_case(1, "control", words=20)
    embedded = case.embedded

    attributions = explain(model, case)

    no_event, no_token = (
        np.zeros(len(w), bool) for w in (embedded.event_word, embedded.token_word)
    )
    for attribution in attributions[1::6]:
        is_own = embedded.event_word == attribution.word_index
        sound, pause = is_own & ~embedded.event_is_pause, is_own & embedded.event_is_pause
        tokens = embedded.token_word == attribution.word_index
        assert attribution.value == lost(model, embedded, sound, tokens)
        assert attribution.audio == lost(model, embedded, sound, no_token)
        assert attribution.text == lost(model, embedded, no_event, tokens)
        assert attribution.pause == lost(model, embedded, pause, no_token)
        assert len(attribution.tokens) == (2 if "text" in model.streams else 0)
        for place, value in zip(np.flatnonzero(tokens), attribution.tokens, strict=False):
            one = no_token.copy()
            one[place] = True
            assert value == lost(model, embedded, no_event, one)


def test_every_word_has_its_text_its_times_and_its_pause(model):
    case = make_case(1, "control", words=7)
    events = case.embedded

    attributions = explain(model, case)

    assert [a.word for a in attributions] == list(case.transcript.words)
    assert [a.word_index for a in attributions] == list(range(7))
    assert [a.pause_s > 0 for a in attributions] == [False, True, False, False, True, False, False]
    starts = [a.pause_start_s for a in attributions if a.pause_s]
    assert starts == events.event_start_s[events.event_is_pause].tolist()
    assert {a.pause_start_s for a in attributions if not a.pause_s} == {None}


def test_the_only_word_cannot_be_taken_away(model):
    case = make_case(1, "control", words=1, embedded=make_embedded(words=1, tokens_per_word=1))

    (attribution,) = explain(model, case)

    assert attribution.word.text == "word"
    assert (attribution.value, attribution.audio, attribution.text) == (None, None, None)
    assert (attribution.tokens, attribution.pause) == ((), None)


def test_the_number_of_rows_at_once_changes_nothing(model, monkeypatch):
    case = make_case(1, "control", words=12)
    before = explain(model, case)

    monkeypatch.setattr(removal, "MOST_ROWS", 3)

    for one, other in zip(before, explain(model, case), strict=True):
        assert other.tokens == pytest.approx(one.tokens, abs=1e-6)
        for name in ("value", "audio", "text", "pause"):
            expected = getattr(one, name)
            near = expected if expected is None else pytest.approx(expected, abs=1e-6)
            assert getattr(other, name) == near


def test_nothing_is_asked_twice_or_about_what_the_model_does_not_read(model):
    removals = removal.Removals(model, make_case(1, "control", words=12).embedded)
    events, tokens = np.zeros(16, bool), np.zeros(24, bool)
    events[3] = tokens[5] = True

    one_of_both = removals.add(events, tokens)
    again = removals.add(events.copy(), tokens.copy())
    nothing, everything = (
        removals.add(events & False, tokens & False),
        removals.add(~(events & False), tokens),
    )

    assert one_of_both == again == 1
    assert nothing is None
    assert everything == (None if {"audio", "pauses"} & {*model.streams} else 1)
    assert len(removals) == 2


def test_a_long_recording_is_told_without_details(model, monkeypatch):
    case = make_case(1, "control", words=20)
    whole = explain(model, case)
    pairs = len(case.embedded.event_word) * len(case.embedded.token_word)
    monkeypatch.setattr(occlusion, "MOST_WORK", 40 * pairs)

    plain = explain(model, case)

    for detailed, told in zip(whole, plain, strict=True):
        assert (told.audio, told.text, told.tokens) == (None, None, ())
        assert (told.word, told.pause_s) == (detailed.word, detailed.pause_s)
        for now, before in ((told.value, detailed.value), (told.pause, detailed.pause)):
            assert (now is None) == (before is None)
            assert now is None or now == pytest.approx(before, abs=1e-5)


@pytest.mark.parametrize("stretch", [2, 3, 7])
def test_in_a_very_long_one_neighbours_share_what_is_lost_without_all_of_them(
    model, monkeypatch, stretch
):
    case = make_case(1, "control", words=20)
    embedded = case.embedded
    pairs = len(embedded.event_word) * len(embedded.token_word)
    monkeypatch.setattr(occlusion, "MOST_WORK", -(-40 // stretch) * pairs)

    attributions = explain(model, case)

    events = (embedded.event_word < stretch) & ~embedded.event_is_pause
    together = lost(model, embedded, events, embedded.token_word < stretch)
    values = [each.value for each in attributions[:stretch]]
    assert len(set(values)) == 1
    if together is None:
        assert values[0] is None
    else:
        assert values[0] * stretch == together
    assert len(attributions) == 20
    assert {a.pause is None for a in attributions if a.pause_s == 0} <= {True}
