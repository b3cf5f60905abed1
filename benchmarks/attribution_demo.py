"""Do explainers find the signs that were planted in the demo's synthetic voices?

The study of `cogspeech demo`: fits of five folds, each explains the people it has not seen. For
every sign, the area under the curve of "this word or pause has the sign" against its attribution,
in each recording of the second class among its words or its pauses, then the mean; 0.5 is chance.
The signs differ between the classes in frequency, so a single one speaks only so far.

    python benchmarks/attribution_demo.py [CORPUS] [--participants 56]
"""

import argparse
import itertools
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cogspeech.config import CorpusSection, EvaluationSection, Study
from cogspeech.corpora.importers.synthetic import picture
from cogspeech.embeddings.corpus import embed_corpus
from cogspeech.evaluation.protocol import fold_task
from cogspeech.explanation.base import EXPLAINERS
from cogspeech.learning_sections import TrainingSection
from cogspeech.study import import_study, split_corpus
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.trainer import Trainer
from cogspeech.types import Attribution

LONG_PAUSE_S = 0.6


def signs_of(attributions: Sequence[Attribution]) -> dict[str, list[tuple[bool, float]]]:
    """By sign: whether each word (or pause) has it, and its attribution."""
    words = [(a.word.text, a.value) for a in attributions if a.value is not None]
    pauses = [(a.pause_s, a.pause) for a in attributions if a.pause is not None]
    repeated = [
        (here.word.text == before.word.text, here.value)
        for before, here in itertools.pairwise(attributions)
        if here.value is not None
    ]
    return {
        "fillers among words": [(text in picture.FILLERS, value) for text, value in words],
        "pronouns and empty words among words": [
            (text in picture.PRONOUNS, value) for text, value in words
        ],
        "repeated words among words": repeated,
        "pauses of 0.6 s or more among pauses": [(s >= LONG_PAUSE_S, v) for s, v in pauses],
        "pauses among pauses and words": [(True, v) for _, v in pauses]
        + [(False, value) for _, value in words],
    }


def area(pairs: Sequence[tuple[bool, float]]) -> float | None:
    """Of a pair with the sign and one without, how often the first is higher."""
    has, lacks = ([v for sign, v in pairs if sign is wanted] for wanted in (True, False))
    if not has or not lacks:
        return None
    difference = np.subtract.outer(has, lacks)
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def main() -> None:
    """Prints a row per sign and a column per explainer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, nargs="?", help="of the demo; made if missing")
    parser.add_argument("--participants", type=int, default=56)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _print(options.corpus or Path(folder) / "corpus", options.participants)


def _print(path: Path, participants: int) -> None:
    section = {"path": path, "participants": participants, "effect": 1.0}
    study = Study(
        corpus=CorpusSection(importer="synthetic", **section),
        training=TrainingSection(max_epochs=40, patience=8),
        evaluation=EvaluationSection(repeats=1, seeds=1),
    )
    corpus = import_study(study)
    cases = embed_corpus(corpus, study)
    found: dict[str, dict[str, list[float]]] = {name: {} for name in EXPLAINERS.names()}
    for fold in split_corpus(corpus, study).folds:
        task, test = fold_task(cases, fold, classes=study.target.classes, seed=study.seed)
        parts = [
            LabelledPart.of(task.train, task.train_labels, study.target),
            LabelledPart.of(task.validation, task.validation_labels, study.target),
        ]
        fitted = Trainer(study.fusion, study.training, seed=study.seed).fit(*parts)
        ill = {c.recording.recording_id for c in cases if c.recording.label == "dementia"}
        for case in (case for case in test if case.recording.recording_id in ill):
            for name, of_signs in found.items():
                attributions = EXPLAINERS.get(name)().explain(
                    fitted.model, case.embedded, case.transcript, objective=fitted.objective
                )
                for sign, pairs in signs_of(attributions).items():
                    value = area(pairs)
                    if value is not None:
                        of_signs.setdefault(sign, []).append(value)
    sys.stdout.write(f"| sign | {' | '.join(f'`{name}`' for name in found)} |\n")
    sys.stdout.write(f"|---|{'---|' * len(found)}\n")
    for sign in found["occlusion"]:
        cells = [_cell(of_signs.get(sign, [])) for of_signs in found.values()]
        sys.stdout.write(f"| {sign} | {' | '.join(cells)} |\n")


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "not told"
    low, high = np.quantile(values, [0.25, 0.75])
    return f"{np.mean(values):.2f} (quartiles {low:.2f} to {high:.2f}; n = {len(values)})"


if __name__ == "__main__":
    main()
