"""Recordings of any length from real read speech, with words at its usual rate of 2.4 a second."""

import json
from pathlib import Path

import numpy as np
import soundfile
import soxr

from cogspeech.corpora.base import write_recordings_table

WORDS_PER_S = 2.4
RATE_HZ = 16_000


def librivox_corpus(
    speech: Path, folder: Path, *, seconds: list[float], seed: int = 0, rate_hz: int = RATE_HZ
) -> Path:
    """One recording of each length; the words are placed evenly. Returns the recordings table."""
    generator = np.random.default_rng(seed)
    clips = [
        soxr.resample(soundfile.read(path)[0], RATE_HZ, rate_hz)
        for path in sorted((speech / "librivox").glob("*.wav"))
    ]
    texts = (speech / "librivox" / "transcription").read_text().lower().split()
    vocabulary = [text for text in texts if text.isalpha()]
    rows = []
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    for number, length_s in enumerate(seconds):
        name = f"r{number:04d}"
        _write_audio(folder / "audio" / f"{name}.wav", clips, length_s, rate_hz, generator)
        starts_s = np.arange(0, length_s - 0.3, 1 / WORDS_PER_S)
        words = [
            {"text": str(text), "start_s": float(at), "end_s": float(at) + 0.3}
            for text, at in zip(generator.choice(vocabulary, len(starts_s)), starts_s, strict=True)
        ]
        (folder / "audio" / f"{name}.words.json").write_text(json.dumps({"words": words}))
        rows.append(
            {
                "recording_id": name,
                "participant_id": name,
                "audio_path": f"audio/{name}.wav",
                "transcript_path": f"audio/{name}.words.json",
                "diagnosis": ("control", "dementia")[number % 2],
            }
        )
    write_recordings_table(folder / "recordings.csv", rows)
    return folder / "recordings.csv"


def _write_audio(
    path: Path,
    clips: list[np.ndarray],
    length_s: float,
    rate_hz: int,
    generator: np.random.Generator,
) -> None:
    missing = round(length_s * rate_hz)
    with soundfile.SoundFile(path, "w", rate_hz, 1, subtype="PCM_16") as stream:
        while missing:
            piece = clips[generator.integers(len(clips))][:missing] * generator.uniform(0.7, 1.0)
            stream.write(piece)
            missing -= len(piece)
