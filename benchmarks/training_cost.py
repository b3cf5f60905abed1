"""What training costs. Prints tables and writes json.

    python benchmarks/training_cost.py [SECTION ...] [--json FILE] [--small]

Recordings are random numbers of the size of real ones (180 events, 200 tokens, 768 dimensions).
Ratios come from one run in which both sides alternate. ``--small`` shows that the benchmark runs,
not how fast anything is.

- padding: an epoch of the default fusion, against the same model padded to 512 tokens and events
- scale: time per recording and memory with 100, 1,000 and 10,000 recordings
- passes: an epoch by the budget of padded items
- study: 5x5 nested cross-validation with 3 seeds for 240 recordings, on two workers
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from cogspeech.cache import ContentCache, content_key
from cogspeech.config import Study
from cogspeech.corpora.splits import People, plan_splits
from cogspeech.engines.base import EngineOptions, build_engine
from cogspeech.learning_sections import TrainingSection
from cogspeech.settings import Component
from cogspeech.systems import FitWorker, fit_ahead
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.trainer import Trainer
from cogspeech.types import Case, EmbeddedRecording, Recording, Transcript

EVENTS, TOKENS, DIMENSION, PADDED = 180, 200, 768, 512
ROUNDS = 3
FUSION = Component(name="aligned_cross_attention")
Row = dict[str, Any]


def recording(
    number: int, *, events: int, tokens: int, size: int = DIMENSION, spread: float = 0.5
) -> EmbeddedRecording:
    """Random numbers; lengths vary by a share on both sides."""
    generator = np.random.default_rng(number)
    share = generator.uniform(1.0 - spread, 1.0 + spread)
    events, tokens = max(2, round(events * share)), max(2, round(tokens * share))
    return EmbeddedRecording(
        recording_id=f"r{number}",
        event_vectors=generator.standard_normal((events, size), dtype=np.float32),
        event_word=np.arange(events, dtype=np.int64),
        event_is_pause=np.zeros(events, dtype=np.bool_),
        event_start_s=np.arange(events, dtype=np.float64),
        event_duration_s=np.full(events, 0.5),
        token_vectors=generator.standard_normal((tokens, size), dtype=np.float32),
        token_word=np.arange(tokens, dtype=np.int64),
    )


def part(count: int, *, first: int = 0, **sizes: Any) -> LabelledPart:
    """A part of random recordings."""
    numbers = range(first, first + count)
    return LabelledPart(
        recordings=tuple(recording(n, **sizes) for n in numbers),
        labels=tuple(n % 2 for n in numbers),
    )


def epoch_s(training: LabelledPart, **changes: Any) -> float:
    """Seconds of one epoch: three epochs less one, halved."""
    validation = LabelledPart(recordings=training.recordings[:2], labels=training.labels[:2])
    taken = []
    for epochs in (1, 3):
        section = TrainingSection(max_epochs=epochs, patience=epochs, **changes)
        begin = time.perf_counter()
        Trainer(FUSION, section, seed=0).fit(training, validation)
        taken.append(time.perf_counter() - begin)
    return (taken[1] - taken[0]) / 2


def padding(*, is_small: bool) -> list[Row]:
    """The default against everything padded to 512."""
    count, scale = (192, 1.0) if not is_small else (16, 0.1)
    events, tokens, padded = (round(n * scale) for n in (EVENTS, TOKENS, PADDED))
    own = part(count, events=events, tokens=tokens)
    full = part(count, events=padded, tokens=padded, spread=0.0)
    times = [(epoch_s(own), epoch_s(full)) for _ in range(ROUNDS if not is_small else 1)]
    return [
        {
            "recordings": count,
            "epoch_s": median(t[0] for t in times),
            "padded_epoch_s": median(t[1] for t in times),
            "ratio": median(t[1] / t[0] for t in times),
        }
    ]


def passes(*, is_small: bool) -> list[Row]:
    """The budget of padded items, on recordings of very different lengths."""
    count, scale = (192, 1.0) if not is_small else (16, 0.1)
    training = part(count, events=round(EVENTS * scale), tokens=round(TOKENS * scale), spread=0.8)
    return [
        {"padded_items": items, "epoch_s": epoch_s(training, padded_items=items)}
        for items in (1024, 2048, 4096, 8192, 16384, 1_000_000)
    ]


def scale(*, is_small: bool) -> list[Row]:
    """Each size in a process of its own, whose memory is measured."""
    rows = []
    for count in (100, 1000, 10_000) if not is_small else (8, 16):
        done = subprocess.run(
            [sys.executable, __file__, f"--one-of-scale={count}"],
            check=True,
            capture_output=True,
            text=True,
        )
        rows.append(json.loads(done.stdout))
    return rows


def one_of_scale(count: int) -> Row:
    """A quarter of the usual lengths; the vectors lie in a cache and are mapped."""
    with tempfile.TemporaryDirectory() as folder:
        cache = ContentCache(Path(folder))
        training = LabelledPart(
            recordings=tuple(kept(cache, number) for number in range(count)),
            labels=tuple(number % 2 for number in range(count)),
        )
        before_mb = anonymous_mb()
        taken_s = epoch_s(training)
        return {
            "recordings": count,
            "ms_per_recording": 1000 * taken_s / count,
            "anonymous_mb": before_mb,
            "anonymous_mb_after_training": anonymous_mb(),
        }


def kept(cache: ContentCache, number: int) -> EmbeddedRecording:
    """A recording whose vectors are in the cache, as a study has them."""
    made = recording(number, events=EVENTS // 4, tokens=TOKENS // 4)
    arrays = {"events": made.event_vectors, "vectors": made.token_vectors}
    key = content_key(number=number)
    cache.write(key, arrays, kind="audio", maker="random", participant_id=str(number))
    found = cache.read(key, maps=True)
    assert found is not None  # noqa: S101
    return replace(made, event_vectors=found["events"], token_vectors=found["vectors"])


def anonymous_mb() -> float:
    """Memory of this process that no file backs."""
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("RssAnon")]
    return int(line.split()[1]) / 1024


def study(*, is_small: bool) -> list[Row]:
    """Every fit of the primary system on two workers, as `cogspeech run --workers 2` does them."""
    count, repeats, seeds = (240, 5, 3) if not is_small else (12, 1, 1)
    size = DIMENSION if not is_small else 16
    cases = tuple(
        Case(
            recording=Recording(
                recording_id=f"r{n}",
                participant_id=f"p{n}",
                audio_path=Path("nowhere.wav"),
                label=("control", "dementia")[n % 2],
            ),
            transcript=Transcript(recording_id=f"r{n}", words=()),
            embedded=recording(n, events=EVENTS, tokens=TOKENS, size=size),
        )
        for n in range(count)
    )
    section = {"max_epochs": 60 if not is_small else 2}
    settings = Study.model_validate(
        {"corpus": {"path": "nowhere"}, "compare": [], "training": section}
    )
    people = People.of([case.recording for case in cases], settings.target.classes)
    plan = plan_splits(
        people, outer_folds=5, repeats=repeats, validation_fraction=0.2, seed=settings.seed
    )
    with tempfile.TemporaryDirectory() as folder:
        worker = FitWorker(study=settings, cases=cases, checkpoints=Path(folder), data="random")
        engine = build_engine("local", EngineOptions(workers=2))
        begin = time.perf_counter()
        fit_ahead(worker, plan, engine, seeds=tuple(range(seeds)))
        taken_s = time.perf_counter() - begin
    fits = repeats * 5 * seeds
    return [{"fits": fits, "minutes": taken_s / 60, "s_per_fit": taken_s / fits}]


SECTIONS = {f.__name__: f for f in (padding, passes, scale, study)}


def main() -> None:
    """Runs the sections that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []])
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one-of-scale", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    epoch_s(part(4, events=5, tokens=5, size=8))  # the first optimizer loads much of torch
    if options.one_of_scale:
        print(json.dumps(one_of_scale(options.one_of_scale)))  # noqa: T201
        return
    found = {}
    for name in options.sections or SECTIONS:
        found[name] = SECTIONS[name](is_small=options.small)
        for row in found[name]:
            print(name, json.dumps(row))  # noqa: T201
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
