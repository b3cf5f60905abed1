"""A text encoder that notes what happens to it and cannot bear certain words."""

import os
import signal
from pathlib import Path

import numpy as np

from cogspeech.embeddings.base import EncoderOptions, TextEncoder, TokenEmbeddings
from cogspeech.errors import EncoderError

RATE_HZ = 16_000


def noise(seconds, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))


class TouchyEncoder(TextEncoder):
    """Dies of the word "kills", fails at "raises", cannot be loaded for "unloadable"."""

    class Options(EncoderOptions):
        diary: str

    def __init__(self, options):
        super().__init__(options)
        self._is_loaded = False

    @property
    def dimension(self):
        return 4

    def fingerprint(self):
        return {"name": "touchy"}

    def encode(self, words):
        if not self._is_loaded:
            self._note(f"load {os.getpid()}")
            self._is_loaded = True
        self._note(f"encode {words[-1]}")
        if "kills" in words:
            os.kill(os.getpid(), signal.SIGKILL)
        if "raises" in words:
            raise RuntimeError("cannot bear it")
        if "unloadable" in words:
            raise EncoderError("encoder 'touchy': its weights cannot be loaded")
        vectors = np.array([[len(word), 1, 2, 3] for word in words], dtype=np.float32)
        return TokenEmbeddings(vectors=vectors, word_index=np.arange(len(words), dtype=np.int64))

    def _note(self, line):
        with Path(self.options.diary).open("a") as stream:
            stream.write(f"{line}\n")
