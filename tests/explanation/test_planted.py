"""Explanations of models that were trained on what is known: see benchmarks/planted_words.py."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from attribution_truth import precision_at
from cogspeech.explanation.base import EXPLAINERS
from cogspeech.explanation.faithfulness import faithfulness
from cogspeech.learning_sections import TrainingSection
from cogspeech.settings import Component
from cogspeech.training.trainer import Trainer
from planted_words import PAUSES, PLANTED, WORDS, labelled, planted

CHANCE = PLANTED / (WORDS + PAUSES)
FIT = {
    "token": ("late_fusion", 120, 12),
    "sound": ("word_concat", 200, 12),
    "pause": ("pause_only", 120, 40),
    "pairing": ("word_concat", 300, 12),
}
"""A fusion that can learn it, and from how many recordings and epochs."""


@pytest.fixture(scope="module")
def fits():
    """By kind of sign; each is made once."""
    made = {}

    def of(kind):
        if kind not in made:
            fusion, count, epochs = FIT[kind]
            parts = [labelled(planted(kind, n, seed=i)) for i, n in enumerate((count, 40))]
            section = TrainingSection(max_epochs=epochs, learning_rate=5e-3)
            made[kind] = Trainer(Component(name=fusion, d_model=16), section, seed=3).fit(*parts)
        return made[kind]

    return of


@pytest.fixture(params=["occlusion", "integrated_gradients"])
def explainer(request):
    return EXPLAINERS.get(request.param)()


def explain(explainer, model, objective, each):
    return explainer.explain(model, each.embedded, each.transcript, objective=objective)


def unseen(kind, count=20):
    return [each for each in planted(kind, count, seed=9) if each.label]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "least"), [("token", 0.8), ("sound", 0.6), ("pause", 0.9), ("pairing", 0.45)]
)
def test_what_carries_the_label_comes_first(fits, explainer, kind, least):
    fitted = fits(kind)

    found = [
        precision_at(each, explain(explainer, fitted.model, fitted.objective, each))
        for each in unseen(kind)
    ]

    assert np.mean(found) >= least > 4 * CHANCE


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "share"), [("token", "text"), ("sound", "audio")])
def test_it_is_found_in_the_stream_that_carries_it(fits, explainer, kind, share):
    fitted = fits(kind)
    planted_ones = [
        a
        for each in unseen(kind)
        for a in explain(explainer, fitted.model, fitted.objective, each)
        if a.word_index in each.words
    ]

    audio, text = (np.mean([getattr(a, side) for a in planted_ones]) for side in ("audio", "text"))
    own, other = (text, audio) if share == "text" else (audio, text)
    assert own > 3 * abs(other)


@pytest.mark.parametrize("kind", ["token", pytest.param("sound", marks=pytest.mark.slow)])
def test_its_order_deletes_and_inserts_evidence_faster_than_chance(fits, explainer, kind):
    fitted, areas = fits(kind), []
    for each in unseen(kind, 12):
        attributions = explain(explainer, fitted.model, fitted.objective, each)
        curves = faithfulness(
            fitted.model, each.embedded, attributions, objective=fitted.objective, random_orders=5
        )
        areas.append((curves.deletion_area, curves.insertion_area))
        assert (curves.deletion[0], curves.insertion[-1]) == pytest.approx(
            (curves.random_deletion[:, 0].mean(), curves.random_insertion[:, -1].mean())
        )
        assert curves.deletion[-1] == pytest.approx(curves.insertion[0], abs=1e-5)

    assert np.mean(areas, axis=0).min() > 0.5
    assert np.mean(np.array(areas) > 0) > 0.8


def test_an_order_turned_round_is_worse_than_chance(fits):
    fitted, (each, *_) = fits("token"), unseen("token")
    occlusion = EXPLAINERS.get("occlusion")()
    attributions = [
        dataclasses.replace(a, value=-a.value, pause=None if a.pause is None else -a.pause)
        for a in explain(occlusion, fitted.model, fitted.objective, each)
    ]

    curves = faithfulness(
        fitted.model, each.embedded, attributions, objective=fitted.objective, random_orders=5
    )

    assert curves.deletion_area < -0.2
    assert curves.insertion_area < -0.2


def test_other_weights_give_another_map(fits, explainer):
    """From the head down, layer after layer (Adebayo et al., 2018)."""
    fitted = fits("token")
    model = copy.deepcopy(fitted.model)
    before = maps(explainer, model, fitted.objective)
    agreement = []
    torch.manual_seed(0)
    for part in ("head", "pool", "layers", "stream"):
        for tower in (model.audio, model.text):
            for parameter in getattr(tower, part).parameters():
                torch.nn.init.normal_(parameter, std=0.3)
        after = maps(explainer, model, fitted.objective)
        agreement.append(np.mean([*map(rank_correlation, before, after)]))

    assert agreement[0] < 0.95
    assert abs(agreement[-1]) < 0.4


def maps(explainer, model, objective):
    return [
        [a.value for a in explain(explainer, model, objective, each)]
        for each in unseen("token", 12)
    ]


def rank_correlation(one, other):
    return spearmanr(one, other).statistic
