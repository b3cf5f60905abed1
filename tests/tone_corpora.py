"""Tiny corpora of noise with word times: for everything that needs files but no speech."""

import json

import numpy as np
import soundfile

from cogspeech.corpora.base import write_recordings_table

RATE_HZ = 16_000


def tone_recording(folder, name, *, words, seed=0):
    """``NAME.wav`` and ``NAME.words.json``: a word of 0.2 s every half second."""
    duration_s = 0.5 * words + 1.0
    samples = 0.1 * np.random.default_rng(seed).standard_normal(round(duration_s * RATE_HZ))
    folder.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / f"{name}.wav", samples, RATE_HZ)
    spoken = [
        {"text": f"word{i % 7}", "start_s": 0.5 * i + 0.1, "end_s": 0.5 * i + 0.3}
        for i in range(words)
    ]
    (folder / f"{name}.words.json").write_text(json.dumps({"language": "en", "words": spoken}))


def tone_corpus(folder, *, participants, words, classes=("control", "dementia"), prefix="p"):
    """A recordings table and its files; odd participants are of the second class.

    Corpora of other prefixes share no recording; a prefix comes from "p" to "z".
    """
    rows = []
    for number in range(participants):
        name = f"{prefix}{number:03d}-v1"
        seed = number + 1000 * (ord(prefix) - ord("p"))
        tone_recording(folder / "audio", name, words=words + number % 3, seed=seed)
        rows.append(
            {
                "recording_id": name,
                "participant_id": name.partition("-")[0],
                "audio_path": f"audio/{name}.wav",
                "transcript_path": f"audio/{name}.words.json",
                "diagnosis": classes[number % 2],
            }
        )
    write_recordings_table(folder / "recordings.csv", rows)
