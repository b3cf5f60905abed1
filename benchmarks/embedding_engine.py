"""How fast, how small and how exact the embedding is. Prints tables and writes json.

    python benchmarks/embedding_engine.py [SECTION ...] [--json FILE] [--small]

Full-size wav2vec2-base and roberta-base with random weights have the true cost, so nothing is
downloaded. Every ratio comes from one run in which both sides alternate. ``--small`` uses tiny
models and short audio: it shows that the benchmark runs, not how fast anything is.

- bare: the encoder's forward alone, on the same windows, against the whole of `embed`
- per_word: audio loaded, resampled, cropped, padded and encoded once per word, against `embed`
- cache: a first against a second embedding
- memory: peak memory of recordings of 1, 10 and 60 minutes
- scale: cost per recording with 10, 100 and 1,000 recordings
- engines: this process, a pool, and Ray
- windows: throughput and deviation from the whole, by window and context
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import soundfile
import soxr

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from checkpoints import save_text_checkpoint
from cogspeech.cache import ContentCache
from cogspeech.config import TargetSection, TranscriptsSection
from cogspeech.corpora.base import read_recordings_table
from cogspeech.embeddings.entries import Job, jobs_of
from cogspeech.embeddings.extract import embed_recordings, fill_cache
from cogspeech.embeddings.hashed_words import HashedWordsEncoder
from cogspeech.embeddings.huggingface import (
    HuggingFaceAudioEncoder,
    HuggingFaceTextEncoder,
)
from cogspeech.engines.base import EngineOptions, build_engine
from cogspeech.transcripts.transcribe import read_transcripts
from digit_corpora import real_speech_folder
from librivox_corpora import librivox_corpus

WORD_S = 2.0
EPOCHS = 20
ROUNDS = 3
Row = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """Where the models are, and how much audio there is to be."""

    folder: Path
    audio_model: Path
    text_model: Path
    is_small: bool

    def seconds(self, full: float, small: float) -> float:
        """A length of audio."""
        return small if self.is_small else full

    def jobs(self, name: str, seconds: list[float], *, rate_hz: int = 16_000) -> tuple[Job, ...]:
        """A corpus of real speech."""
        speech = real_speech_folder()
        if speech is None:
            raise SystemExit("no real speech: set COGSPEECH_REAL_SPEECH")
        table = librivox_corpus(speech, self.folder / name, seconds=seconds, rate_hz=rate_hz)
        column = TargetSection().column
        recordings = read_recordings_table(table, target_column=column)
        section = TranscriptsSection()
        transcripts = read_transcripts(recordings, section, cache=self.cache())
        return jobs_of(recordings, transcripts, min_pause_s=section.min_pause_s)

    def audio(self, **options: Any) -> HuggingFaceAudioEncoder:
        """A fresh audio encoder."""
        chosen = HuggingFaceAudioEncoder.Options(model=str(self.audio_model), **options)
        return HuggingFaceAudioEncoder(chosen)

    def text(self, **options: Any) -> HuggingFaceTextEncoder:
        """A fresh text encoder."""
        chosen = HuggingFaceTextEncoder.Options(model=str(self.text_model), **options)
        return HuggingFaceTextEncoder(chosen)

    def cache(self) -> ContentCache:
        """An empty cache."""
        return ContentCache(Path(tempfile.mkdtemp(dir=self.folder)))


def cheap_text() -> HashedWordsEncoder:
    """Text that costs nothing, where only the audio is measured."""
    return HashedWordsEncoder(HashedWordsEncoder.Options())


def timed(work: Callable[[], object]) -> float:
    """Seconds of wall clock."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def native_dtypes() -> list[str]:
    """The precisions that this processor computes with."""
    import torch

    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return ["float32", "bfloat16"] if native or torch.cuda.is_available() else ["float32"]


def bare(bench: Bench) -> list[Row]:
    """The encoder alone on the windows that `embed` gives it, against `embed`."""
    import torch

    rows = []
    length_s = bench.seconds(60, 12)
    jobs = bench.jobs("bare", [length_s] * 4)
    for dtype in native_dtypes():
        encoder = bench.audio(dtype=dtype)
        windows: list[np.ndarray] = []
        encode = encoder.encode
        encoder.encode = lambda w, encode=encode, seen=windows: seen.append(w) or encode(w)
        embed_recordings(jobs, (encoder, cheap_text()), cache=bench.cache())
        encoder.encode = encode
        model = encoder._checkpoint.model
        inputs = [torch.from_numpy(w).to(model.dtype).to(model.device) for w in windows]

        def forward(model: Any = model, inputs: Any = inputs) -> None:
            with torch.inference_mode():
                for batch in inputs:
                    model(batch).last_hidden_state.float().cpu()

        def whole(encoder: Any = encoder) -> None:
            embed_recordings(jobs, (encoder, cheap_text()), cache=bench.cache())

        times = [(timed(forward), timed(whole)) for _ in range(ROUNDS)]
        rows.append(
            {
                "dtype": dtype,
                "audio_s": length_s * len(jobs),
                "bare_s": median(t[0] for t in times),
                "embed_s": median(t[1] for t in times),
                "ratio": median(t[0] / t[1] for t in times),
                "times_real_time": length_s * len(jobs) / median(t[1] for t in times),
            }
        )
    return rows


