"""How a word that no dictionary knows is spoken: espeak-ng's American English, as ARPABET.

espeak-ng gives the sounds as IPA; `ARPABET` says which phones of the CMU dictionary stand for them.
The table is read longest entry first. Stress and length carry no meaning there and are dropped.
"""

import ctypes
import functools
import importlib.util
import re
import threading
from typing import Any

from cogspeech.errors import TranscriptError, require

ARPABET = {
    # vowels
    "aɪɚ": "AY ER", "aɪə": "AY AH", "aʊɚ": "AW ER", "aɪ": "AY", "aʊ": "AW", "eɪ": "EY",
    "oʊ": "OW", "ɔɪ": "OY", "iə": "IY AH", "i": "IY", "ɪ": "IH", "ᵻ": "IH", "e": "EH", "ɛ": "EH",
    "æ": "AE", "a": "AA", "ɑ": "AA", "ɒ": "AA", "ɔ": "AO", "o": "AO", "ʌ": "AH", "ə": "AH",
    "ɐ": "AH", "ɜ": "ER", "ɚ": "ER", "ɝ": "ER", "ʊ": "UH", "u": "UW", "y": "UW",
    # consonants that are syllables
    "n̩": "AH N", "l̩": "AH L", "m̩": "AH M",
    # consonants
    "tʃ": "CH", "dʒ": "JH", "b": "B", "d": "D", "f": "F", "ɡ": "G", "g": "G", "h": "HH",
    "j": "Y", "k": "K", "l": "L", "ɫ": "L", "m": "M", "n": "N", "ɲ": "N Y", "ŋ": "NG", "p": "P",
    "ɹ": "R", "r": "R", "s": "S", "ʃ": "SH", "t": "T", "ɾ": "T", "ʔ": "T", "θ": "TH", "ð": "DH",
    "v": "V", "w": "W", "z": "Z", "ʒ": "ZH", "x": "K", "ç": "HH",
}  # fmt: skip
"""A tap is T as in the CMU dictionary's "water"."""
MAX_LETTERS = 40
MAX_PHONES = 60

_DROPPED = re.compile(r"\([a-z-]+\)|[ˈˌːˑ‿ʲ̃ \n_|-]")
"""Stress, length, borders, and espeak-ng's marks of another language, such as "(fr)"."""
_SOUND = re.compile("|".join(sorted(ARPABET, key=len, reverse=True)))
_CHARS_UTF8, _IPA = 1, 2
_AUDIO_OUTPUT_SYNCHRONOUS, _DONT_EXIT_ON_ERROR = 2, 0x8000
_VOICE = b"en-us"


def can_pronounce() -> bool:
    """Whether espeak-ng is installed."""
    return importlib.util.find_spec("espeakng_loader") is not None


def pronounce(word: str) -> str | None:
    """The phones of a word or a number, separated by spaces; ``None`` where there are none.

    Raises:
        MissingExtra: espeakng_loader is not installed.
        TranscriptError: espeak-ng cannot start.
    """
    if not 0 < len(word) <= MAX_LETTERS:
        return None
    return arpabet(_engine().ipa(word))


def arpabet(ipa: str) -> str | None:
    """ARPABET for espeak-ng's IPA; ``None`` for no or too many sounds, or one without an entry."""
    sounds = _DROPPED.sub("", ipa)
    phones = " ".join(ARPABET[sound] for sound in _SOUND.findall(sounds))
    is_known = not _SOUND.sub("", sounds)
    return phones if phones and is_known and len(phones.split()) <= MAX_PHONES else None


@functools.cache
def _engine() -> "_Engine":
    return _Engine()


class _Engine:
    """The library, started once per process; it has global state, so one word at a time.

    Raises:
        TranscriptError: the library or its data cannot be loaded.
    """

    def __init__(self) -> None:
        loader = require("espeakng_loader", extra="demo")
        self._lock = threading.Lock()
        try:
            self._library: Any = ctypes.CDLL(loader.get_library_path())
        except OSError as error:
            raise TranscriptError(
                f"espeak-ng cannot be loaded ({error}); reinstall espeakng-loader"
            ) from error
        data = ctypes.c_char_p(str(loader.get_data_path()).encode())
        options = _DONT_EXIT_ON_ERROR
        if self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data, options) <= 0:
            raise TranscriptError("espeak-ng does not find its data; reinstall espeakng-loader")
        self._library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._library.espeak_TextToPhonemes.argtypes = [
            ctypes.POINTER(ctypes.c_char_p),
            ctypes.c_int,
            ctypes.c_int,
        ]

    def ipa(self, word: str) -> str:
        """The sounds of a word."""
        with self._lock:
            if self._library.espeak_SetVoiceByName(_VOICE) != 0:
                raise TranscriptError("espeak-ng lacks its voice en-us; reinstall espeakng-loader")
            rest, clauses = ctypes.c_char_p(word.encode()), []
            while rest.value:
                said = self._library.espeak_TextToPhonemes(ctypes.byref(rest), _CHARS_UTF8, _IPA)
                clauses.append(said.decode())
            return " ".join(clauses)
