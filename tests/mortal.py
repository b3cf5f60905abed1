"""A transcript source that some recordings kill; other processes can import it."""

import os
import signal
import time
from pathlib import Path

from cogspeech.errors import ConfigError, TranscriptError
from cogspeech.settings import Settings
from cogspeech.transcripts.base import TranscriptSource
from cogspeech.types import Transcript, Word


class MortalSource(TranscriptSource):
    """Dies of "kills", dies once of "trips", hears nothing in "silent", has no model for "bare"."""

    class Options(Settings):
        diary: str

    def __init__(self, options, section):
        self._diary = Path(options.diary)
        self._unsendable = (each for each in ())

    def fingerprint(self):
        return {"name": "mortal"}

    def transcript_of(self, recording):
        name = recording.recording_id
        before = self._diary.read_text().split() if self._diary.exists() else []
        with self._diary.open("a") as stream:
            stream.write(f"{name}:{os.getpid()}\n")
        if name == "kills" or (name == "trips" and not any(n.startswith(name) for n in before)):
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "silent":
            raise TranscriptError("nothing is heard")
        if name == "bare":
            raise ConfigError("transcripts.source: the model cannot be loaded")
        if name == "slow":
            time.sleep(600)
        return Transcript(
            recording_id=name, words=(Word(text=name, start_s=0.1, end_s=0.2),), source="mortal"
        )
