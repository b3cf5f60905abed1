"""What can be evaluated: systems, and the probes that must fail."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from cogspeech.registry import Registry
from cogspeech.types import Answers, Case


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldTask:
    """What a system gets of an outer fold. The test cases come without labels."""

    repeat: int
    fold: int
    seed: int
    train: tuple[Case, ...]
    train_labels: tuple[int, ...]
    validation: tuple[Case, ...]
    validation_labels: tuple[int, ...]
    test: tuple[Case, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldAnswers:
    """What a system says about the test cases of a fold, in order."""

    test: Answers
    validation: Answers | None = None
    """About the validation part, by the same fit; ``None`` of a system that learned from it."""


class System(ABC):
    """Anything that can be fitted on the training side and asked about the test cases."""

    name: str
    is_seeded: bool
    """False: every seed would give the same answer, so one is enough."""

    @abstractmethod
    def fit_predict(self, task: FoldTask) -> FoldAnswers:
        """Fits on the training side, and answers."""


@runtime_checkable
class KeptFits(Protocol):
    """A system whose finished fits of the first repeat and seed can be asked again."""

    name: str

    def answer(self, fold: int, cases: Sequence[Case]) -> Answers:
        """What the fit of a fold says about cases, in order, such as test cases made harder."""


class Baseline(System):
    """A system without a neural network; registered under its name."""


class Probe(ABC):
    """A deliberately unfair view of a recording, from which nothing should be predictable."""

    name: ClassVar[str]
    looks_at: ClassVar[str]
    """What it looks at, for the report."""

    @abstractmethod
    def features(self, case: Case) -> Float[np.ndarray, " feature"] | None:
        """What the probe sees, or ``None`` where the recording has nothing of it."""


BASELINES: Registry[type[Baseline]] = Registry("baseline", "cogspeech.evaluation.baselines")
PROBES: Registry[type[Probe]] = Registry("probe", "cogspeech.evaluation.probes")


def both_parts(task: FoldTask) -> tuple[tuple[Case, ...], Sequence[int]]:
    """The whole training side, for systems that need no validation part."""
    return task.train + task.validation, task.train_labels + task.validation_labels


def two_classes(positive: Float[np.ndarray, " case"]) -> Answers:
    """Answers from the probability of the second class."""
    return Answers(probabilities=np.stack([1.0 - positive, positive], axis=1))
