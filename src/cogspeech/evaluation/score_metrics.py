"""Metrics of a predicted score, such as MMSE points: participants weigh the same, runs averaged.

Every recording with a measured score is compared with what was predicted for it, since a person's
score may differ between visits; a recording weighs one over the number of its participant's
recordings. Every metric is computed per run and averaged over the runs, never the best. RMSE, MAE,
the concordance and the skill put all folds together: an answer in points is on one scale.
Spearman's correlation compares participants of one test fold only, as the AUROC does: the higher a
test side is, the lower is the mean of its training side, which alone turns a pooled rank
correlation negative.

Intervals: bootstrap of participants, widened for training sides that the fits share.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cogspeech.evaluation.metrics import variance_factor
from cogspeech.evaluation.resampling import Scale, Weights, drawn_within, widened_interval
from cogspeech.types import Estimate, Prediction, ScorePrediction

Scored = Prediction | ScorePrediction
Place = tuple[int, int]
"""Repeat and fold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedScores:
    """What one system says about every recording with a score, one row per run."""

    owner: Int[np.ndarray, " recording"]
    """Number of the participant."""
    measured: Float[np.ndarray, " recording"]
    predicted: Float[np.ndarray, "run recording"]
    guessed: Float[np.ndarray, "run recording"]
    """The mean score of the training side."""
    fold: Int[np.ndarray, "run recording"]

    @property
    def num_participants(self) -> int:
        """How many people there are."""
        return int(self.owner.max()) + 1

    @property
    def weight(self) -> Float[np.ndarray, " recording"]:
        """One over the number of recordings of the participant."""
        weight: np.ndarray = 1.0 / np.bincount(self.owner)[self.owner]
        return weight


def predicted_scores_of(
    predictions: Sequence[Scored], system: str, training_means: Mapping[Place, float]
) -> PredictedScores | None:
    """What a system says of scores, or ``None`` where it says nothing.

    Args:
        predictions: of a study; recordings without a measured score are left out.
        system: whose.
        training_means: of the training side of every repeat and fold.

    Raises:
        ValueError: a run says nothing about one of the recordings.
    """
    own = {
        (p.repeat, p.seed, p.recording_id): p
        for p in predictions
        if p.system == system and p.score is not None and p.predicted_score is not None
    }
    if not own:
        return None
    runs = sorted({key[:2] for key in own})
    first = {p.recording_id: p for p in sorted(own.values(), key=lambda p: p.recording_id)}
    people = {name: at for at, name in enumerate(sorted({p.participant_id for p in own.values()}))}
    if len(own) != len(runs) * len(first):
        raise ValueError(f"system '{system}': a run lacks predictions for some recordings")
    rows = [[own[*run, name] for name in first] for run in runs]
    return PredictedScores(
        owner=np.array([people[p.participant_id] for p in first.values()]),
        measured=np.array([p.score for p in first.values()], dtype=float),
        predicted=np.array([[p.predicted_score for p in row] for row in rows], dtype=float),
        guessed=np.array([[training_means[p.repeat, p.fold] for p in row] for row in rows]),
        fold=np.array([[p.fold for p in row] for row in rows]),
    )


def score_estimates(scores: PredictedScores) -> dict[str, Estimate]:
    """Every metric of one system; none with fewer than two participants.

    Nothing can be ranked where every fold tests one participant: then there is no Spearman.
    """
    n = scores.num_participants
    if n < 2:
        return {}
    widen = math.sqrt(variance_factor(scores.fold))
    drawn = drawn_within(np.zeros(n, dtype=np.int64))
    found = {}
    for name, (metric, inside, scale) in METRICS_OF_SCORES.items():
        if name == "spearman" and not _can_be_ranked(scores):
            continue
        value = float(metric(scores, np.ones((1, n)))[0])
        draws = metric(scores, drawn)
        low, high = widened_interval(value, draws, widen=widen, inside=inside, scale=scale)
        found[name] = Estimate(estimate=value, low=low, high=high, n=n)
    return found


ScoreMetric = Callable[[PredictedScores, Weights], Float[np.ndarray, " draw"]]


def _can_be_ranked(scores: PredictedScores) -> bool:
    return all(
        any(len(np.unique(scores.owner[fold == number])) > 1 for number in np.unique(fold))
        for fold in scores.fold
    )


def _of_recordings(
    scores: PredictedScores, weights: Weights
) -> Float[np.ndarray, "draw recording"]:
    return np.asarray(weights[:, scores.owner] * scores.weight)


def _mae(scores: PredictedScores, weights: Weights) -> Float[np.ndarray, " draw"]:
    each = _of_recordings(scores, weights)
    misses = np.abs(scores.predicted - scores.measured).mean(axis=0)
    return np.asarray(each @ misses / each.sum(axis=1))


