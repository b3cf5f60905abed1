"""espeak-ng, called as a library: one word and one voice in, samples out.

Only voices whose sound depends on nothing said before are used. espeak-ng's flutter and echo run on
from word to word, and its breath is random; the variants below have none of the three. What they
lack in variety comes back by resampling, which acts like a longer or shorter vocal tract.
"""

import ctypes
import functools
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr
from jaxtyping import Float

from cogspeech.errors import CorpusError, require

SAMPLE_RATE_HZ = 16_000
ACCENTS = ("en-us", "en-us-nyc", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029")
VARIANTS = ("adam", "benjamin", "david", "Denis", "Diogo", "Henrique", "michel", "miguel", "shelby")

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_DONT_EXIT_ON_ERROR = 0x8000
_CHARS_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_SILENCE = 0.012
"""Share of a word's peak below which its two ends count as silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How a speaker sounds.

    Args:
        accent: one of `ACCENTS`.
        variant: one of `VARIANTS`.
        tract_scale: factor on all formants, as of a shorter vocal tract.
        pitch: 0 to 99, espeak-ng's scale.
        pitch_range: 0 to 99, espeak-ng's scale.
    """

    accent: str
    variant: str
    tract_scale: float
    pitch: int
    pitch_range: int


def say(word: str, voice: Voice, *, rate_wpm: float) -> Float[np.ndarray, " sample"]:
    """One word without the silence around it, at `SAMPLE_RATE_HZ`, peak at most 1.

    Raises:
        CorpusError: espeak-ng cannot start, lacks the voice, or gives no sound.
        MissingExtra: espeakng_loader is not installed.
    """
    engine = _engine()
    samples = engine.say(word, voice, rate_wpm=round(rate_wpm / voice.tract_scale))
    loud = np.flatnonzero(np.abs(samples) > _SILENCE * np.abs(samples).max(initial=0.0))
    if not len(loud):
        raise CorpusError(
            f"espeak-ng gave no sound for a word in voice {voice.accent}+{voice.variant}; "
            "install another version of espeakng-loader"
        )
    spoken = samples[loud[0] : loud[-1] + 1]
    resampled = soxr.resample(
        spoken, engine.sample_rate_hz * voice.tract_scale, SAMPLE_RATE_HZ, quality="MQ"
    )
    return np.asarray(np.clip(resampled, -1.0, 1.0), dtype=np.float32)


@functools.cache
def _engine() -> "_Engine":
    return _Engine()


class _Engine:
    """The library, started once per process; it has global state, so one word at a time.

    Raises:
        CorpusError: the library or its data cannot be loaded.
    """

    def __init__(self) -> None:
        loader = require("espeakng_loader", extra="demo")
        self._lock = threading.Lock()
        self._pieces: list[Float[np.ndarray, " sample"]] = []
        try:
            self._library = ctypes.CDLL(loader.get_library_path())
        except OSError as error:
            raise CorpusError(
                f"espeak-ng cannot be loaded ({error}); reinstall espeakng-loader"
            ) from error
        data = str(loader.get_data_path()).encode()
        self.sample_rate_hz: int = self._library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, 0, ctypes.c_char_p(data), _DONT_EXIT_ON_ERROR
        )
        if self.sample_rate_hz <= 0:
            raise CorpusError("espeak-ng does not find its data; reinstall espeakng-loader")
        self._declare()

    def _declare(self) -> None:
        """Argument types, and the callback, which must live as long as the library."""
        pointer = ctypes.POINTER(ctypes.c_short)
        callback = ctypes.CFUNCTYPE(ctypes.c_int, pointer, ctypes.c_int, ctypes.c_void_p)

        def keep(wave: Any, count: int, _events: Any) -> int:
            if wave and count > 0:
                piece = np.ctypeslib.as_array(wave, shape=(count,))
                self._pieces.append(piece.astype(np.float32) / 32768.0)
            return 0

        self._callback = callback(keep)
        self._library.espeak_SetSynthCallback(self._callback)
        self._library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        self._library.espeak_SetParameter.argtypes = [ctypes.c_int] * 3
        self._library.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]

    def say(self, word: str, voice: Voice, *, rate_wpm: int) -> Float[np.ndarray, " sample"]:
        """A word with the silence around it, at ``sample_rate_hz``."""
        with self._lock:
            self._pieces.clear()
            name = f"{voice.accent}+{voice.variant}"
            self._check(self._library.espeak_SetVoiceByName(name.encode()), name)
            settings = ((_RATE, rate_wpm), (_PITCH, voice.pitch), (_RANGE, voice.pitch_range))
            for parameter, value in settings:
                self._check(self._library.espeak_SetParameter(parameter, value, 0), name)
            text = word.encode() + b"\0"
            self._check(
                self._library.espeak_Synth(text, len(text), 0, 1, 0, _CHARS_UTF8, None, None), name
            )
            self._check(self._library.espeak_Synchronize(), name)
            return np.concatenate(self._pieces or [np.zeros(0, dtype=np.float32)])

    def _check(self, code: int, voice_name: str) -> None:
        if code != 0:
            raise CorpusError(
                f"espeak-ng failed with code {code} in voice {voice_name}; "
                "install another version of espeakng-loader"
            )
