"""Calibration, abstention and decision curve of a study, as they stand in ``metrics.json``."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from cogspeech.config import Study
from cogspeech.decision import DecisionRule
from cogspeech.evaluation.abstention import STATEMENT, measure_abstention
from cogspeech.evaluation.deciding import Decided, why_no_sets
from cogspeech.evaluation.decision_curve import decision_curves
from cogspeech.evaluation.metrics import Scores, scores_of
from cogspeech.evaluation.reliability import measure_reliability
from cogspeech.types import Prediction


def measure_decisions(decided: Decided, study: Study, *, systems: Sequence[str]) -> dict[str, Any]:
    """The keys ``calibration``, ``abstention`` and ``decision_curve``; none but for two classes.

    Args:
        decided: from `cogspeech.evaluation.deciding.decide`.
        study: whose classes, method and coverage count.
        systems: the primary one first.
    """
    classes, section = study.target.classes, study.evaluation
    if len(classes) != 2:
        return {}
    predictions = decided.answered.test
    own = {name: [p for p in predictions if p.system == name] for name in systems}
    rules = {name: [r for fit, r in decided.rules.items() if fit[0] == name] for name in systems}
    primary = scores_of(own[systems[0]], systems[0])
    curves = decision_curves(primary, prior=_prior(study, primary))
    return {
        "calibration": {
            "method": section.calibration,
            "systems": {name: _calibration(own[name], rules[name]) for name in systems},
        },
        "abstention": {
            "coverage": section.coverage,
            "statement": STATEMENT,
            "systems": {
                name: _abstention(decided, name, own[name], classes, section.coverage)
                for name in systems
                if rules[name]
            },
        },
        "decision_curve": [asdict(curve) for curve in curves],
    }


def _prior(study: Study, scores: Scores) -> float:
    """The share of the second class that the primary system's probabilities take for granted.

    With balanced weights the classes count as equally large, and a temperature leaves that so;
    Platt's shift learns the share of the validation part.
    """
    objective = study.target.objective
    weights = objective.options.get("class_weights", "balanced") if objective else "balanced"
    is_even = weights == "balanced" and study.evaluation.calibration != "platt"
    return 0.5 if is_even else float(scores.labels.mean())


def _calibration(own: Sequence[Prediction], rules: Sequence[DecisionRule]) -> dict[str, Any]:
    name = own[0].system
    after = asdict(measure_reliability(scores_of(own, name)))
    stretches = [rule.slope for rule in rules if rule.method != "none"]
    if not stretches:
        return {"fits": 0, "stretch": None, "before": None, "after": after}
    raw = [replace(p, probability=p.probability_raw or 0.0) for p in own]
    low, middle, high = np.quantile(stretches, [0.0, 0.5, 1.0]).tolist()
    return {
        "fits": len(stretches),
        "stretch": {"median": middle, "smallest": low, "largest": high},
        "before": asdict(measure_reliability(scores_of(raw, name))),
        "after": after,
    }


def _abstention(
    decided: Decided,
    system: str,
    own: Sequence[Prediction],
    classes: Sequence[str],
    coverage: float,
) -> dict[str, Any]:
    rules = {fit[1:]: rule for fit, rule in decided.rules.items() if fit[0] == system}
    if decided.kind(system) is None:
        return {"kind": None, "reason": why_no_sets(rules.values(), coverage)}
    runs = sorted({(p.repeat, p.seed) for p in own})
    found = asdict(measure_abstention(scores_of(own, system), rules, runs))
    for key in ("coverage_of_classes", "abstained_of_classes"):
        found[key] = dict(zip(classes, found[key], strict=True))
    return {"reason": None, **found}
