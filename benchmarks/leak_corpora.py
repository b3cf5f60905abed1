"""Sound corpora to plant leaks in: nobody's recording holds anything of another's.

*real*: spoken digits of four people. Every clip is used once; every participant is one of them at
a speed of their own, which moves pitch and formants to those of another person.
*synthetic*: picture descriptions of espeak voices, groups that speak alike.

Labels, people and channels are dealt independently, so whatever an audit says of such a corpus is
a false alarm.
"""

import copy
import json
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from cogspeech.config import CorpusSection, TargetSection
from cogspeech.corpora.audio import read_audio
from cogspeech.corpora.base import read_corpus, write_recordings_table
from cogspeech.transcripts.base import read_transcript_file
from digit_corpora import NAMES, SPEAKERS, TAKES
from planted_digits import Clips, whole_clips

CLASSES = ("control", "dementia")
REAL_RATE_HZ, SYNTHETIC_RATE_HZ = 8_000, 16_000
PEOPLE = 48
CLIPS = 12
"""Of one digit recording; all of them use 576 of the 600 clips, each once."""
SPEEDS = np.geomspace(0.8, 1.2, 12)
SYNTHETIC_S = 25.0
"""What is kept of a picture description."""


@dataclass
class Draft:
    """One recording, not yet written."""

    row: dict[str, Any]
    samples: np.ndarray
    """``[sample]`` or ``[sample, channel]``."""
    rate_hz: int
    words: list[dict[str, Any]]
    suffix: str = ".wav"
    subtype: str = "PCM_16"
    source: str = "manual"

    @property
    def label(self) -> int:
        """0 or 1."""
        return CLASSES.index(self.row["diagnosis"])


@dataclass
class DraftCorpus:
    """A corpus that can still be changed."""

    drafts: list[Draft]
    second_visits: list[Draft] = field(default_factory=list)
    """Of the same people in the same order, if they came twice."""

    def copy(self, count: int | None = None) -> "DraftCorpus":
        """Of the first recordings, to be changed without changing this corpus."""
        return DraftCorpus(
            [
                replace(d, row=dict(d.row), words=copy.deepcopy(d.words))
                for d in self.drafts[:count]
            ],
            self.second_visits[:count],
        )

    def write(self, folder: Path) -> Path:
        """The recordings table, with every file."""
        rows = []
        for number, draft in enumerate(self.drafts):
            audio = folder / draft.row.get("folder", "audio") / f"{draft.row['file']}{draft.suffix}"
            audio.parent.mkdir(parents=True, exist_ok=True)
            samples = draft.samples
            if draft.subtype == "PCM_16":  # every container rounds in its own way
                samples = np.rint(samples * 32767).astype(np.int16)
            soundfile.write(audio, samples, draft.rate_hz, subtype=draft.subtype)
            words = folder / "words" / f"{number:04d}.words.json"
            words.parent.mkdir(exist_ok=True)
            transcript = {"language": "en", "source": draft.source, "words": draft.words}
            words.write_text(json.dumps(transcript))
            row = {key: v for key, v in draft.row.items() if key not in ("file", "folder")}
            row["audio_path"] = str(audio.relative_to(folder))
            row["transcript_path"] = str(words.relative_to(folder))
            rows.append(row)
        names = dict.fromkeys(name for row in rows for name in row)
        whole = [{name: row.get(name, "") for name in names} for row in rows]
        write_recordings_table(folder / "recordings.csv", whole)
        return folder / "recordings.csv"


def real_corpus(speech: Path, generator: np.random.Generator) -> DraftCorpus:
    """48 participants and 10 s of digits each."""
    clips = _clips(speech)
    drafts = []
    for speaker in SPEAKERS:
        deck = [(digit, take) for digit in range(10) for take in range(TAKES)]
        order = generator.permutation(len(deck))
        for turn, speed in enumerate(SPEEDS):
            own = [deck[at] for at in order[turn * CLIPS : (turn + 1) * CLIPS]]
            drafts.append(_digits([(d, clips[d, speaker, t]) for d, t in own], speed, generator))
    return DraftCorpus(dealt(drafts, generator))