def _squared(
    answers: Float[np.ndarray, "run recording"],
    scores: PredictedScores,
    each: Float[np.ndarray, "draw recording"],
) -> Float[np.ndarray, "draw run"]:
    """The mean squared error."""
    squares = np.square(answers - scores.measured)
    return np.asarray(each @ squares.T / each.sum(axis=1, keepdims=True))


def _rmse(scores: PredictedScores, weights: Weights) -> Float[np.ndarray, " draw"]:
    each = _of_recordings(scores, weights)
    return np.asarray(np.sqrt(_squared(scores.predicted, scores, each)).mean(axis=1))


def _skill(scores: PredictedScores, weights: Weights) -> Float[np.ndarray, " draw"]:
    """One minus the squared error over that of the mean of the training side (Murphy, 1988)."""
    each = _of_recordings(scores, weights)
    own = _squared(scores.predicted, scores, each)
    of_guess = _squared(scores.guessed, scores, each)
    return np.asarray((1.0 - own / np.where(of_guess > 0, of_guess, np.inf)).mean(axis=1))


def _concordance(scores: PredictedScores, weights: Weights) -> Float[np.ndarray, " draw"]:
    """Lin's (1989) coefficient: 1 only where every answer is the measured score."""
    each = _of_recordings(scores, weights)
    each = each / each.sum(axis=1, keepdims=True)
    total = np.zeros(len(weights))
    for predicted in scores.predicted:
        covariance, variances, apart = _moments(predicted, scores.measured, each)
        spread = variances.sum(axis=0) + np.square(apart)
        total += np.divide(2 * covariance, spread, out=np.zeros_like(spread), where=spread > 0)
    return total / len(scores.predicted)


def _moments(
    x: Float[np.ndarray, "..."],
    y: Float[np.ndarray, "..."],
    share: Float[np.ndarray, "draw recording"],
) -> tuple[Float[np.ndarray, " draw"], Float[np.ndarray, "2 draw"], Float[np.ndarray, " draw"]]:
    """Covariance, both variances and the distance of the means, with shares that sum to 1."""
    mean_x, mean_y = (share * x).sum(axis=1), (share * y).sum(axis=1)
    from_x, from_y = x - mean_x[:, None], y - mean_y[:, None]
    covariance = (share * from_x * from_y).sum(axis=1)
    variances = np.stack([(share * np.square(far)).sum(axis=1) for far in (from_x, from_y)])
    return covariance, variances, mean_x - mean_y


def _spearman(scores: PredictedScores, weights: Weights) -> Float[np.ndarray, " draw"]:
    """Spearman's correlation inside each fold, weighted by the fold's participants.

    0 where an answer is the same for everybody: it ranks nobody.
    """
    each = _of_recordings(scores, weights)
    total, size = np.zeros(len(weights)), np.zeros(len(weights))
    for predicted, fold in zip(scores.predicted, scores.fold, strict=True):
        for number in np.unique(fold):
            inside = fold == number
            own = each[:, inside]
            drawn = own.sum(axis=1)
            share = own / np.where(drawn > 0, drawn, 1.0)[:, None]
            covariance, variances, _ = _moments(
                _ranks(predicted[inside], share), _ranks(scores.measured[inside], share), share
            )
            spread = np.sqrt(variances.prod(axis=0))
            # Rounding leaves the ranks of equal answers a hair apart.
            rho = np.divide(covariance, spread, out=np.zeros_like(spread), where=spread > 1e-15)
            total += drawn * np.clip(rho, -1.0, 1.0)
            size += drawn
    return total / size


def _ranks(
    values: Float[np.ndarray, " recording"], share: Float[np.ndarray, "draw recording"]
) -> Float[np.ndarray, "draw recording"]:
    """The share that lies below each value, those with the same value counted half."""
    _, place = np.unique(values, return_inverse=True)
    of_value = share @ np.eye(place.max() + 1)[place]
    return np.asarray((of_value.cumsum(axis=1) - of_value / 2)[:, place])


def _fisher(correlation: np.ndarray) -> np.ndarray:
    """Fisher's z; an exact 1 stays finite."""
    z: np.ndarray = np.arctanh(np.clip(correlation, -1.0 + 1e-12, 1.0 - 1e-12))
    return z


_FISHER: tuple[Scale, Scale] = (_fisher, np.tanh)
METRICS_OF_SCORES: dict[
    str, tuple[ScoreMetric, tuple[float, float], tuple[Scale, Scale] | None]
] = {
    "mae": (_mae, (0.0, math.inf), None),
    "rmse": (_rmse, (0.0, math.inf), None),
    "spearman": (_spearman, (-1.0, 1.0), _FISHER),
    "ccc": (_concordance, (-1.0, 1.0), _FISHER),
    "skill": (_skill, (-math.inf, 1.0), None),
}
