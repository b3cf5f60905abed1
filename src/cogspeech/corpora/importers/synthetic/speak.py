"""A script becomes sound: every word is placed on the time line, exact to the sample."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cogspeech.corpora.importers.synthetic.people import Participant
from cogspeech.corpora.importers.synthetic.script import PlannedWord, Script
from cogspeech.corpora.importers.synthetic.voice import SAMPLE_RATE_HZ, say
from cogspeech.types import Word

EDGE_S = (0.3, 0.9)
"""Shortest and longest silence before the first and after the last word, in both groups."""
FADE_S = 0.004
FUNCTION_WORD_RATE = 1.3
"""Function words are spoken this much faster: said alone they would be too long."""
FILLER_RATE = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """A recording at `SAMPLE_RATE_HZ` and the true times of its words."""

    samples: Float[np.ndarray, " sample"]
    words: tuple[Word, ...]


def speak(
    script: Script, speaker: Participant, *, rate_wpm: float, rng: np.random.Generator
) -> Speech:
    """The script in the speaker's voice and room.

    Args:
        script: what is said.
        speaker: whose voice, level and room.
        rate_wpm: the rate of the words themselves, pauses aside.
        rng: of this recording; draws the silence at both ends and the noise.

    Raises:
        CorpusError: espeak-ng gives no sound for a word.
    """
    lead_s, tail_s = rng.uniform(*EDGE_S, size=2)
    spoken = [_say(word, speaker, rate_wpm) for word in script.words]
    gaps = [round(word.pause_before_s * SAMPLE_RATE_HZ) for word in script.words]
    gaps[0] = round(lead_s * SAMPLE_RATE_HZ)
    lengths = [len(samples) for samples in spoken]
    starts = np.cumsum(gaps) + np.concatenate([[0], np.cumsum(lengths)[:-1]])
    timeline = np.zeros(starts[-1] + lengths[-1] + round(tail_s * SAMPLE_RATE_HZ))
    for start, samples in zip(starts, spoken, strict=True):
        timeline[start : start + len(samples)] = samples
    level = np.sqrt(np.mean(np.concatenate(spoken) ** 2))
    timeline *= _gain(speaker.speech_level_db) / level
    timeline += _room_noise(len(timeline), speaker, rng)
    words = tuple(
        Word(
            text=planned.text,
            start_s=round(int(start) / SAMPLE_RATE_HZ, 6),
            end_s=round((int(start) + length) / SAMPLE_RATE_HZ, 6),
            confidence=1.0,
        )
        for planned, start, length in zip(script.words, starts, lengths, strict=True)
    )
    return Speech(samples=np.clip(timeline, -1.0, 1.0).astype(np.float32), words=words)


def _say(word: PlannedWord, speaker: Participant, rate_wpm: float) -> Float[np.ndarray, " sample"]:
    """One word, faded over `FADE_S` at both ends so that it does not click."""
    pace = 1.0 if word.is_content else FUNCTION_WORD_RATE
    pace = FILLER_RATE if word.is_filler else pace
    samples = say(word.text, speaker.voice, rate_wpm=rate_wpm * pace)
    ramp = np.linspace(0.0, 1.0, round(FADE_S * SAMPLE_RATE_HZ), dtype=np.float32)
    ramp = ramp[: len(samples) // 2]
    samples[: len(ramp)] *= ramp
    samples[len(samples) - len(ramp) :] *= ramp[::-1]
    return samples


def _room_noise(
    count: int, speaker: Participant, rng: np.random.Generator
) -> Float[np.ndarray, " sample"]:
    white = rng.standard_normal(count + 1)
    noise = white[1:] + speaker.noise_tilt * white[:-1]
    level = np.sqrt(1.0 + speaker.noise_tilt**2)
    return np.asarray(noise / level * _gain(speaker.noise_level_db))


def _gain(level_db: float) -> float:
    return float(10.0 ** (level_db / 20.0))