@cache
def _clips(speech: Path) -> Clips:
    return whole_clips(speech)


def _digits(
    clips: list[tuple[int, np.ndarray]], speed: float, generator: np.random.Generator
) -> Draft:
    pieces = [np.zeros(round(generator.uniform(0.2, 1.5) * REAL_RATE_HZ))]
    words, at = [], len(pieces[0])
    for digit, clip in clips:
        voice = soxr.resample(clip, 1000 * speed, 1000)
        words.append(
            {
                "text": NAMES[digit],
                "start_s": at / REAL_RATE_HZ,
                "end_s": (at + len(voice)) / REAL_RATE_HZ,
            }
        )
        pause = np.zeros(round(generator.uniform(0.1, 0.8) * REAL_RATE_HZ))
        pieces += [voice, pause]
        at += len(voice) + len(pause)
    return Draft({}, _through_a_channel(np.concatenate(pieces), generator), REAL_RATE_HZ, words)


def synthetic_people(
    folder: Path, *, seed: int, participants: int = 48
) -> list[tuple[Draft, Draft]]:
    """Two visits of every espeak voice, written once into ``folder``."""
    section = {"importer": "synthetic", "path": folder, "participants": participants,
               "second_visits": 1.0, "effect": 0.0, "seed": seed}  # fmt: skip
    visits: dict[str, list[Draft]] = {}
    for row in read_corpus(CorpusSection(**section), TargetSection()).recordings:
        if row.transcript_path is None:
            raise ValueError(f"{row.where}: no transcript")
        samples = read_audio(row.audio_path, sample_rate_hz=SYNTHETIC_RATE_HZ)
        transcript = read_transcript_file(row.transcript_path, recording_id=row.recording_id)
        words = [
            {"text": w.text, "start_s": w.start_s, "end_s": w.end_s, "speaker": w.speaker}
            for w in transcript.words
            if w.end_s is not None and w.end_s < SYNTHETIC_S
        ]
        samples = samples[: round(SYNTHETIC_S * SYNTHETIC_RATE_HZ)]
        draft = Draft({}, samples, SYNTHETIC_RATE_HZ, words)
        visits.setdefault(row.participant_id, []).append(draft)
    return [(both[0], both[1]) for both in visits.values()]


def synthetic_corpus(
    people: list[tuple[Draft, Draft]], generator: np.random.Generator
) -> DraftCorpus:
    """The first visits of 48 of the people."""
    chosen = generator.permutation(len(people))[:PEOPLE]
    first, second = (
        [replace(people[at][visit], words=copy.deepcopy(people[at][visit].words)) for at in chosen]
        for visit in (0, 1)
    )
    return DraftCorpus(dealt(first, generator), second)


def _through_a_channel(samples: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A level and a room of its own."""
    loud = samples * 10 ** (generator.normal(-3, 2) / 20)
    noise = 10 ** (generator.uniform(-62, -52) / 20) * generator.standard_normal(len(loud))
    return (loud + noise).clip(-1, 1)


def dealt(drafts: list[Draft], generator: np.random.Generator) -> list[Draft]:
    """Labels and people, independent of each other and of the sound."""
    count = len(drafts)
    labels = generator.permutation(np.arange(count) % 2)
    numbers = generator.permutation(900)[:count] + 100
    sides = {label: generator.permutation(np.arange(count) % 3 == 0) for label in (0, 1)}
    for draft, label, number, at in zip(drafts, labels, numbers, range(count), strict=True):
        draft.row = {
            "recording_id": f"r{number}",
            "participant_id": f"p{number}",
            "file": f"r{number}",
            "diagnosis": CLASSES[label],
            "official_split": "test" if sides[label][at] else "train",
            "age_years": round(float(generator.normal(72, 7)), 1),
            "sex": str(generator.choice(["female", "male"])),
            "education_years": float(generator.integers(8, 18)),
            "site": str(generator.choice(["north", "south"])),
            "task": "picture",
        }
    return drafts
