"""Whole cases without audio: for tests of evaluation, training and explanation."""

from pathlib import Path

from cogspeech.types import Case, Recording, Transcript, Word
from conftest import make_embedded


def make_case(number, label, *, words=8, embedded=None, texts=None, participant=None):
    name = f"r{number:03d}"
    return Case(
        recording=Recording(
            recording_id=name,
            participant_id=participant or f"p{number:03d}",
            audio_path=Path("nowhere.wav"),
            label=label,
            mmse=20.0,
            metadata={"group": label},
        ),
        transcript=Transcript(
            recording_id=name,
            words=tuple(
                Word(text=text, start_s=0.5 * index, end_s=0.5 * index + 0.3)
                for index, text in enumerate(texts or ["word"] * words)
            ),
        ),
        embedded=embedded or make_embedded(name, words=words, seed=number),
    )
