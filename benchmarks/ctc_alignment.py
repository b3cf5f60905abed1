"""How exactly does the ``ctc`` aligner place words? Trains a small model, prints a table.

No trained model is at hand offline, so one is made: a Wav2Vec2ForCTC whose convolutions are a fixed
bank of filters and whose two transformer blocks learn, from takes 0 to 9 of the spoken digits, to
write the letters of the number words (two minutes on one core). The aligner then gets recordings
joined from takes 10 to 14 with pauses of 50 ms to 1 s, over a floor of noise. The digits are cut to
their speech first, so that it is known to the sample where a word begins and ends.

A large model trained on days of speech places words better than this one; what is measured here is
that frames, windows, paths and word edges fit together.

    python benchmarks/ctc_alignment.py [--steps 2000] [--model FOLDER] [--json PATH]
"""

import argparse
import json
import sys
import tempfile
import time
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
import transformers

from cogspeech.transcripts.base import ALIGNERS
from cogspeech.transcripts.viterbi import align_labels
from cogspeech.types import Recording, Transcript, Word
from digit_corpora import NAMES, RATE_HZ, SPEAKERS, TAKES, real_speech_folder

LETTERS = sorted(set("".join(NAMES)))
VOCABULARY = {"<pad>": 0, "|": 1, **{letter: 2 + n for n, letter in enumerate(LETTERS)}}
FIRST_TEST_TAKE = 10
FILTERS, WIDTH = 64, 96
SPEECH_DB = 30.0
"""Speech is what is less than that below the loudest 10 ms of a clip."""
BATCH_S, LEARNING_RATE = 8.0, 2e-3
RECORDINGS, WORDS = 12, 25
PAUSE_S = (0.05, 1.0)
NOISE = 1e-3
LONG_PAUSE_S, RECOVERED_S = 0.3, 0.08

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
    for digit in range(10):
        for speaker in SPEAKERS:
            for take in range(TAKES):
                path = speech / "spoken-digits" / f"{digit}_{speaker}_{take}.wav"
                samples, _ = soundfile.read(path, dtype="float32")
                is_loud = np.flatnonzero(_level_db(samples) > _level_db(samples).max() - SPEECH_DB)
                hop = RATE_HZ // 100
                clips[digit, speaker, take] = samples[is_loud[0] * hop : (is_loud[-1] + 1) * hop]
    return clips


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
) -> Planted:
    """Digits of one voice with pauses between them."""
    speaker = SPEAKERS[generator.integers(len(SPEAKERS))]
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


