"""Decision curves (Vickers and Elkin, 2006): is acting on the answers worth it?

Whoever acts at a probability of t counts a false alarm as t / (1 - t) of a hit. The net benefit per
person at a prevalence is ``sensitivity * prevalence - (1 - specificity) * (1 - prevalence) * t / (1
- t)``. At another prevalence than the study's the probabilities are moved to it first, by Bayes'
rule: the logit plus the difference of the logits of the prevalences.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from cogspeech.evaluation.intervals import bootstrap_counts
from cogspeech.evaluation.metrics import Scores

THRESHOLDS = tuple(round(0.02 * step, 2) for step in range(1, 50))
STATED_PREVALENCE = 0.1
"""Beside that of the study, which has chosen how many people of each class it takes."""
HELD_INSIDE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionCurve:
    """Net benefit per person at each threshold, with a 95 % band; treating nobody has 0."""

    prevalence: float
    n: int
    thresholds: tuple[float, ...]
    net_benefit: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    treat_all: tuple[float, ...]


def decision_curves(scores: Scores, *, prior: float) -> tuple[DecisionCurve, ...]:
    """At the prevalence of the study and at `STATED_PREVALENCE`."""
    own = float(scores.labels.mean())
    return tuple(
        decision_curve(scores, prevalence, prior=prior) for prevalence in (own, STATED_PREVALENCE)
    )


def decision_curve(scores: Scores, prevalence: float, *, prior: float) -> DecisionCurve:
    """The curve of the mean net benefit over runs, at one prevalence.

    The band is that of a bootstrap of participants within class, widened for shared training
    sides.

    Args:
        scores: of one system.
        prevalence: share of the second class among those who are decided about.
        prior: the share that the probabilities take for granted; they are moved from it to the
            prevalence by Bayes' rule.
    """
    thresholds = np.array(THRESHOLDS)
    shift = logit(prevalence) - logit(prior)
    probability = scores.probability
    if shift:
        probability = expit(logit(np.clip(probability, HELD_INSIDE, 1 - HELD_INSIDE)) + shift)
    called = np.stack([(probability >= cut).mean(axis=0) for cut in thresholds], axis=1)
    draws = np.vstack([np.ones((1, len(called))), bootstrap_counts(scores.labels)])
    false_rate, true_rate = (
        (draws * (scores.labels == label)) @ called / np.sum(scores.labels == label)
        for label in (0, 1)
    )
    odds = thresholds / (1 - thresholds)
    benefit = true_rate * prevalence - false_rate * (1 - prevalence) * odds
    value, widen = benefit[0], math.sqrt(scores.variance_factor)
    low, high = value + widen * (np.quantile(benefit[1:], [0.025, 0.975], axis=0) - value)
    return DecisionCurve(
        prevalence=prevalence,
        n=scores.num_participants,
        thresholds=THRESHOLDS,
        net_benefit=tuple(value.tolist()),
        low=tuple(np.minimum(low, value).tolist()),
        high=tuple(np.maximum(high, value).tolist()),
        treat_all=tuple((prevalence - (1 - prevalence) * odds).tolist()),
    )
