"""A decision rule per fit, fitted on its own validation part and used on its test side.

Only predictions about people whom a fit has held back are looked at; the labels of the test side
are out of reach.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from cogspeech.config import EvaluationSection
from cogspeech.decision import DecisionRule, FittedOn, Kind, participants_digest
from cogspeech.errors import SplitError
from cogspeech.evaluation.base import KeptFits, two_classes
from cogspeech.evaluation.calibration import fit_calibration
from cogspeech.evaluation.conformal import fewest_people, fit_sets, possible_kind
from cogspeech.evaluation.protocol import OutOfFold
from cogspeech.types import Answers, Case, Prediction

Fit = tuple[str, int, int, int]
"""System, repeat, fold, seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """What a fit says about its validation part."""

    participants: tuple[str, ...]
    """Of each recording."""
    labels: Int[np.ndarray, " recording"]
    probability: Float[np.ndarray, " recording"]

    @property
    def counts(self) -> tuple[int, int]:
        """The participants of each class."""
        people = dict(zip(self.participants, self.labels.tolist(), strict=True))
        return sum(label == 0 for label in people.values()), sum(people.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The predictions of a study after calibration, and the rules that were fitted."""

    answered: OutOfFold
    rules: Mapping[Fit, DecisionRule]
    """Empty for systems that hold nobody back."""

    def kind(self, system: str) -> Kind | None:
        """The kind of the conformal sets of a system, the same for all its fits."""
        kinds = {r.sets.kind if r.sets else None for f, r in self.rules.items() if f[0] == system}
        return kinds.pop() if kinds else None

    def asked_again(self, fits: KeptFits, seed: int) -> KeptFits:
        """The same fits, with the calibration of this study."""
        rules = {
            fold: r
            for (s, n, fold, k), r in self.rules.items()
            if (s, n, k) == (fits.name, 0, seed)
        }
        return _Calibrated(fits, rules)


class _Calibrated:
    def __init__(self, fits: KeptFits, rules: Mapping[int, DecisionRule]) -> None:
        self.name = fits.name
        self._fits = fits
        self._rules = rules

    def answer(self, fold: int, cases: Sequence[Case]) -> Answers:
        """What the fit of a fold says about cases, calibrated as in the study."""
        raw = self._fits.answer(fold, cases)
        rule = self._rules.get(fold)
        return two_classes(rule.calibrated(raw.positive)) if rule else raw


def decide(answered: OutOfFold, section: EvaluationSection) -> Decided:
    """Fits a rule per fit, and calibrates what the fit says about both of its parts.

    Only where there are two classes; anything else is left as it is.

    Raises:
        SplitError: a rule would be fitted on people whom the same fit tests.
    """
    tested, held_back = _by_fit(answered.test), _by_fit(answered.validation)
    parts = {fit: _held_back(rows) for fit, rows in held_back.items() if not rows[0].probabilities}
    kinds = {
        system: possible_kind(
            [p.counts for f, p in parts.items() if f[0] == system], section.coverage
        )
        for system in {fit[0] for fit in parts}
    }
    rules = {fit: fit_rule(part, section, kind=kinds[fit[0]]) for fit, part in parts.items()}
    for fit, part in parts.items():
        refuse_tested(part.participants, {p.participant_id for p in tested.get(fit, ())})
    return Decided(
        answered=replace(
            answered,
            test=_calibrated(answered.test, rules),
            validation=_calibrated(answered.validation, rules),
        ),
        rules=rules,
    )


def fit_rule(part: HeldBack, section: EvaluationSection, *, kind: Kind | None) -> DecisionRule:
    """The rule that a validation part asks for.

    Args:
        part: a fit's answers about the people it held back.
        section: the method and the coverage.
        kind: of the conformal sets, or none.
    """
    _, person, count = np.unique(part.participants, return_inverse=True, return_counts=True)
    learned = fit_calibration(
        part.probability, part.labels, 1.0 / count[person], section.calibration
    )
    slope, intercept = learned or (1.0, 0.0)
    rule = DecisionRule(
        method=section.calibration if learned else "none",
        slope=slope,
        intercept=intercept,
        fitted_on=FittedOn(
            participants=len(count), participants_sha256=participants_digest(part.participants)
        ),
    )
    if kind is None:
        return rule
    # A participant is one draw, whatever the number of their recordings.
    mean = np.bincount(person, rule.calibrated(part.probability)) / count
    labels = np.zeros(len(count), dtype=np.int64)
    labels[person] = part.labels
    sets = fit_sets(mean, labels, kind=kind, coverage=section.coverage)
    return rule.model_copy(update={"sets": sets})


def refuse_tested(fitted_on: Iterable[str], tested: Collection[str]) -> None:
    """Refuses what was chosen on participants who are then tested with it.

    Args:
        fitted_on: participants behind a calibration, a threshold or conformal sets.
        tested: participants of the evaluation.

    Raises:
        SplitError: somebody is on both sides.
    """
    both = set(fitted_on) & set(tested)
    if both:
        raise SplitError(
            f"the decision rule was fitted on {len(both)} of the {len(set(tested))} tested "
            "participants; fit it on people who are not tested"
        )


def why_no_sets(rules: Iterable[DecisionRule], coverage: float) -> str:
    """The sentence that stands where conformal sets cannot be had."""
    fewest = min(rule.fitted_on.participants for rule in rules)
    return (
        f"no conformal sets: a validation part has {fewest} participants, and {100 * coverage:g} % "
        f"coverage takes at least {fewest_people(coverage)}; decisions fall at the threshold"
    )


def _by_fit(predictions: Iterable[Prediction]) -> dict[Fit, list[Prediction]]:
    rows: dict[Fit, list[Prediction]] = defaultdict(list)
    for p in predictions:
        rows[p.system, p.repeat, p.fold, p.seed].append(p)
    return rows


def _held_back(rows: Sequence[Prediction]) -> HeldBack:
    return HeldBack(
        participants=tuple(p.participant_id for p in rows),
        labels=np.array([p.label for p in rows]),
        probability=np.array([p.probability for p in rows]),
    )


def _calibrated(
    predictions: Sequence[Prediction], rules: Mapping[Fit, DecisionRule]
) -> tuple[Prediction, ...]:
    """In the given order; what a system without a rule says stays."""
    if all(rule.method == "none" for rule in rules.values()):
        return tuple(predictions)
    values = np.array([p.probability for p in predictions])
    places: dict[Fit, list[int]] = defaultdict(list)
    for index, p in enumerate(predictions):
        places[p.system, p.repeat, p.fold, p.seed].append(index)
    for fit, own in places.items():
        if fit in rules:
            values[own] = rules[fit].calibrated(values[own])
    return tuple(
        replace(p, probability=value, probability_raw=p.probability)
        for p, value in zip(predictions, values.tolist(), strict=True)
    )
