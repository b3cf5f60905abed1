"""How long does a report take, and how large is it? Prints a table.

Recordings of as many participants, five folds, five repeats, three seeds, all systems of the
default study, eight perturbations, words with attributions: a run folder of made-up answers,
written and measured by the functions that `cogspeech run` uses. Only the report is timed.

    python benchmarks/report_cost.py [--participants 240] [--systems 12] [--words 150]
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import yaml

from cogspeech.cache import write_atomically
from cogspeech.config import Study, TranscriptsSection, as_plain
from cogspeech.evaluation.comparison import compare_with_primary
from cogspeech.evaluation.deciding import decide
from cogspeech.evaluation.decision_measures import measure_decisions
from cogspeech.evaluation.metrics import estimate_all, scores_of
from cogspeech.evaluation.operating_points import operating_points
from cogspeech.evaluation.protocol import OutOfFold
from cogspeech.evaluation.spread import spread_json
from cogspeech.reporting.report import write_report
from cogspeech.reporting.run_folder import predictions_csv
from cogspeech.robustness.curves import point_of, with_gaps
from cogspeech.training.history import EpochRecord, write_history
from cogspeech.transcripts.quality import quality_csv, quality_of
from cogspeech.types import Prediction, Transcript, Word
from evaluation_cost import predicted

PERTURBATIONS, SEVERITIES, EPOCHS = 8, 4, 40
STUDY = Study.model_validate({"name": "report cost", "corpus": {"path": "nowhere"}})


def transcript(name: str, words: int) -> Transcript:
    """So many words, one in three quarters of a second."""
    said = tuple(
        Word(text=f"word{i}", start_s=0.75 * i + 0.1, end_s=0.75 * i + 0.5) for i in range(words)
    )
    return Transcript(recording_id=name, words=said, source="manual")


def robustness_of(own: list[Prediction]) -> dict[str, object]:
    """Curves of the answers of one run under more and more noise."""
    generator = np.random.default_rng(1)
    curves = []
    for number in range(PERTURBATIONS):
        points = [point_of("clean", own, own)]
        for severity in range(1, SEVERITIES + 1):
            noise = 0.1 * severity * generator.standard_normal(len(own))
            answered = [
                replace(p, probability=float(np.clip(p.probability + e, 0, 1)))
                for p, e in zip(own, noise, strict=True)
            ]
            points.append(point_of(str(severity), own, answered))
        curves.append((f"perturbation_{number}", "adds noise", "steps", tuple(points)))
    return {"is_reproduced": True, "curves": [asdict(curve) for curve in with_gaps(curves)]}


def metrics_of(rows: list[Prediction], names: list[str]) -> dict[str, object]:
    """``metrics.json`` of these answers, but for probes and subgroups."""
    primary, others = names[0], names[1:]
    own = [p for p in rows if p.system == primary and p.repeat == 0 and p.seed == 0]
    systems = {name: estimate_all(scores_of(rows, name)) for name in names}
    decided = decide(OutOfFold(test=tuple(rows), validation=()), STUDY.evaluation)
    return {
        "n_participants": len({p.participant_id for p in rows}),
        "n_recordings": len({p.recording_id for p in rows}),
        "classes": list(STUDY.target.classes),
        "primary": primary,
        "configurations_tried": 1,
        "test_set_looks": None,
        "systems": {n: {k: asdict(e) for k, e in found.items()} for n, found in systems.items()},
        "comparisons": [asdict(c) for c in compare_with_primary(rows, primary, others)],
        "probes": {},
        "operating_points": [asdict(p) for p in operating_points(rows, (), primary)],
        "spread": spread_json(rows, systems, num_classes=2),
        "robustness": robustness_of(own),
        **measure_decisions(decided, STUDY, systems=names),
        "notice": None,
        "use": "Research only.",
    }


def write_run(folder: Path, rows: list[Prediction], names: list[str], words: int) -> None:
    """The files of a run folder that the report needs."""
    recordings = sorted({p.recording_id for p in rows})
    generator = np.random.default_rng(2)
    shares = {
        name: [
            {
                "word_index": i,
                "text": word.text,
                "start_s": word.start_s,
                "end_s": word.end_s,
                "pause_s": 0.25,
                "attribution": float(value),
            }
            for i, (word, value) in enumerate(
                zip(transcript(name, words).words, generator.standard_normal(words), strict=True)
            )
        ]
        for name in recordings
    }
    qualities = [quality_of(transcript(n, words), TranscriptsSection()) for n in recordings]
    losses = np.exp(-np.arange(EPOCHS) / 10).tolist()
    history = [
        EpochRecord(epoch=e, training_loss=loss, validation_loss=loss + 0.1, monitored=loss,
                    learning_rate=1e-3, is_best=e == EPOCHS - 1)
        for e, loss in enumerate(losses)
    ]  # fmt: skip
    files = {
        "predictions.csv": predictions_csv(rows, STUDY.target.classes),
        "metrics.json": json.dumps(metrics_of(rows, names)),
        "attributions.json": json.dumps({"meaning": "made up", "recordings": shares}),
        "quality.csv": quality_csv(qualities),
        "audit.json": json.dumps(
            {"verdict": "sound", "n_recordings": len(recordings), "findings": []}
        ),
        "provenance.json": "{}",
        "study.yaml": yaml.safe_dump(as_plain(STUDY), sort_keys=False),
    }
    for fold in range(5):
        for seed in range(3):
            write_history(folder / f"checkpoints/{names[0]}/repeat0-fold{fold}-seed{seed}", history)
    for name, text in files.items():
        write_atomically(folder / name, text.encode())


def main() -> None:
    """Prints seconds and megabytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--participants", type=int, default=240)
    parser.add_argument("--systems", type=int, default=12)
    parser.add_argument("--words", type=int, default=150)
    asked = parser.parse_args()
    rows = predicted(asked.participants, asked.systems)
    names = [f"system {number}" for number in range(asked.systems)]
    sys.stdout.write("| page | seconds | of the processor | MB |\n|---|---|---|---|\n")
    with tempfile.TemporaryDirectory() as folder:
        write_run(Path(folder), rows, names, asked.words)
        for is_shared in (False, True):
            started, before = time.perf_counter(), time.process_time()
            path = write_report(Path(folder), is_shared=is_shared)
            seconds, own = time.perf_counter() - started, time.process_time() - before
            size = path.stat().st_size / 1e6
            sys.stdout.write(f"| {path.name} | {seconds:.1f} | {own:.1f} | {size:.2f} |\n")


if __name__ == "__main__":
    main()
