"""How many words does the ``pocketsphinx`` source get right? Prints a table.

It hears the read sentences of LibriVox, whose true texts are known. Errors are counted by jiwer
over all clips together; the interval is that of 2,000 bootstrap samples of whole clips, of which
there are five, so it is wide and still too narrow.

    python benchmarks/word_error_rate.py [--json PATH]
"""

import argparse
import json
import sys
import time
from pathlib import Path

import jiwer
import numpy as np

from cogspeech.config import TranscriptsSection
from cogspeech.corpora.audio import probe_audio
from cogspeech.settings import Component
from cogspeech.transcripts.transcribe import build_source
from cogspeech.types import Recording, Transcript
from digit_corpora import real_speech_folder

DRAWS = 2_000


def librivox_clips(speech: Path) -> list[tuple[Recording, str]]:
    """Every clip and what is said in it."""
    folder, clips = speech / "librivox", []
    for line in (folder / "transcription").read_text().splitlines():
        text, _, name = line.removeprefix("<s> ").partition(" </s> ")
        name = name.strip("()")
        path = folder / f"{name}.wav"
        clips.append(
            (Recording(recording_id=name, participant_id=name, audio_path=path, where=name), text)
        )
    return clips


def spoken_text(transcript: Transcript) -> str:
    """The words of a transcript as one text."""
    return " ".join(word.text for word in transcript.words)


def error_figures(clips: list[tuple[Recording, str]]) -> dict[str, float]:
    """Errors, their interval, and how long it took; loading the model is not counted."""
    source = build_source(Component(name="pocketsphinx"), TranscriptsSection())
    source.transcript_of(clips[0][0])
    errors, words, right, wrong = [], [], [], []
    started = time.perf_counter()
    heard = [source.transcript_of(recording) for recording, _ in clips]
    seconds = time.perf_counter() - started
    for (_, text), transcript in zip(clips, heard, strict=True):
        found = jiwer.process_words(text, spoken_text(transcript))
        errors.append(found.substitutions + found.deletions + found.insertions)
        words.append(len(text.split()))
        confidence = np.array([word.confidence for word in transcript.words])
        for chunk in found.alignments[0]:
            kept = right if chunk.type == "equal" else wrong
            kept.extend(confidence[chunk.hyp_start_idx : chunk.hyp_end_idx])
    drawn = np.random.default_rng(0).integers(len(clips), size=(DRAWS, len(clips)))
    rates = np.array(errors)[drawn].sum(axis=1) / np.array(words)[drawn].sum(axis=1)
    low, high = np.percentile(rates, [2.5, 97.5])
    audio_s = sum(probe_audio(recording.audio_path).duration_s for recording, _ in clips)
    return {
        "clips": len(clips),
        "words": sum(words),
        "word error rate": sum(errors) / sum(words),
        "its 95 % interval, from": low,
        "to": high,
        "mean confidence of the right words": float(np.mean(right)),
        "mean confidence of the wrong words": float(np.mean(wrong)),
        "audio (s)": audio_s,
        "seconds": seconds,
        "times real time": audio_s / seconds,
    }


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    speech = real_speech_folder()
    if speech is None:
        sys.exit("no real speech: set COGSPEECH_REAL_SPEECH to a folder with librivox/")
    figures = error_figures(librivox_clips(speech))
    sys.stdout.write("| figure | found |\n|---|---|\n")
    for name, value in figures.items():
        sys.stdout.write(f"| {name} | {value:.3g} |\n")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
