"""``shuffled_labels``: labels dealt anew among the participants. Nobody can find them.

A pair of a positive and a negative participant in one test fold is as likely with its labels
exchanged, and the training side stays as it is. So the mean AUROC over all deals is exactly 0.5,
unless participants or labels stand on both sides of a fold.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from scipy.stats import norm

from cogspeech.evaluation.base import PROBES, Probe, ProbeFinding, ProbeTask
from cogspeech.evaluation.intervals import Z
from cogspeech.evaluation.metrics import METRICS
from cogspeech.evaluation.screening import PERMUTATIONS, Labels, dealt, labels_of, on_folds
from cogspeech.types import Case, Estimate

RIDGE = 1.0
"""Of the mean squared length of a participant's vector."""


@PROBES.register("shuffled_labels")
class ShuffledLabels(Probe):
    """Ridge regression on the pooled embeddings, on the folds of the study, with dealt labels."""

    name: ClassVar[str] = "shuffled_labels"
    looks_at: ClassVar[str] = (
        "the embeddings of the study with its labels dealt anew among the participants, "
        f"{PERMUTATIONS} times: there is nothing to find"
    )
    rule: ClassVar[str] = (
        "shortcut: the mean AUROC over all deals is above 0.5 with a p of at most 0.05 after "
        "Holm's correction over all probes that must be at chance"
    )
    red_means: ClassVar[str] = (
        "A model finds labels that mean nothing, so test participants or their labels stand on the "
        "training side. No number of this study can be used."
    )

    def run(self, task: ProbeTask) -> ProbeFinding:
        """The mean over the deals, with an interval over deals; and the AUROC with the labels."""
        people = tuple(sorted({case.recording.participant_id for case in task.cases}))
        drawn = dealt(labels_of(task, people), task.seed)
        vectors = pooled(task.cases, people)

        def answer(train: np.ndarray, test: np.ndarray, labels: Labels) -> np.ndarray:
            return _ridge(vectors[train], vectors[test], labels)

        scores, aurocs = on_folds(people, drawn, task.plan, answer)
        chance = aurocs[1:]
        mean, error = float(chance.mean()), float(chance.std(ddof=1) / np.sqrt(len(chance)))
        p_value = float(norm.sf((mean - 0.5) / error)) if error > 0 else float(mean <= 0.5)
        real = METRICS["auroc"](scores)
        return ProbeFinding(
            auroc=Estimate(
                estimate=mean,
                low=max(0.0, mean - Z * error),
                high=min(1.0, mean + Z * error),
                n=scores.num_participants,
            ),
            p_value=max(p_value, 1 / (1 + PERMUTATIONS)),
            details={
                "clean_auroc": {"estimate": real.estimate, "low": real.low, "high": real.high,
                                "n": real.n},
                "deals": PERMUTATIONS,
                "middle_95_of_deals": [float(q) for q in np.quantile(chance, [0.025, 0.975])],
            },
        )  # fmt: skip


def pooled(cases: Sequence[Case], people: Sequence[str]) -> Float[np.ndarray, "participant d"]:
    """Mean and deviation of the events, mean of the tokens; the mean over a person's recordings."""
    row = {name: at for at, name in enumerate(people)}
    owner = np.array([row[case.recording.participant_id] for case in cases])
    vectors = np.stack(
        [
            np.concatenate(
                [
                    case.embedded.event_vectors.mean(axis=0),
                    case.embedded.event_vectors.std(axis=0),
                    case.embedded.token_vectors.mean(axis=0),
                ]
            )
            for case in cases
        ]
    ).astype(np.float64)
    total = np.zeros((len(people), vectors.shape[1]))
    np.add.at(total, owner, vectors)
    return np.asarray(total / np.bincount(owner)[:, None])


def _ridge(
    train: Float[np.ndarray, "trained d"], test: Float[np.ndarray, "test d"], labels: Labels
) -> Float[np.ndarray, "test draw"]:
    middle, deviation = train.mean(axis=0), train.std(axis=0)
    scale = np.where(deviation > 1e-9, deviation, np.inf)
    train, test = (train - middle) / scale, (test - middle) / scale
    gram = train @ train.T
    gram += RIDGE * (np.trace(gram) / len(gram) + 1e-9) * np.eye(len(gram))
    weights = np.linalg.solve(gram, labels - labels.mean(axis=0))
    return np.asarray(test @ train.T @ weights)
