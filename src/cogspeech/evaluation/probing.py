"""Probes under the protocol of the study: if one succeeds, so may a shortcut."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cogspeech.corpora.splits import SplitPlan
from cogspeech.evaluation.base import PROBES, FoldAnswers, FoldTask, Probe, System, both_parts
from cogspeech.evaluation.intervals import p_above_chance
from cogspeech.evaluation.metrics import METRICS, auroc_error, auroc_parts, scores_of
from cogspeech.evaluation.protocol import cross_validate
from cogspeech.types import Answers, Case, Estimate, Progress, no_progress

Verdict = Literal["clear", "shortcut", "not_applicable"]
RULE = "shortcut: the lower end of the 95 % interval of its AUROC lies above 0.5"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What a probe reached. ``auroc`` and ``p_value`` are ``None`` where it does not apply."""

    name: str
    looks_at: str
    auroc: Estimate | None
    p_value: float | None
    verdict: Verdict


def run_probes(
    names: Sequence[str],
    cases: Sequence[Case],
    plan: SplitPlan,
    *,
    classes: Sequence[str],
    seed: int,
    progress: Progress = no_progress,
) -> tuple[ProbeResult, ...]:
    """Every probe on the folds of the study, with a logistic regression on what it sees.

    Of more than two classes its AUROC is that of any class but the first against the first; without
    classes no probe applies.
    """
    results = []
    for done, name in enumerate(names, start=1):
        probe = PROBES.get(name)()
        features = {case.recording.recording_id: probe.features(case) for case in cases}
        results.append(_probe(probe, features, cases, plan, classes=classes, seed=seed))
        progress("probes", done, len(names))
    return tuple(results)


def _probe(
    probe: Probe,
    features: Mapping[str, Float[np.ndarray, " feature"] | None],
    cases: Sequence[Case],
    plan: SplitPlan,
    *,
    classes: Sequence[str],
    seed: int,
) -> ProbeResult:
    name = probe.name
    seen = {key: value for key, value in features.items() if value is not None}
    if len(seen) < len(features) or not classes:
        return ProbeResult(
            name=name,
            looks_at=probe.looks_at,
            auroc=None,
            p_value=None,
            verdict="not_applicable",
        )
    system = _ProbeSystem(name, seen)
    predictions = cross_validate([system], cases, plan, classes=classes, seeds=[seed])
    scores = scores_of(predictions.test, name)
    auroc = METRICS["auroc"](scores)
    verdict: Verdict = "shortcut" if auroc.low > 0.5 else "clear"
    value, of_positives, of_negatives = auroc_parts(scores)
    p_value = p_above_chance(
        value,
        auroc_error(of_positives, of_negatives) * math.sqrt(scores.variance_factor),
        smaller_class=min(len(of_positives), len(of_negatives)) / scores.variance_factor,
    )
    return ProbeResult(
        name=name, looks_at=probe.looks_at, auroc=auroc, p_value=p_value, verdict=verdict
    )


class _ProbeSystem(System):
    """A probe as a system of the protocol."""

    is_seeded = False

    def __init__(self, name: str, features: Mapping[str, Float[np.ndarray, " feature"]]) -> None:
        self.name = name
        self._features = features

    def fit_predict(self, task: FoldTask) -> FoldAnswers:
        cases, labels = both_parts(task)
        model = make_pipeline(
            StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)
        )
        model.fit(self._matrix(cases), np.array(labels))
        return FoldAnswers(test=Answers(probabilities=model.predict_proba(self._matrix(task.test))))

    def _matrix(self, cases: Sequence[Case]) -> Float[np.ndarray, "case feature"]:
        return np.stack([self._features[case.recording.recording_id] for case in cases])