def per_word(bench: Bench) -> list[Row]:
    """What the earlier project did, written from its review, against `embed`; same weights."""
    import torch

    rows = []
    length_s = bench.seconds(60, 6)
    (job,) = bench.jobs("per_word", [length_s], rate_hz=44_100)
    spoken = [word for word in job.transcript.words if word.start_s is not None]
    for dtype in native_dtypes():
        encoder = bench.audio(dtype=dtype)
        model = encoder._checkpoint.model

        def once_per_word(model: Any = model) -> None:
            for word in spoken:
                samples, rate_hz = soundfile.read(job.recording.audio_path, dtype="float32")
                samples = soxr.resample(samples, rate_hz, 16_000)
                crop = samples[round(word.start_s * 16_000) : round(word.end_s * 16_000)]
                padded = np.zeros(round(WORD_S * 16_000), dtype=np.float32)
                padded[: len(crop)] = crop[: len(padded)]
                with torch.inference_mode():
                    batch = torch.from_numpy(padded)[None].to(model.dtype).to(model.device)
                    model(batch).last_hidden_state.mean(dim=1).float().cpu()

        cache = bench.cache()

        def one_pass(encoder: Any = encoder, cache: Any = cache) -> None:
            embed_recordings([job], (encoder, cheap_text()), cache=cache)

        slow, fast, warm = timed(once_per_word), timed(one_pass), timed(one_pass)
        rows.append(
            {
                "dtype": dtype,
                "words": len(spoken),
                "per_word_s": slow,
                "embed_s": fast,
                "ratio": slow / fast,
                "ratio_20_epochs": EPOCHS * slow / (fast + (EPOCHS - 1) * warm),
            }
        )
    return rows


def cache(bench: Bench) -> list[Row]:
    """A first and a second embedding, with audio and text encoders of full size."""
    length_s = bench.seconds(60, 6)
    jobs = bench.jobs("cache", [length_s] * (6 if not bench.is_small else 3))
    kept = bench.cache()
    first, second = (
        timed(lambda: embed_recordings(jobs, (bench.audio(), bench.text()), cache=kept))
        for _ in range(2)
    )
    study = bench.folder / "cache" / "study.yaml"
    study.write_text(
        json.dumps(
            {
                "corpus": {"path": "recordings.csv"},
                "audio_encoder": {"name": "huggingface", "model": str(bench.audio_model)},
                "text_encoder": {"name": "huggingface", "model": str(bench.text_model)},
            }
        )
    )
    environment = {**os.environ, "COGSPEECH_CACHE": str(kept.folder)}
    command = [sys.executable, "-m", "cogspeech", "embed", str(study), "--quiet"]
    command_s = timed(
        lambda: subprocess.run(command, env=environment, check=True, capture_output=True)
    )
    return [
        {
            "audio_s": length_s * len(jobs),
            "first_s": first,
            "second_s": second,
            "ratio": first / second,
            "second_command_s": command_s,
        }
    ]


def memory(bench: Bench) -> list[Row]:
    """Peak memory of a process that embeds one recording."""
    rows: list[Row] = []
    for minutes in (1, 10, 60) if not bench.is_small else (0.1, 0.5):
        bench.jobs(f"memory{minutes}", [60.0 * minutes])
        argument = json.dumps([str(bench.folder), str(bench.audio_model), minutes])
        done = subprocess.run(
            [sys.executable, __file__, "--peak-of", argument],
            check=True,
            capture_output=True,
            text=True,
        )
        peak_mb = float(done.stdout)
        rows.append({"minutes": minutes, "peak_mb": peak_mb, "ratio": 1.0})
        rows[-1]["ratio"] = peak_mb / rows[0]["peak_mb"]
    return rows


def print_peak(folder: str, model: str, minutes: float) -> None:
    """What a process of `memory` does."""
    import resource

    bench = Bench(Path(folder), Path(model), Path(model), is_small=False)
    recordings = read_recordings_table(
        Path(folder) / f"memory{minutes}" / "recordings.csv", target_column="diagnosis"
    )
    transcripts = read_transcripts(recordings, TranscriptsSection(), cache=bench.cache())
    jobs = jobs_of(recordings, transcripts, min_pause_s=0.15)
    embed_recordings(jobs, (bench.audio(), cheap_text()), cache=bench.cache())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)  # noqa: T201


