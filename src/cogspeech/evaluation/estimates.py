"""Which metrics a study has: by the number of its classes, and by its score."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from cogspeech.corpora.splits import SplitPlan
from cogspeech.evaluation.base import mean_score
from cogspeech.evaluation.class_metrics import class_estimates, class_scores_of, confusion
from cogspeech.evaluation.metrics import LOWER_IS_BETTER, METRICS, estimate_all, scores_of
from cogspeech.evaluation.protocol import OutOfFold
from cogspeech.evaluation.score_metrics import Place, Scored, predicted_scores_of, score_estimates
from cogspeech.types import Case, Estimate, Prediction


def primary_metric(classes: Sequence[str]) -> str:
    """The metric of the headline, by which systems are sorted."""
    if not classes:
        return "mae"
    return "auroc" if len(classes) == 2 else "macro_auroc"


def by_metric(
    systems: Mapping[str, dict[str, Estimate]], metric: str
) -> dict[str, dict[str, Estimate]]:
    """The systems, the best first."""
    sign = 1.0 if metric in LOWER_IS_BETTER else -1.0
    ranked = sorted(systems.items(), key=lambda item: (sign * item[1][metric].estimate, item[0]))
    return dict(ranked)


def estimate_systems(
    answered: OutOfFold,
    systems: Sequence[str],
    *,
    classes: Sequence[str],
    is_ordered: bool,
    training_means: Mapping[Place, float],
) -> dict[str, dict[str, Estimate]]:
    """Every metric of every system.

    Args:
        answered: from `cross_validate`.
        systems: whose.
        classes: none where the target is a score.
        is_ordered: whether the classes have an order.
        training_means: from `training_means_of`.
    """
    found = {}
    for system in systems:
        of_classes = _of_classes(answered.test, system, classes, is_ordered=is_ordered)
        scores = predicted_scores_of(answered.test or answered.scored, system, training_means)
        found[system] = of_classes | (score_estimates(scores) if scores else {})
    return found


def _of_classes(
    predictions: Sequence[Prediction], system: str, classes: Sequence[str], *, is_ordered: bool
) -> dict[str, Estimate]:
    if not classes:
        return {}
    binary = scores_of(predictions, system)
    if len(classes) == 2:
        return estimate_all(binary)
    scores = class_scores_of(predictions, system)
    found = class_estimates(scores, classes, is_ordered=is_ordered)
    # Comparisons and probes are about any class but the first; this is their scale.
    return {**found, "auroc": METRICS["auroc"](binary)}


def training_means_of(cases: Sequence[Case], plan: SplitPlan) -> dict[Place, float]:
    """The mean score of every training side; none where the target has no score."""
    found = {}
    for fold in plan.folds:
        people = {*fold.train, *fold.validation}
        side = [case.recording for case in cases if case.recording.participant_id in people]
        mean = mean_score(side, [recording.score for recording in side])
        if mean is not None:
            found[fold.repeat, fold.fold] = mean
    return found


def confusion_json(
    predictions: Sequence[Scored], classes: Sequence[str]
) -> dict[str, list[list[dict[str, float]]]]:
    """Of every system with more than two classes: rows of the truth, columns of the decision."""
    if len(classes) <= 2:
        return {}
    answered = [p for p in predictions if isinstance(p, Prediction)]
    systems = dict.fromkeys(p.system for p in answered)
    return {
        system: [
            [asdict(share) for share in row] for row in confusion(class_scores_of(answered, system))
        ]
        for system in systems
    }
