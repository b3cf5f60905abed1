"""``tfidf_svm``: which words were said, and nothing else. The floor every fusion has to beat."""

import itertools

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from cogspeech.evaluation.base import BASELINES, Baseline, FoldAnswers, FoldTask, both_parts
from cogspeech.evaluation.feature_model import inner_folds
from cogspeech.types import Answers, Case


@BASELINES.register("tfidf_svm")
class TfidfSvm(Baseline):
    """Words and word pairs, tf-idf, a linear SVM, and Platt's sigmoid fitted on inner folds."""

    name = "tfidf_svm"
    is_seeded = False

    def fit_predict(self, task: FoldTask) -> FoldAnswers:
        """The calibrated probability; vocabulary and weights come from the training side alone."""
        cases, labels = both_parts(task)
        people = [case.recording.participant_id for case in cases]
        pipeline = make_pipeline(
            TfidfVectorizer(analyzer=_words_and_pairs, sublinear_tf=True),
            LinearSVC(class_weight="balanced", random_state=0),
        )
        calibrated = CalibratedClassifierCV(
            pipeline,
            method="sigmoid",
            ensemble=False,
            cv=inner_folds(labels, people),
        )
        calibrated.fit([_text(case) for case in cases], np.array(labels))
        found = calibrated.predict_proba([_text(case) for case in task.test])
        return FoldAnswers(test=Answers(probabilities=found))


def _text(case: Case) -> list[str]:
    return [word.text.casefold() for word in case.transcript.participant_words]


def _words_and_pairs(words: list[str]) -> list[str]:
    return [*words, *(f"{first} {second}" for first, second in itertools.pairwise(words))]
