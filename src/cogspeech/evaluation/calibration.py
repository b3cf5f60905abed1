"""Calibration: the logit of a fit, stretched by what its own validation part shows.

``temperature`` learns the stretch alone, so decisions at 0.5 stay; ``platt`` learns a shift too. A
validation part has about 8 to 40 people, so both learn Platt's (1999) smoothed targets, the share
of a class of n being (n + 1) / (n + 2), with a normal prior of deviation 1 on the logarithm of the
stretch and on the shift. Both stay finite, and the stretch above 0: the order of a fit's answers
stays.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit, logit

Method = Literal["temperature", "platt", "none"]
FARTHEST = 14.0
"""Logits beyond it are learned from as if they lay there; one sure mistake is not to decide."""


def fit_calibration(
    probability: Float[np.ndarray, " recording"],
    labels: Int[np.ndarray, " recording"],
    weights: Float[np.ndarray, " recording"],
    method: Method,
) -> tuple[float, float] | None:
    """The stretch and the shift of the logit; ``None`` where one class alone shows nothing.

    Args:
        probability: of the second class, of people the fit has not learned from.
        labels: 0 or 1.
        weights: one over the number of recordings of the same participant.
        method: what is learned.
    """
    if method == "none" or len(np.unique(labels)) < 2:
        return None
    negatives, positives = (float(weights[labels == label].sum()) for label in (0, 1))
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    evidence = np.clip(logit(probability), -FARTHEST, FARTHEST)

    def loss(at: Float[np.ndarray, " parameter"]) -> float:
        value = np.exp(at[0]) * evidence + at[1]
        return float(weights @ (np.logaddexp(0.0, value) - targets * value) + at @ at / 2)

    is_learned = np.array([1.0, float(method == "platt")])
    found = np.zeros(2)
    for _ in range(100):
        stretched = np.exp(found[0]) * evidence
        share = expit(stretched + found[1])
        effect = np.stack([stretched, np.ones_like(stretched)], axis=1) * is_learned
        gradient = effect.T @ (weights * (share - targets)) + found
        # Gauss and Newton's curvature: with the prior it is never flat and never turns down.
        curvature = (effect * (weights * share * (1 - share))[:, None]).T @ effect + np.eye(2)
        step = -np.linalg.solve(curvature, gradient)
        while loss(found + step) > loss(found) + 1e-12:
            step /= 2
        found = found + step
        if np.abs(step).max() < 1e-9:
            break
    return float(np.exp(found[0])), float(found[1])
