"""How exactly do the aligners place words, and how fast? Prints tables.

Twelve recordings of 25 spoken digits of four voices with pauses of 50 ms to 1 s: median and 90th
percentile of the errors of all word edges, and the share of the pauses of 300 ms and more of which
both edges are found within 80 ms. Three ways: forced alignment as pocketsphinx itself offers it,
the ``pocketsphinx`` aligner, and the ``ctc`` aligner with a small model that is trained here on
other takes of the digits. Clips are cut to their speech, or taken whole with their quiet edges,
which are then counted as speech although nobody speaks in them.

Then: the LibriVox sentences, speed, and the search for the best path alone.

    python benchmarks/alignment_error.py [--steps 2000] [--model FOLDER] [--json PATH]
"""

import argparse
import json
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pocketsphinx
import soundfile
import transformers

from cogspeech.corpora.audio import read_audio
from cogspeech.transcripts.base import ALIGNERS
from cogspeech.transcripts.speech_energy import find_speech
from cogspeech.transcripts.viterbi import align_labels
from cogspeech.types import Recording, Transcript, Word
from digit_corpora import RATE_HZ, SPEAKERS, TAKES, real_speech_folder
from digit_ctc import FIRST_TEST_TAKE, train_model
from planted_digits import NOISE, Clips, planted, speech_clips, whole_clips

RECORDINGS, WORDS = 12, 25
LONG_PAUSE_S, RECOVERED_S = 0.3, 0.08
CONDITIONS = {
    "cut to speech, digital silence": (speech_clips, 0.0),
    "cut to speech, noise": (speech_clips, NOISE),
    "whole clips, digital silence": (whole_clips, 0.0),
    "whole clips, noise": (whole_clips, NOISE),
}

Spans = np.ndarray
Align = Callable[[Path, list[str]], Spans]
"""Start and end of every word of a file, in seconds; NaN: none."""


def with_plugin(name: str, **options: Any) -> Align:
    """One of our aligners."""
    plugin = ALIGNERS.get(name)
    aligner = plugin(plugin.Options(**options))

    def align(path: Path, texts: list[str]) -> Spans:
        found = aligner.align(
            Transcript(recording_id=path.stem, words=tuple(Word(text=text) for text in texts)),
            Recording(recording_id=path.stem, participant_id=path.stem, audio_path=path),
        )
        return np.array(
            [(w.start_s, w.end_s) if w.is_timed else (np.nan, np.nan) for w in found.words],
            dtype=float,
        )

    return align


