"""What can be evaluated: systems, and the probes that must fail."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from cogspeech.corpora.splits import SplitPlan
from cogspeech.registry import Registry
from cogspeech.types import Answers, Case, Estimate, Recording


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
    train_scores: tuple[float | None, ...] = ()
    """As measured; ``None`` where a recording has none, empty where the target has no score."""
    validation_scores: tuple[float | None, ...] = ()


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
    terms: str | None = None
    """Under which its results may be used, where they are not those of this software."""

    def why_not(self, cases: Sequence[Case]) -> str | None:
        """Why it cannot say anything about these recordings; ``None`` where it can."""
        del cases
        return None

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

    tells_scores: ClassVar[bool] = False
    """True: it answers with a score where the target has one."""


def without_answers(case: Case, columns: Sequence[str] = ()) -> Case:
    """What a system may see of somebody whom it is tested on.

    Args:
        case: with everything that is known.
        columns: further ones that tell the answer.
    """
    told: dict[str, Any] = {"label": None, "mmse": None, "score": None, "metadata": {}}
    told |= dict.fromkeys(columns)
    return dataclasses.replace(case, recording=dataclasses.replace(case.recording, **told))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTask:
    """What a probe may look at: all of a finished study."""

    cases: tuple[Case, ...]
    plan: SplitPlan
    classes: tuple[str, ...]
    """The negative class first."""
    seed: int
    primary: KeptFits | None = None
    """The system whose finished fits can be asked again; ``None``: nobody kept them."""

    def label(self, case: Case) -> int:
        """1 of any class but the first."""
        return int(self.classes.index(case.recording.label or "") > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFinding:
    """What a probe reached, before the verdict."""

    auroc: Estimate | None = None
    """``None`` where the probe does not apply."""
    p_value: float | None = None
    is_shortcut: bool | None = None
    """``None``: ``p_value`` decides, that the AUROC is 0.5 by chance, corrected over all probes."""
    reason: str = ""
    """Why it does not apply."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """More keys of the probe in ``metrics.json``."""


class Probe(ABC):
    """A question to a study, with the answer that an honest study gives."""

    name: ClassVar[str]
    looks_at: ClassVar[str]
    """What it looks at, for the report."""
    rule: ClassVar[str]
    """When the verdict is ``shortcut``."""
    red_means: ClassVar[str]
    """What a reader has to conclude then, a sentence."""

    @abstractmethod
    def run(self, task: ProbeTask) -> ProbeFinding:
        """The answer."""


BASELINES: Registry[type[Baseline]] = Registry("baseline", "cogspeech.evaluation.baselines")
PROBES: Registry[type[Probe]] = Registry("probe", "cogspeech.evaluation.probes")


def both_parts(task: FoldTask) -> tuple[tuple[Case, ...], Sequence[int]]:
    """The whole training side, for systems that need no validation part."""
    return task.train + task.validation, task.train_labels + task.validation_labels


def mean_score(recordings: Iterable[Recording], scores: Iterable[float | None]) -> float | None:
    """The mean over participants of the mean over their recordings with a score, if there is one.

    What somebody would guess who knows the training side and hears nothing.
    """
    of_person: dict[str, list[float]] = {}
    for recording, score in zip(recordings, scores, strict=True):
        if score is not None:
            of_person.setdefault(recording.participant_id, []).append(score)
    return float(np.mean([np.mean(own) for own in of_person.values()])) if of_person else None


def two_classes(positive: Float[np.ndarray, " case"]) -> Answers:
    """Answers from the probability of the second class."""
    return Answers(probabilities=np.stack([1.0 - positive, positive], axis=1))
