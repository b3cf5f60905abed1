"""Corpora with a known truth from real voices: spoken digits placed with chosen silences.

Every participant has one voice (the voices are dealt out equally to both classes) and one rule, so
the truth that a model must find, or must not find, is known:

=========  ======================================================================================
text       the classes draw digits from different distributions
pauses     the classes differ in how long the long pauses are
alignment  same digits, same pauses; long pauses stand before the high digits in one class and
           before the low ones in the other
channel    the classes differ in the noise between the words only
none       the labels are independent of everything
=========  ======================================================================================
"""

import json
import os
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

from cogspeech.corpora.base import write_recordings_table

Truth = Literal["text", "pauses", "alignment", "channel", "none"]
RATE_HZ = 8_000
SPEAKERS = ("jackson", "lucas", "nicolas", "yweweler")
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TAKES = 15
SHORT_PAUSE_S, LONG_PAUSE_S = 0.06, 0.6
NOISE = 1e-3


def real_speech_folder() -> Path | None:
    """Where the recordings of human voices lie, if they are at hand."""
    chosen = os.environ.get("COGSPEECH_REAL_SPEECH")
    folder = Path(chosen) if chosen else Path(__file__).parents[2] / "shared" / "data"
    return folder if (folder / "spoken-digits").is_dir() else None


def digit_corpus(
    speech: Path, folder: Path, truth: Truth, *, participants: int, words: int = 40, seed: int = 1
) -> Path:
    """Writes a corpus into ``folder`` and returns its recordings table."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(participants) % 2)
    voices = {0: 0, 1: 0}
    rows = []
    for number, label in enumerate(labels):
        name = f"p{number:03d}"
        speaker = SPEAKERS[voices[int(label)] % len(SPEAKERS)]
        voices[int(label)] += 1
        rule = int(label) if truth != "none" else int(generator.integers(2))
        samples, spoken = _recording(speech, speaker, truth, rule, words, generator)
        (folder / "audio").mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / "audio" / f"{name}.wav", samples, RATE_HZ, subtype="PCM_16")
        transcript = {"language": "en", "source": "digits", "words": spoken}
        (folder / "audio" / f"{name}.words.json").write_text(json.dumps(transcript))
        rows.append(
            {
                "recording_id": name,
                "participant_id": name,
                "audio_path": f"audio/{name}.wav",
                "transcript_path": f"audio/{name}.words.json",
                "diagnosis": ("control", "dementia")[label],
                "site": speaker,
            }
        )
    write_recordings_table(folder / "recordings.csv", rows)
    return folder / "recordings.csv"


def _recording(
    speech: Path, speaker: str, truth: Truth, rule: int, words: int, generator: np.random.Generator
) -> tuple[np.ndarray, list[dict[str, object]]]:
    digits = _digits(truth, rule, words, generator)
    is_long = _long_pauses(truth, rule, digits, generator)
    longest_s = LONG_PAUSE_S * (1.6 if truth == "pauses" and rule else 1.0)
    noise = NOISE * (4.0 if truth == "channel" and rule else 1.0)
    pieces, spoken, position = [], [], 0
    for digit, long in zip(digits, is_long, strict=True):
        pause_s = (longest_s if long else SHORT_PAUSE_S) * generator.uniform(0.8, 1.2)
        silence = noise * generator.standard_normal(round(pause_s * RATE_HZ))
        take = generator.integers(TAKES)
        path = speech / "spoken-digits" / f"{digit}_{speaker}_{take}.wav"
        clip, rate_hz = soundfile.read(path, dtype="float64")
        if rate_hz != RATE_HZ:
            raise ValueError(f"{path}: expected {RATE_HZ} Hz, found {rate_hz}")
        start = position + len(silence)
        position = start + len(clip)
        pieces += [silence, clip]
        spoken.append(
            {"text": NAMES[digit], "start_s": start / RATE_HZ, "end_s": position / RATE_HZ}
        )
    pieces.append(noise * generator.standard_normal(RATE_HZ // 2))
    return np.concatenate(pieces).clip(-1, 1), spoken


def _digits(truth: Truth, rule: int, words: int, generator: np.random.Generator) -> np.ndarray:
    if truth == "text":
        weight = np.where((np.arange(10) >= 5) == bool(rule), 0.13, 0.07)
        return generator.choice(10, size=words, p=weight)
    half = words // 2
    low, high = generator.integers(0, 5, half), generator.integers(5, 10, words - half)
    return generator.permutation(np.concatenate([low, high]))


def _long_pauses(
    truth: Truth, rule: int, digits: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    if truth == "alignment":
        return (digits >= 5) == bool(rule)
    return generator.permutation(np.arange(len(digits)) % 2).astype(bool)
