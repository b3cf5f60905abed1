"""What each system finds in recordings of real voices whose truth is known. Prints a table.

Runs the command line on corpora of spoken digits (see digit_corpora.py), five participant-grouped
folds, one repeat, one seed, weight-free encoders.

    python benchmarks/known_truth.py
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from digit_corpora import Truth, digit_corpus, real_speech_folder

FUSIONS = ("text_only", "audio_only", "late_fusion", "pooled_cross_attention")
BASELINES = ("tfidf_svm", "linguistic", "acoustic_functionals", "pooled_embeddings", "pauses_only",
             "length_only", "random_embeddings", "majority")  # fmt: skip
ALL = (*FUSIONS, *BASELINES)
CORPORA: dict[Truth, int] = {"text": 60, "pauses": 60, "alignment": 160, "channel": 60, "none": 80}


def metrics_of(
    truth: Truth,
    folder: Path,
    speech: Path,
    *,
    participants: int,
    compare: tuple[str, ...] = ALL,
    probes: tuple[str, ...] = ("length_only",),
    max_epochs: int = 40,
) -> dict[str, Any]:
    """Builds the corpus in ``folder``, runs the whole study on it, gives its metrics.json."""
    digit_corpus(speech, folder / "corpus", truth, participants=participants)
    study = {
        "name": f"digits with a planted truth: {truth}",
        "corpus": {"path": "corpus/recordings.csv"},
        "compare": list(compare),
        "training": {"max_epochs": max_epochs, "patience": 8},
        "evaluation": {"outer_folds": 5, "repeats": 1, "seeds": 1},
        "probes": list(probes),
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    done = subprocess.run(
        [sys.executable, "-m", "cogspeech", "run", "study.yaml", "--out", "run", "--offline"],
        cwd=folder,
        env={**os.environ, "COGSPEECH_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    metrics: dict[str, Any] = json.loads((folder / "run" / "metrics.json").read_text())
    return metrics


def main() -> None:
    """Prints AUROC with interval for every truth and system."""
    speech = real_speech_folder()
    if speech is None:
        sys.exit("no real speech: set COGSPEECH_REAL_SPEECH to a folder with spoken-digits/")
    rows: dict[str, list[str]] = {}
    for truth, participants in CORPORA.items():
        with tempfile.TemporaryDirectory() as folder:
            metrics = metrics_of(
                truth,
                Path(folder),
                speech,
                participants=participants,
                probes=("length_only", "silence_only"),
            )
        found = {name: values["auroc"] for name, values in metrics["systems"].items()}
        found |= {f"probe {n}": values["auroc"] for n, values in metrics["probes"].items()}
        for name, e in found.items():
            cell = f"{e['estimate']:.2f} ({e['low']:.2f}-{e['high']:.2f})" if e else "none"
            rows.setdefault(name, []).append(cell)
    heads = [f"{truth} (n={participants})" for truth, participants in CORPORA.items()]
    sys.stdout.write(f"| system | {' | '.join(heads)} |\n|{'---|' * (len(heads) + 1)}\n")
    for name, cells in rows.items():
        sys.stdout.write(f"| {name} | {' | '.join(cells)} |\n")


if __name__ == "__main__":
    main()
