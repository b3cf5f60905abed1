"""How long an audit takes, and that it grows with the number of recordings and not faster.

Recordings of one minute: digits of one voice in random order at 16 kHz, one in a hundred of them
an MP3 of another.

    python benchmarks/audit_scale.py 250 500 1000
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import soxr

from cogspeech.audit.audit import judge
from cogspeech.audit.gather import gather_evidence
from cogspeech.cache import ContentCache
from cogspeech.config import AuditSection, TranscriptsSection
from cogspeech.types import Recording
from digit_corpora import RATE_HZ, SPEAKERS, TAKES, real_speech_folder
from planted_digits import Clips, whole_clips

LENGTH_S = 60
OUT_HZ = 16_000
CLASSES = ("control", "dementia")


def minutes(speech: Path, folder: Path, count: int) -> list[Recording]:
    """Writes the corpus; the last of each hundred is a copy of the first."""
    clips = whole_clips(speech)
    recordings = []
    for number in range(count):
        path = folder / f"{number:05d}.wav"
        is_copy = number % 100 == 99
        if is_copy:
            samples, _ = soundfile.read(folder / f"{number - 99:05d}.wav")
            path = path.with_suffix(".mp3")
        else:
            samples = _minute(clips, np.random.default_rng(number))
        soundfile.write(path, samples, OUT_HZ)
        recordings.append(
            Recording(
                recording_id=f"r{number:05d}",
                participant_id=f"p{number:05d}",
                audio_path=path,
                label=CLASSES[number * 7919 % 2],
            )
        )
    return recordings


def _minute(clips: Clips, generator: np.random.Generator) -> np.ndarray:
    speaker = SPEAKERS[generator.integers(len(SPEAKERS))]
    pieces, missing = [], 1.2 * LENGTH_S * RATE_HZ
    while missing > 0:
        clip = clips[int(generator.integers(10)), speaker, int(generator.integers(TAKES))]
        pieces += [np.zeros(generator.integers(400, 4_000)), clip]
        missing -= len(pieces[-1]) + len(pieces[-2])
    speed = generator.uniform(0.8, 1.2)  # or all of one speaker would share their clips
    joined = soxr.resample(np.concatenate(pieces), speed * RATE_HZ, OUT_HZ)[: LENGTH_S * OUT_HZ]
    joined = joined * generator.uniform(0.3, 1)
    return np.asarray((joined + 1e-3 * generator.standard_normal(len(joined))).clip(-1, 1))


def main() -> None:
    """Prints a row for each number of recordings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", type=int, nargs="*", default=[250, 500, 1000])
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    speech = real_speech_folder()
    if speech is None:
        sys.exit("no real speech: set COGSPEECH_REAL_SPEECH to a folder with spoken-digits/")
    sys.stdout.write("| recordings | hearing s | judging s | ms each | copies found |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    for count in options.counts:
        with tempfile.TemporaryDirectory() as name:
            recordings = minutes(speech, Path(name), count)
            began_s = time.perf_counter()
            evidence = gather_evidence(
                recordings,
                TranscriptsSection(),
                classes=CLASSES,
                cache=ContentCache(Path(name) / "cache"),
                workers=options.workers,
            )
            heard_s = time.perf_counter()
            audit = judge(evidence, AuditSection())
            judged_s = time.perf_counter()
        found = [f.recordings for f in audit.findings if f.code == "similar_audio"]
        right = sum(int(b[1:]) - int(a[1:]) == 99 for a, b in found)
        sys.stdout.write(
            f"| {count} | {heard_s - began_s:.1f} | {judged_s - heard_s:.1f} | "
            f"{1000 * (judged_s - began_s) / count:.0f} | {right} of {count // 100}, "
            f"{len(found) - right} wrong |\n"
        )


if __name__ == "__main__":
    main()