def scale(bench: Bench) -> list[Row]:
    """Cost per recording as the corpus grows."""
    rows: list[Row] = []
    for count in (10, 100, 1000) if not bench.is_small else (3, 9):
        jobs = bench.jobs(f"scale{count}", [1.5] * count)
        encoders = (bench.audio(), cheap_text())
        encoders[0].encode(np.zeros((1, 16_000), dtype=np.float32))  # weights are loaded once
        total_s = timed(partial(embed_recordings, jobs, encoders, cache=bench.cache()))
        rows.append({"recordings": count, "s_per_recording": total_s / count, "ratio": 1.0})
        rows[-1]["ratio"] = (
            rows[-1]["s_per_recording"] / rows[max(0, len(rows) - 2)]["s_per_recording"]
        )
    return rows


def engines(bench: Bench) -> list[Row]:
    """The same work on every engine, from start to end, weights loaded anew."""
    jobs = bench.jobs("engines", [bench.seconds(10, 3)] * 16)
    rows = []
    for name, workers in (("local", 1), ("local", 2), ("ray", 1), ("ray", 2)):
        engine = build_engine(name, EngineOptions(workers=workers))
        encoders = (bench.audio(), bench.text())
        taken_s = timed(partial(fill_cache, jobs, encoders, cache=bench.cache(), engine=engine))
        rows.append({"engine": name, "workers": workers, "embed_s": taken_s})
    for row in rows:
        row["ratio"] = row["embed_s"] / rows[0]["embed_s"]
    return rows


def windows(bench: Bench) -> list[Row]:
    """Throughput and how far event vectors are from those of one window over everything."""
    length_s = bench.seconds(60, 12)
    jobs = bench.jobs("windows", [length_s])
    model = bench.audio()._checkpoint.model

    def vectors(**options: Any) -> tuple[np.ndarray, float]:
        encoder = bench.audio(**options)
        encoder._checkpoint.__dict__["model"] = model  # loaded once for all
        begin = time.perf_counter()
        (made,) = embed_recordings(jobs, (encoder, cheap_text()), cache=bench.cache())
        return made.event_vectors, time.perf_counter() - begin

    whole, whole_s = vectors(window_s=60.0, context_s=0.0)
    rows: list[Row] = [
        {"window_s": length_s, "context_s": 0, "times_real_time": length_s / whole_s, "rms": 0.0}
    ]
    for window_s in (5.0, 10.0, 20.0, 30.0):
        for context_s in (0.0, 1.0, 2.0, 4.0):
            found, taken_s = vectors(window_s=window_s, context_s=context_s)
            rms = float(np.sqrt(np.mean(np.square(found - whole))) / whole.std())
            rows.append(
                {
                    "window_s": window_s,
                    "context_s": context_s,
                    "times_real_time": length_s / taken_s,
                    "rms": rms,
                }
            )
    isolated, taken_s = vectors(pooling="isolated_words")
    rows.append(
        {
            "window_s": "isolated words",
            "context_s": 0,
            "times_real_time": length_s / taken_s,
            "rms": float(np.sqrt(np.mean(np.square(isolated - whole))) / whole.std()),
        }
    )
    return rows


SECTIONS = {f.__name__: f for f in (bare, per_word, cache, memory, scale, engines, windows)}


def save_models(folder: Path, *, is_small: bool) -> tuple[Path, Path]:
    """Random weights of full size, or tiny ones."""
    import torch
    import transformers as tf

    tf.utils.logging.disable_progress_bar()
    torch.manual_seed(0)
    audio, text = folder / "wav2vec2-base", folder / "roberta-base"
    sizes = (
        {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4} if is_small else {}
    )
    tf.Wav2Vec2Model(tf.Wav2Vec2Config(**sizes)).save_pretrained(audio)
    tf.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(audio)
    save_text_checkpoint("roberta", text, positions=512)
    if not is_small:
        config = tf.RobertaConfig.from_pretrained(text)
        config.update(
            {
                "hidden_size": 768,
                "num_hidden_layers": 12,
                "num_attention_heads": 12,
                "intermediate_size": 3072,
            }
        )
        tf.RobertaModel(config).save_pretrained(text)
    return audio, text


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "processors": len(os.sched_getaffinity(0)),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "gpu": gpu,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def table(rows: list[Row]) -> str:
    """Markdown."""
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    for row in rows:
        cells = [f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("section", nargs="*", choices=[*SECTIONS, []], default=[])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--peak-of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_of:
        print_peak(*json.loads(options.peak_of))
        return
    found: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as folder:
        models = save_models(Path(folder), is_small=options.small)
        bench = Bench(Path(folder), *models, is_small=options.small)
        for name in options.section or SECTIONS:
            found[name] = SECTIONS[name](bench)
            print(f"\n## {name}\n\n{table(found[name])}", flush=True)  # noqa: T201
            if options.json:
                options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