def untrained_model() -> transformers.Wav2Vec2ForCTC:
    """50 frames a second: cosines and sines at mel distances, rectified, averaged over 20 ms."""
    torch.manual_seed(0)
    model = transformers.Wav2Vec2ForCTC(
        transformers.Wav2Vec2Config(
            vocab_size=len(VOCABULARY), pad_token_id=0, hidden_size=WIDTH, num_hidden_layers=2,
            num_attention_heads=4, intermediate_size=2 * WIDTH, conv_dim=(FILTERS,) * 4,
            conv_kernel=(128, 4, 4, 4), conv_stride=(20, 2, 2, 2), num_feat_extract_layers=4,
            num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4,
            do_stable_layer_norm=True, apply_spec_augment=False, layerdrop=0.0,
            hidden_dropout=0.0, attention_dropout=0.0, activation_dropout=0.0,
            feat_proj_dropout=0.0, final_dropout=0.0, ctc_loss_reduction="mean",
        )
    )  # fmt: skip
    convolutions = [layer.conv for layer in model.wav2vec2.feature_extractor.conv_layers]
    hz = 700 * (
        np.exp(np.linspace(np.log(1 + 100 / 700), np.log(1 + 3800 / 700), FILTERS // 2)) - 1
    )
    phase = 2 * np.pi * hz[:, None] * np.arange(128) / RATE_HZ
    filters = np.concatenate([np.cos(phase), np.sin(phase)]) * np.hanning(128)
    filters /= np.linalg.norm(filters, axis=1, keepdims=True)
    averages = np.repeat(np.eye(FILTERS)[:, :, None] / 4, 4, axis=2)
    with torch.no_grad():
        for convolution, weight in zip(
            convolutions, [filters[:, None], *[averages] * 3], strict=True
        ):
            convolution.weight.copy_(torch.from_numpy(weight))
    model.freeze_feature_encoder()
    return model


def train_model(folder: Path, clips: Clips, *, steps: int) -> float:
    """Writes the checkpoint into ``folder``; gives the mean loss of the last tenth of the steps."""
    torch.set_num_threads(1)
    model, generator = untrained_model().train(), np.random.default_rng(0)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=0.01)
    losses = []
    for step in range(steps):
        done = step / steps
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / 60, max(0.02, 2 * (1 - done)))
        # Single words first: with many, a model that starts from nothing writes only blanks.
        audio, labels = _batch(clips, generator, words=1 if done < 0.2 else 2 if done < 0.35 else 4)
        loss = model(audio, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        losses.append(loss.item())
    model.save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=RATE_HZ).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(VOCABULARY))
    return float(np.mean(losses[-max(1, steps // 10) :]))


def _batch(
    clips: Clips, generator: np.random.Generator, *, words: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Recordings of the same length, filled up with their own noise, and their letters."""
    made: list[Planted] = []
    while sum(len(each.samples) for each in made) < BATCH_S * RATE_HZ:
        made.append(
            planted(
                clips, range(FIRST_TEST_TAKE), generator, words=words, pause_s=(0.03, 0.4),
                noise=10 ** generator.uniform(-4, -2.5),
            )
        )  # fmt: skip
    longest = max(len(each.samples) for each in made)
    audio = np.zeros((len(made), longest), dtype=np.float32)
    spelled = [[VOCABULARY[letter] for letter in "|".join(each.texts)] for each in made]
    labels = np.full((len(made), max(map(len, spelled))), -100)
    for row, each in enumerate(made):
        floor = each.samples[-RATE_HZ // 4 :].std()
        audio[row] = floor * generator.standard_normal(longest)
        audio[row, : len(each.samples)] = each.samples
        audio[row] = (audio[row] - audio[row].mean()) / np.sqrt(audio[row].var() + 1e-7)
        labels[row, : len(spelled[row])] = spelled[row]
    return torch.from_numpy(audio), torch.from_numpy(labels)


def trimmed_to_energy(spans_s: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Words without the silence at their ends: frames of 10 ms, 6 dB above the floor of noise."""
    level_db = _level_db(samples)
    is_speech = level_db > np.percentile(level_db, 10) + 6.0
    found = spans_s.copy()
    for word, (start_s, end_s) in enumerate(spans_s):
        first = round(start_s * 100)
        speech = first + np.flatnonzero(is_speech[first : round(end_s * 100)])
        if len(speech):
            found[word] = max(start_s, speech[0] / 100), min(end_s, (speech[-1] + 1) / 100)
    return found


def alignment_figures(model: Path, folder: Path, clips: Clips) -> dict[str, float]:
    """Errors of both edges of all words, before and after trimming; seconds."""
    plugin = ALIGNERS.get("ctc")
    aligner = plugin(plugin.Options(model=str(model)))
    generator = np.random.default_rng(1)
    raw, trimmed, recovered, audio_s, seconds = [], [], [], 0.0, 0.0
    for number in range(RECORDINGS):
        truth = planted(clips, range(FIRST_TEST_TAKE, TAKES), generator, words=WORDS)
        path = folder / f"r{number}.wav"
        soundfile.write(path, truth.samples, RATE_HZ, subtype="PCM_16")
        name = f"r{number}"
        started = time.perf_counter()
        transcript = aligner.align(
            Transcript(recording_id=name, words=tuple(Word(text=text) for text in truth.texts)),
            Recording(recording_id=name, participant_id=name, audio_path=path),
        )
        seconds += time.perf_counter() - started
        audio_s += len(truth.samples) / RATE_HZ
        spans_s = np.array([(word.start_s, word.end_s) for word in transcript.words], dtype=float)
        cut_s = trimmed_to_energy(spans_s, truth.samples)
        raw.append(np.abs(spans_s - truth.spans_s))
        trimmed.append(np.abs(cut_s - truth.spans_s))
        is_long = truth.spans_s[1:, 0] - truth.spans_s[:-1, 1] >= LONG_PAUSE_S
        worst = np.maximum(trimmed[-1][1:, 0], trimmed[-1][:-1, 1])
        recovered += list(worst[is_long] <= RECOVERED_S)
    raw_s, trimmed_s = np.concatenate(raw), np.concatenate(trimmed)
    return {
        "words": float(RECORDINGS * WORDS),
        "median error, as aligned (s)": float(np.median(raw_s)),
        "90 % of errors within, as aligned (s)": float(np.percentile(raw_s, 90)),
        "median error, trimmed (s)": float(np.median(trimmed_s)),
        "90 % of errors within, trimmed (s)": float(np.percentile(trimmed_s, 90)),
        "largest error, trimmed (s)": float(trimmed_s.max()),
        f"pauses of {LONG_PAUSE_S} s and more": float(len(recovered)),
        f"of these, both ends within {RECOVERED_S} s": float(np.mean(recovered)),
        "times real time": audio_s / seconds,
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


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--model", type=Path, help="kept here; trained only if it is not there")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    speech = real_speech_folder()
    if speech is None:
        sys.exit("no real speech: set COGSPEECH_REAL_SPEECH to a folder with spoken-digits/")
    transformers.utils.logging.disable_progress_bar()
    clips, figures = speech_clips(speech), search_figures()
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or Path(folder) / "model"
        if not (model / "config.json").is_file():
            model.mkdir(parents=True, exist_ok=True)
            started = time.perf_counter()
            figures["loss of the last tenth of the training"] = train_model(
                model, clips, steps=options.steps
            )
            figures["training (s)"] = time.perf_counter() - started
        figures |= alignment_figures(model, Path(folder), clips)
    sys.stdout.write("| figure | found |\n|---|---|\n")
    for name, value in figures.items():
        sys.stdout.write(f"| {name} | {value:.3g} |\n")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
