"""Recordings of spoken digits with pauses of which every edge is known to the sample.

The clips are cut to their speech first: many begin or end with up to 0.7 s of a quiet room, and a
pause is as long as nobody speaks.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from digit_corpora import NAMES, RATE_HZ, SPEAKERS, TAKES

SPEECH_DB = 30.0
"""Speech is what is less than that below the loudest 10 ms of a clip."""
PAUSE_S = (0.05, 1.0)
NOISE = 1e-3

Clips = dict[tuple[int, str, int], np.ndarray]


@dataclass(frozen=True)
class Planted:
    """A recording and where its words are, in seconds."""

    samples: np.ndarray
    texts: list[str]
    spans_s: np.ndarray


def speech_clips(speech: Path) -> Clips:
    """Every digit, cut to its speech."""
    clips = {}
    for key, samples in whole_clips(speech).items():
        is_loud = np.flatnonzero(_level_db(samples) > _level_db(samples).max() - SPEECH_DB)
        hop = RATE_HZ // 100
        clips[key] = samples[is_loud[0] * hop : (is_loud[-1] + 1) * hop]
    return clips


def whole_clips(speech: Path) -> Clips:
    """Every digit as it was published."""
    return {
        (digit, speaker, take): soundfile.read(
            speech / "spoken-digits" / f"{digit}_{speaker}_{take}.wav", dtype="float32"
        )[0]
        for digit in range(10)
        for speaker in SPEAKERS
        for take in range(TAKES)
    }


def _level_db(samples: np.ndarray) -> np.ndarray:
    """Of every 10 ms."""
    frames = samples[: len(samples) // 80 * 80].reshape(-1, 80)
    return np.asarray(10 * np.log10(np.square(frames).mean(axis=1) + 1e-12))


def planted(
    clips: Clips,
    takes: range,
    generator: np.random.Generator,
    *,
    words: int,
    pause_s: tuple[float, float] = PAUSE_S,
    noise: float = NOISE,
    speaker: str | None = None,
) -> Planted:
    """Digits of one voice, by default any, with pauses between them."""
    speaker = speaker or SPEAKERS[generator.integers(len(SPEAKERS))]
    pieces, texts, spans, at = [], [], [], 0
    for _ in range(words):
        digit = int(generator.integers(10))
        clip = clips[digit, speaker, int(generator.choice(takes))] * generator.uniform(0.5, 1.5)
        silence = np.zeros(round(generator.uniform(*pause_s) * RATE_HZ))
        at += len(silence)
        spans.append((at / RATE_HZ, (at + len(clip)) / RATE_HZ))
        at += len(clip)
        pieces += [silence, clip]
        texts.append(NAMES[digit])
    joined = np.concatenate([*pieces, np.zeros(RATE_HZ // 4)])
    joined += noise * generator.standard_normal(len(joined))
    return Planted(joined.clip(-1, 1).astype(np.float32), texts, np.array(spans))
