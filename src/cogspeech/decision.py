"""What becomes of a model's probability: calibrated, then a class or an abstention.

The evaluation fits a rule per fit and the bundle carries one; both apply it here, so what is served
is what was evaluated.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field
from scipy.special import expit, logit

from cogspeech.settings import Settings

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Kind = Literal["class_conditional", "marginal"]
SMALLEST, LARGEST = 1e-300, 1.0 - 2.0**-53
"""Between them a logit is finite."""


class FittedOn(Settings):
    """Whose predictions a rule was fitted on: held back from the fit, never tested."""

    part: Literal["validation"] = "validation"
    participants: Annotated[int, Field(ge=1)]
    participants_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """From `participants_digest`: tells whether it was these people, not who they are."""


class ConformalSets(Settings):
    """Which classes are plausible at a probability."""

    kind: Kind
    """``class_conditional``: the coverage is meant for each class; ``marginal``: for all."""
    coverage: Annotated[float, Field(gt=0, lt=1)]
    largest: tuple[Probability, Probability]
    """By class: the largest ``1 - probability of the class`` at which it is still plausible."""

    def plausible(self, probability: Float[np.ndarray, "*any"]) -> Bool[np.ndarray, "*any 2"]:
        """Whether each class is plausible, given the calibrated probability of the second."""
        strangeness = np.stack([probability, 1.0 - probability], axis=-1)
        return np.asarray(strangeness <= np.array(self.largest))


class DecisionRule(Settings):
    """From the probability of the second of two classes to a decision."""

    method: Literal["temperature", "platt", "none"]
    slope: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """Of the logit: one over the temperature. Above 0, so the order of people stays."""
    intercept: Annotated[float, Field(ge=-1000, le=1000)] = 0.0
    threshold: Probability = 0.5
    """Where decisions fall without conformal sets; nobody chose it on data."""
    sets: ConformalSets | None = None
    """``None``: too few people were held back for them."""
    fitted_on: FittedOn

    def calibrated(self, probability: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
        """The calibrated probabilities, in the order of the given ones."""
        if self.method == "none":
            return probability
        inside = np.clip(np.asarray(probability, dtype=np.float64), SMALLEST, LARGEST)
        return np.asarray(expit(self.slope * logit(inside) + self.intercept))

    def decide(self, probability: float) -> tuple[int | None, str | None]:
        """The position of the class, or ``None`` and the reason to abstain.

        Args:
            probability: calibrated.
        """
        if self.sets is None:
            return int(probability >= self.threshold), None
        plausible = self.sets.plausible(np.array(probability))
        if plausible.sum() == 1:
            return int(plausible.argmax()), None
        which = "both classes are" if plausible.any() else "neither class is"
        return None, f"uncertain: {which} plausible at {100 * self.sets.coverage:g} % coverage"


def participants_digest(participants: Iterable[str]) -> str:
    """A hash that two sets of participants share if and only if they are the same."""
    return hashlib.sha256(json.dumps(sorted(set(participants))).encode()).hexdigest()