def plain_pocketsphinx(path: Path, texts: list[str]) -> Spans:
    """Forced alignment as the library offers it."""
    decoder = pocketsphinx.Decoder(samprate=16_000, lm=None, bestpath=False, loglevel="FATAL")
    samples = read_audio(path, sample_rate_hz=16_000)
    decoder.set_align_text(" ".join(texts))
    decoder.start_utt()
    decoder.process_raw((samples * 32_767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    found = [
        (segment.start_frame / 100, (segment.end_frame + 1) / 100)
        for segment in decoder.seg() or ()
        if segment.word[0] not in "<[("
    ]
    return np.array(found) if len(found) == len(texts) else np.full((len(texts), 2), np.nan)


def digit_figures(align: Align, clips: Clips, noise: float, takes: range) -> dict[str, float]:
    """Errors of both edges of all words in milliseconds, and the pauses that were recovered."""
    generator = np.random.default_rng(1)
    errors, recovered, audio_s, seconds = [], [], 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(RECORDINGS):
            speaker = SPEAKERS[number % len(SPEAKERS)]
            truth = planted(clips, takes, generator, words=WORDS, noise=noise, speaker=speaker)
            path = Path(folder) / f"r{number}.wav"
            soundfile.write(path, truth.samples, RATE_HZ, subtype="PCM_16")
            started = time.perf_counter()
            spans_s = align(path, truth.texts)
            seconds += time.perf_counter() - started
            audio_s += len(truth.samples) / RATE_HZ
            error_s = np.abs(spans_s - truth.spans_s)
            errors.append(error_s)
            is_long = truth.spans_s[1:, 0] - truth.spans_s[:-1, 1] >= LONG_PAUSE_S
            worst_s = np.fmax(error_s[1:, 0], error_s[:-1, 1])[is_long]
            recovered += list(worst_s <= RECOVERED_S)
    error_ms = 1e3 * np.concatenate(errors)
    return {
        "median (ms)": float(np.nanmedian(error_ms)),
        "90 % (ms)": float(np.nanpercentile(error_ms, 90)),
        "99 % (ms)": float(np.nanpercentile(error_ms, 99)),
        "pauses recovered": float(np.mean(recovered)),
        "pauses": float(len(recovered)),
        "words without times": float(np.isnan(error_ms[:, 0]).sum()),
        "x real time": audio_s / seconds,
    }


def sentence_figures(align: Align, speech: Path) -> dict[str, float]:
    """The LibriVox clips, for which nobody has measured where the words are."""
    folder, shares, without, audio_s, seconds = speech / "librivox", [], 0, 0.0, 0.0
    for line in (folder / "transcription").read_text().splitlines():
        text, _, name = line.removeprefix("<s> ").partition(" </s> ")
        path = folder / f"{name.strip('()')}.wav"
        started = time.perf_counter()
        spans_s = align(path, text.split())
        seconds += time.perf_counter() - started
        samples = read_audio(path, sample_rate_hz=16_000)
        heard, audio_s = find_speech(samples), audio_s + len(samples) / 16_000
        without += int(np.isnan(spans_s[:, 0]).sum())
        shares += [heard.speech_s(a, b) / (b - a) for a, b in spans_s if b > a]
    return {
        "words": float(len(shares) + without),
        "words without times": float(without),
        "speech in the words": float(np.mean(shares)),
        "words with less than half": float(np.sum(np.array(shares) < 0.5)),
        "x real time": audio_s / seconds,
    }


def search_figures(
    *, frames: int = 15_000, letters: int = 4_000, labels: int = 32
) -> dict[str, float]:
    """The search alone: 5 minutes of frames, 4,000 letters, one core."""
    generator = np.random.default_rng(0)
    scores = generator.standard_normal((frames, labels)).astype(np.float32)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    targets = generator.integers(1, labels, letters)
    started = time.perf_counter()
    align_labels(scores, targets, blank=0)
    seconds = time.perf_counter() - started
    tracemalloc.start()
    align_labels(scores, targets, blank=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"search, 5 min x 4000 letters (s)": seconds, "search, peak (MB)": peak / 1e6}


def print_table(title: str, rows: dict[str, dict[str, float]]) -> None:
    """One line per row, in Markdown."""
    columns = list(next(iter(rows.values())))
    lines = [f"| {title} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, row in rows.items():
        lines.append(f"| {name} | {' | '.join(f'{row[column]:.3g}' for column in columns)} |")
    sys.stdout.write("\n".join(lines) + "\n\n")
    sys.stdout.flush()


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--model", type=Path, help="kept here; trained only if it is not there")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    speech = real_speech_folder()
    if speech is None:
        sys.exit("no real speech: set COGSPEECH_REAL_SPEECH to a folder with spoken-digits/")
    transformers.utils.logging.disable_progress_bar()
    found = {"search": {"5 min, 4000 letters": search_figures()}}
    print_table("best path", found["search"])
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or Path(folder) / "model"
        if not (model / "config.json").is_file():
            model.mkdir(parents=True, exist_ok=True)
            loss = train_model(model, speech_clips(speech), steps=options.steps)
            sys.stdout.write(f"CTC model trained, loss {loss:.3g}\n\n")
        test_takes = range(FIRST_TEST_TAKE, TAKES)
        ways: dict[str, tuple[Align, range]] = {
            "plain pocketsphinx": (plain_pocketsphinx, range(TAKES)),
            "pocketsphinx": (with_plugin("pocketsphinx"), range(TAKES)),
            "ctc": (with_plugin("ctc", model=str(model)), test_takes),
        }
        for condition, (clips_of, noise) in CONDITIONS.items():
            clips = clips_of(speech)
            found[condition] = {
                way: digit_figures(align, clips, noise, takes)
                for way, (align, takes) in ways.items()
            }
            print_table(condition, found[condition])
        sentences = {way: ways[way][0] for way in ("plain pocketsphinx", "pocketsphinx")}
        found["LibriVox"] = {
            way: sentence_figures(align, speech) for way, align in sentences.items()
        }
        print_table("LibriVox", found["LibriVox"])
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
