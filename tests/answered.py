"""What fits would say about people, with known distortions."""

import numpy as np
from scipy.special import expit

from cogspeech.corpora.splits import People, plan_splits
from cogspeech.evaluation.protocol import OutOfFold
from cogspeech.types import Prediction

SIGNAL = 1.3
"""Distance of the class means: an AUROC of 0.82; the true logit is this times the sign."""


def answered(
    *,
    participants=100,
    temperature=1.0,
    shift=0.0,
    repeats=1,
    seeds=(7,),
    system="fused",
    seed=0,
    validation_fraction=0.2,
):
    """Out-of-fold predictions of fits whose logits are the true ones over a temperature.

    With a temperature of 3 the fits are too timid, with one third too sure.
    """
    generator = np.random.default_rng(seed)
    names = [f"p{index:03d}" for index in range(participants)]
    labels = dict(zip(names, (np.arange(participants) % 2).tolist(), strict=True))
    sign = {n: generator.standard_normal() + SIGNAL * (y - 0.5) for n, y in labels.items()}
    plan = plan_splits(
        People(labels=labels, classes=("control", "dementia")),
        outer_folds=5,
        repeats=repeats,
        validation_fraction=validation_fraction,
        seed=seed,
    )

    def said(fold, fit_seed, people):
        return [
            Prediction(
                system=system,
                repeat=fold.repeat,
                fold=fold.fold,
                seed=fit_seed,
                participant_id=name,
                recording_id=f"r{name}",
                label=labels[name],
                probability=float(expit(SIGNAL * sign[name] / temperature + shift)),
            )
            for name in people
        ]

    fits = [(fold, fit_seed) for fold in plan.folds for fit_seed in seeds]
    return OutOfFold(
        test=tuple(p for fold, s in fits for p in said(fold, s, fold.test)),
        validation=tuple(p for fold, s in fits for p in said(fold, s, fold.validation)),
    )
