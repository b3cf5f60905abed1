"""Learners for corpora that are drawn by the thousand: all fits of a cross-validation at once.

Each takes the features, the labels and who is trained on in each fit, and gives the probability of
everybody in each fit.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC

Values = Float[np.ndarray, "participant feature"]
Labels = Int[np.ndarray, " participant"]
Trained = Bool[np.ndarray, "fit participant"]
Learner = Callable[[Values, Labels, Trained], Float[np.ndarray, "fit participant"]]
STEPS = 25
NEIGHBOURS = 5


def logistic(
    values: Values, labels: Labels, trained: Trained
) -> Float[np.ndarray, "fit participant"]:
    """Scikit-learn's logistic regression (C = 1), by Newton's method."""
    columns = np.concatenate([np.ones((len(values), 1)), values], axis=1)
    penalty = np.diag([0.0, *np.ones(values.shape[1])])
    weights = np.zeros((len(trained), columns.shape[1]))
    for _ in range(STEPS):
        probability = _sigmoid(weights @ columns.T)
        slope = ((probability - labels) * trained) @ columns + weights @ penalty
        curve = (probability * (1 - probability) * trained)[:, None, :] * columns.T
        step = np.linalg.solve(curve @ columns + penalty, slope[:, :, None])[:, :, 0]
        weights -= step
        if np.abs(step).max() < 1e-9:
            break
    return _sigmoid(weights @ columns.T)


def neighbours(
    values: Values, labels: Labels, trained: Trained
) -> Float[np.ndarray, "fit participant"]:
    """The share of the second class among the five nearest; few values, so many ties."""
    far = np.square(values[:, None] - values[None]).sum(axis=2)
    found = []
    for people in map(np.flatnonzero, trained):
        nearest = np.argpartition(far[:, people], NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        found.append(labels[people][nearest].mean(axis=1))
    return np.array(found)


def kernel_machine(
    values: Values, labels: Labels, trained: Trained
) -> Float[np.ndarray, "fit participant"]:
    """A support vector machine with a Gaussian kernel; twice its margin counts as the logit."""
    fits = [SVC().fit(values[people], labels[people]) for people in trained]
    return np.array([_sigmoid(2 * fit.decision_function(values)) for fit in fits])


def forest(
    values: Values, labels: Labels, trained: Trained
) -> Float[np.ndarray, "fit participant"]:
    """Fifteen trees, so that a fit hangs much on whom it has seen."""
    fits = [
        RandomForestClassifier(15, min_samples_leaf=3, random_state=0).fit(values[p], labels[p])
        for p in trained
    ]
    return np.array([fit.predict_proba(values)[:, 1] for fit in fits])


def _sigmoid(logit: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-logit)))


LEARNERS: dict[str, Learner] = {
    "logistic": logistic,
    "kernel machine": kernel_machine,
    "neighbours": neighbours,
    "forest": forest,
}
