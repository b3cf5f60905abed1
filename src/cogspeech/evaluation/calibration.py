"""Calibration: the logit of a fit, stretched by what its own validation part shows.

``temperature`` learns the stretch alone, so decisions at 0.5 stay; ``platt`` learns a shift too. A
validation part has about 8 to 40 people, so both learn Platt's (1999) smoothed targets, the share
of a class of n being (n + 1) / (n + 2), with a normal prior of deviation 1 on the logarithm of the
stretch and on the shift. The stretch is always above 0: the order of a fit's answers stays.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize
from scipy.special import expit, logit

Method = Literal["temperature", "platt", "none"]
FARTHEST = 14.0
"""Logits beyond it are learned from as if they lay there; one sure mistake is not to decide."""
STEEPEST = 3.0
"""Largest logarithm of the stretch, in both directions."""


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

    def loss(x: Float[np.ndarray, " parameter"]) -> tuple[float, Float[np.ndarray, " parameter"]]:
        stretch = np.exp(x[0])
        value = stretch * evidence + (x[1] if len(x) > 1 else 0.0)
        entropy = weights @ (np.logaddexp(0.0, value) - targets * value)
        residual = weights * (expit(value) - targets)
        gradient = np.array([residual @ evidence * stretch, residual.sum()])[: len(x)] + x
        return float(entropy + x @ x / 2), gradient

    start = np.zeros(1 if method == "temperature" else 2)
    bounds = [(-STEEPEST, STEEPEST)] * len(start)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(np.exp(found[0])), float(found[1]) if len(found) > 1 else 0.0
