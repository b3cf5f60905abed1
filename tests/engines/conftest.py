"""A worker that keeps a diary, and recordings that it cannot bear."""

import pytest
import soundfile

from cogspeech.cache import ContentCache
from cogspeech.embeddings.acoustic import AcousticEncoder
from cogspeech.embeddings.entries import jobs_of
from cogspeech.types import Recording, Transcript, Word
from touchy import RATE_HZ, TouchyEncoder, noise


@pytest.fixture
def make_jobs(tmp_path):
    """Jobs by name: "fine", "kills", "raises", "broken"; a number behind tells them apart."""

    def make(*names):
        recordings, transcripts = [], []
        for number, name in enumerate(names):
            path = tmp_path / f"{name}.wav"
            if not path.exists():
                soundfile.write(path, noise(1.0 + 0.1 * number, number), RATE_HZ)
                if name.startswith("broken"):
                    path.write_bytes(path.read_bytes()[:9000])
            recordings.append(
                Recording(
                    recording_id=name,
                    participant_id=f"person of {name}",
                    audio_path=path,
                    where=f"recordings.csv:{number + 2}",
                )
            )
            spoken = tuple(
                Word(text=text, start_s=0.1 + 0.3 * i, end_s=0.3 + 0.3 * i)
                for i, text in enumerate(("one", name.rstrip("0123456789")))
            )
            transcripts.append(Transcript(recording_id=name, words=spoken))
        return jobs_of(recordings, transcripts, min_pause_s=0.15)

    return make


@pytest.fixture
def encoders(tmp_path):
    """With a diary in ``tmp_path``."""
    return (
        AcousticEncoder(AcousticEncoder.Options(mel_bands=8)),
        TouchyEncoder(TouchyEncoder.Options(diary=str(tmp_path / "diary"))),
    )


@pytest.fixture
def cache(tmp_path):
    return ContentCache(tmp_path / "cache")


@pytest.fixture
def diary(tmp_path):
    """Lines of a kind that the workers wrote."""

    def lines(kind):
        path = tmp_path / "diary"
        found = path.read_text().splitlines() if path.exists() else []
        return [line for line in found if line.startswith(kind)]

    return lines
