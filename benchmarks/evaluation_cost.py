"""How long does it take to evaluate finished fits? Prints two tables.

Five folds, five repeats, three seeds: 75 fits of every system, with all metrics, intervals of
10,000 resamples, comparisons and operating points. First of made-up predictions; then of a whole
study of real voices (spoken digits) with all of its probes, from the last fit on.

    python benchmarks/evaluation_cost.py [--participants 240] [--systems 6]
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from cogspeech.config import Study
from cogspeech.engines.base import EngineOptions, build_engine
from cogspeech.evaluation.assessment import Assessment, assess, probe_names
from cogspeech.evaluation.base import ProbeTask
from cogspeech.evaluation.comparison import compare_with_primary
from cogspeech.evaluation.detectable import detectable_differences
from cogspeech.evaluation.metrics import estimate_all, scores_of
from cogspeech.evaluation.operating_points import operating_points
from cogspeech.evaluation.probing import run_probes
from cogspeech.study import run_study
from cogspeech.types import Prediction
from digit_corpora import digit_corpus, real_speech_folder

FOLDS, REPEATS, SEEDS = 5, 5, 3


def predicted(participants: int, systems: int) -> list[Prediction]:
    """Predictions of systems that see the same signal through noise of their own."""
    generator = np.random.default_rng(0)
    labels = np.arange(participants) % 2
    rows = []
    for repeat in range(REPEATS):
        fold = generator.permutation(participants // 2).repeat(2) % FOLDS
        for seed in range(SEEDS):
            for system in range(systems):
                noise = generator.standard_normal(participants)
                probability = 1 / (1 + np.exp(-(labels + noise - 0.5)))
                rows += [
                    Prediction(
                        system=f"system {system}",
                        repeat=repeat,
                        fold=int(fold[index]),
                        seed=seed,
                        participant_id=f"p{index:04d}",
                        recording_id=f"r{index:04d}",
                        label=int(labels[index]),
                        probability=float(probability[index]),
                    )
                    for index in range(participants)
                ]
    return rows


def study_seconds(
    folder: Path, speech: Path, *, participants: int, **changed: Any
) -> dict[str, float]:
    """What the evaluation of a study takes, in all and by probe, in seconds.

    Args:
        folder: for the corpus, the cache and the run.
        speech: the recordings of real voices.
        participants: of the study.
        changed: sections of the study that are not as by default.
    """
    table = digit_corpus(speech, folder / "corpus", "text", participants=participants)
    # How well the fits are trained does not count, only how many there are.
    short = {"corpus": {"path": str(table)}, "training": {"max_epochs": 1}}
    study = Study.model_validate(short | changed)
    seconds = {}

    def timed(*given: Any, **options: Any) -> Assessment:
        begun = time.perf_counter()
        assessment = assess(*given, **options)
        seconds["evaluation in all"] = time.perf_counter() - begun
        (task,) = (each for each in given if isinstance(each, ProbeTask))
        for name in probe_names(study):
            begun = time.perf_counter()
            run_probes([name], task)
            seconds[f"of it `{name}`"] = time.perf_counter() - begun
        return assessment

    cache = {"COGSPEECH_CACHE": str(folder / "cache")}
    with patch("cogspeech.study.assess", timed), patch.dict(os.environ, cache):
        run_study(study, folder / "run", engine=build_engine("local", EngineOptions(workers=2)))
    return seconds


def main() -> None:
    """Prints seconds by step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--participants", type=int, default=240)
    parser.add_argument("--systems", type=int, default=6)
    asked = parser.parse_args()
    rows = predicted(asked.participants, asked.systems)
    names = [f"system {number}" for number in range(asked.systems)]
    primary, others = names[0], names[1:]
    steps: dict[str, Callable[[], object]] = {
        "metrics and intervals of one system": lambda: estimate_all(scores_of(rows, primary)),
        "of the others": lambda: [estimate_all(scores_of(rows, name)) for name in others],
        "comparisons": lambda: compare_with_primary(rows, primary, others),
        "detectable differences": lambda: detectable_differences(scores_of(rows, primary), ()),
        "operating points, read off": lambda: operating_points(rows, (), primary),
    }
    sys.stdout.write("| step | seconds |\n|---|---|\n")
    begun = time.perf_counter()
    for name, step in steps.items():
        started = time.perf_counter()
        step()
        sys.stdout.write(f"| {name} | {time.perf_counter() - started:.2f} |\n")
    sys.stdout.write(f"| all | {time.perf_counter() - begun:.2f} |\n\n")
    speech = real_speech_folder()
    if speech is None:
        sys.exit("no real speech: set COGSPEECH_REAL_SPEECH to a folder with spoken-digits/")
    with tempfile.TemporaryDirectory() as folder:
        found = study_seconds(Path(folder), speech, participants=asked.participants)
    sys.stdout.write("| of a study of real voices | seconds |\n|---|---|\n")
    sys.stdout.writelines(f"| {name} | {taken_s:.2f} |\n" for name, taken_s in found.items())


if __name__ == "__main__":
    main()
