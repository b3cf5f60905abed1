"""Classifiers on a fixed list of features, and everything about them chosen on inner folds.

Whatever is fitted, be it a median, a scale, a weight or the strength of the penalty, comes from the
training side it is given; the strength is judged on folds of that side's participants.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.class_weight import compute_sample_weight

from cogspeech.errors import TrainingError

Kind = Literal["logistic", "svm"]
Parts = list[tuple[np.ndarray, np.ndarray]]
Matrix = Float[np.ndarray, "case feature"]
INNER_FOLDS = 3
"""At most; a small class allows as many as it has participants."""
STRENGTHS = (0.0001, 0.001, 0.01, 0.1, 1.0)
"""Of the data against the penalty: scikit-learn's C."""
DIGITS = 6
"""Of the scores that choose: what is smaller must not depend on the processor."""


def inner_folds(labels: Sequence[int], groups: Sequence[str]) -> Parts:
    """Folds of a training side that keep everything of a participant together.

    Args:
        labels: of each case.
        groups: whose case it is.

    Returns:
        For each fold the positions that are fitted and those that are held out.

    Raises:
        TrainingError: a class has fewer than two participants.
    """
    people = [
        {who for who, label in zip(groups, labels, strict=True) if label == of_class}
        for of_class in sorted(set(labels))
    ]
    fewest = min(map(len, people))
    if len(people) < 2 or fewest < 2:
        raise TrainingError(
            f"expected two classes with two participants each on a training side, found "
            f"{', '.join(str(len(own)) for own in people)} participants by class; add participants"
        )
    folds = StratifiedGroupKFold(n_splits=min(INNER_FOLDS, fewest))
    return list(folds.split(np.zeros(len(labels)), np.array(labels), groups=np.array(groups)))


def fit_features(
    train: Matrix,
    labels: Sequence[int],
    groups: Sequence[str],
    test: Float[np.ndarray, "asked feature"],
    *,
    kind: Kind = "logistic",
) -> Float[np.ndarray, "asked class"]:
    """What a linear classifier of the features says about the test cases.

    Features are scaled to the training side, and its classes weigh the same. A value that is not
    known, NaN, becomes the median of the training side, and a further feature says that it was not
    known. The strength is the one that does best on the `inner_folds`, the smallest where several
    do: by the log loss for ``logistic``, by the AUROC of each class against the rest for ``svm``,
    whose margins become probabilities by Platt's sigmoid, fitted on the same folds.

    Args:
        train: of the training side.
        labels: of its cases, from 0 up without a gap.
        groups: the participant of each of its cases.
        test: what is asked about.
        kind: a logistic regression or a support vector machine.

    Returns:
        Rows that sum to 1.

    Raises:
        TrainingError: a class has fewer than two participants on the training side.
    """
    folds = inner_folds(labels, groups)
    known = np.array(labels)
    with np.errstate(invalid="ignore"):  # the share of variance of features that do not vary
        model = _model(kind, _best_strength(kind, train, known, folds), folds).fit(train, known)
    return np.asarray(model.predict_proba(test), dtype=np.float64)


def _best_strength(
    kind: Kind, train: Matrix, labels: Int[np.ndarray, " case"], folds: Parts
) -> float:
    scores = np.zeros(len(STRENGTHS))
    for fitted, held_out in folds:
        prepare = _preparation().fit(train[fitted])
        seen, unseen = prepare.transform(train[fitted]), prepare.transform(train[held_out])
        for place, strength in enumerate(STRENGTHS):
            classifier = _classifier(kind, strength).fit(seen, labels[fitted])
            scores[place] += _score(classifier, unseen, labels[held_out])
    return STRENGTHS[int(np.argmax(np.round(scores / len(folds), DIGITS)))]


def _score(classifier: Any, unseen: Matrix, labels: Int[np.ndarray, " case"]) -> float:
    """How good it is on cases it has not seen; more is better."""
    if isinstance(classifier, LogisticRegression):
        weights = compute_sample_weight("balanced", labels)
        found = classifier.predict_proba(unseen)
        return -float(log_loss(labels, found, sample_weight=weights, labels=classifier.classes_))
    margins = classifier.decision_function(unseen)
    if margins.ndim == 1:
        return float(roc_auc_score(labels, margins))
    pairs = zip(classifier.classes_, margins.T, strict=True)
    return float(np.mean([roc_auc_score(labels == of_class, own) for of_class, own in pairs]))


def _model(kind: Kind, strength: float, folds: Parts) -> Any:
    model = make_pipeline(_preparation(), _classifier(kind, strength))
    if kind == "svm":
        return CalibratedClassifierCV(model, method="sigmoid", ensemble=False, cv=folds)
    return model


def _classifier(kind: Kind, strength: float) -> Any:
    if kind == "svm":
        return SVC(kernel="linear", C=strength, class_weight="balanced")
    return LogisticRegression(C=strength, class_weight="balanced", max_iter=1000)


def _preparation() -> Pipeline:
    """Medians for what is unknown, one scale, and no more axes than there are cases.

    A penalty on the sum of squares does not see in which direction the axes point, and a direction
    in which no training case lies gets no weight; so the turn only saves time.
    """
    return make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        PCA(svd_solver="full"),
    )
