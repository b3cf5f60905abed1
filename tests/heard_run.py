"""A run folder with a corpus of tones behind it: what is said lies where the words file says so."""

import csv
import json

import numpy as np
import soundfile
import yaml

from cogspeech.config import Study, as_plain
from cogspeech.corpora.base import write_recordings_table
from cogspeech.reporting.report import write_report
from cogspeech.reporting.run_folder import PREDICTION_COLUMNS

RATE_HZ = 16_000
WORDS = ("the", "boy", "is", "reaching", "for", "a", "cookie", "um", "falling")
PEOPLE = 8
WORD_S, GAP_S, PAUSE_S = 0.4, 0.1, 0.7


def said_words(texts):
    """Words of 0.4 s with their attributions; a pause stands before every third."""
    words, at = [], 0.5
    for index, text in enumerate(texts):
        pause_s = PAUSE_S if index % 3 == 2 else 0.0
        at += pause_s
        value = 0.1 * (index % 9 - 4)
        words.append(
            {
                "word_index": index,
                "text": text,
                "start_s": at,
                "end_s": at + WORD_S,
                "attribution": value,
                "audio_attribution": 0.6 * value,
                "text_attribution": 0.4 * value,
                "token_attributions": [0.3 * value, 0.1 * value],
                "pause_s": pause_s,
                "pause_start_s": at - pause_s if pause_s else None,
                "pause_attribution": -0.07 * (index % 5) if pause_s else None,
            }
        )
        at += WORD_S + GAP_S
    return words


def write_tones(path, words):
    """Every word is a tone of its own: 300 Hz, 350 Hz, and so on; silence between them."""
    count = round((max(word["end_s"] for word in words) + 0.5) * RATE_HZ)
    samples = 1e-3 * np.random.default_rng(1).standard_normal(count).astype(np.float32)
    for index, word in enumerate(words):
        inside = slice(round(word["start_s"] * RATE_HZ), round(word["end_s"] * RATE_HZ))
        time_s = np.arange(inside.stop - inside.start) / RATE_HZ
        samples[inside] += 0.3 * np.sin(2 * np.pi * (300 + 50 * (index % 40)) * time_s)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE_HZ)


def heard_run(
    folder,
    *,
    texts=WORDS,
    name="a study",
    classes=("control", "dementia"),
    ids=tuple(f"R{person}" for person in range(PEOPLE)),
    notice="These voices are tones.",
    untimed=(),
    recordings=("shown",),
):
    """Writes corpus and run folder; gives the path of the report."""
    words = said_words(texts)
    rows = []
    for person, recording_id in enumerate(ids):
        write_tones(folder / f"{person}.wav", words)
        rows.append(
            {
                "recording_id": recording_id,
                "participant_id": f"P{person}",
                "audio_path": f"{person}.wav",
                "diagnosis": classes[person % 2],
            }
        )
    write_recordings_table(folder / "recordings.csv", rows)
    run = folder / "run"
    run.mkdir()
    told = [{**w, **({"start_s": None, "end_s": None} if w["word_index"] in untimed else {})}
            for w in words]  # fmt: skip
    study = Study.model_validate(
        {
            "name": name,
            "corpus": {"path": "../recordings.csv"},
            "target": {"column": "diagnosis", "classes": classes},
        }
    )
    estimate = {"estimate": 0.8, "low": 0.6, "high": 0.9, "n": PEOPLE}
    metrics = {
        "n_participants": PEOPLE,
        "n_recordings": PEOPLE,
        "classes": classes,
        "primary": "fused",
        "systems": {"fused": {"auroc": estimate}},
        "comparisons": [],
        "probes": {},
        "notice": notice,
        "use": "Research only.",
    }
    contents = {
        "metrics.json": metrics,
        "attributions.json": {
            "meaning": "what the logit loses",
            "recordings": dict.fromkeys(ids, told),
        },
        "audit.json": {"verdict": "sound", "n_recordings": PEOPLE, "findings": []},
        "provenance.json": {"created": "2025-01-01", "libraries": {}, "python": "3.11"},
    }
    for file, content in contents.items():
        (run / file).write_text(json.dumps(content))
    (run / "study.yaml").write_text(yaml.safe_dump(as_plain(study), sort_keys=False))
    with (run / "predictions.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(PREDICTION_COLUMNS)
        for person, recording_id in enumerate(ids):
            probability = person / 16 + 0.4 * (person % 2)
            row = ["fused", 0, person // 2 % 2, 7, f"P{person}", recording_id, person % 2]
            writer.writerow([*row, probability])
    return write_report(run, recordings=recordings)
