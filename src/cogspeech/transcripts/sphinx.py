"""pocketsphinx held to a known text: which word is where in a stretch of audio.

`Lexicon` turns words into names that the decoder's dictionary knows, `Listener` looks for a row of
such names in a span of one recording. Long silences are cut out of the span before the decoder
hears it, and the times are mapped back.
"""

import importlib.metadata
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from cogspeech.errors import require
from cogspeech.transcripts.pronunciation import can_pronounce, pronounce
from cogspeech.transcripts.reading import UNINTELLIGIBLE
from cogspeech.transcripts.speech_energy import (
    FRAME_S,
    MIN_WORD_S,
    SAMPLE_RATE_HZ,
    Excerpt,
    SpeechEnergy,
    excerpt,
)
from cogspeech.types import Phone

BEAMS = ((1e-48, 7e-29), (1e-120, 1e-72))
"""Of states and of words: the library's own, and wider ones where these find no path."""
UNLIKELY = 3.8
"""Nats per frame by which a text falls short of the best sound of each frame. Measured on read
speech and digits: 1.2 to 2.1 for the right text in quiet, up to 3.9 with noise at 10 dB; 3.8 to 7.1
for another text."""
SOUNDS = {"mmhm": "AH M HH AH M", "mmhmm": "AH M HH AH M", "uhhuh": "AH HH AH", "uhuh": "AH AH"}
"""Which the dictionary lacks, and espeak-ng would spell."""

_SCORE_SCALE = 1024.0
"""pocketsphinx shifts its scores by 10 bits before it gives them away as probabilities."""
_JUMP = 1e-20
_NO_WORD = "<[("
"""What the names of silences and noises begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One name in the audio."""

    start_s: float
    end_s: float
    shortfall: float
    """Nats below the best sound of each frame, summed over ``frames``."""
    frames: int
    phones: tuple[Phone, ...]


def is_likely(heard: Sequence[Heard]) -> bool:
    """Whether the words were said; a few words may fall short by more than many."""
    frames = sum(word.frames for word in heard)
    limit = UNLIKELY * (1.0 + 0.7 / max(len(heard), 1))
    return bool(heard) and sum(word.shortfall for word in heard) <= limit * frames


def versions() -> dict[str, str | None]:
    """Of pocketsphinx, and of espeak-ng where it is installed."""
    return {
        "pocketsphinx": importlib.metadata.version("pocketsphinx"),
        "espeakng_loader": (
            importlib.metadata.version("espeakng-loader") if can_pronounce() else None
        ),
    }


def start_decoder() -> Any:
    """A decoder that knows the sounds of English and some 130,000 words.

    Raises:
        MissingExtra: pocketsphinx is not installed.
    """
    sphinx = require("pocketsphinx", extra="align")
    return sphinx.Decoder(samprate=SAMPLE_RATE_HZ, lm=None, bestpath=False, loglevel="FATAL")


class Lexicon:
    """What the decoder calls the words of a transcript.

    Args:
        decoder: is taught the words that its dictionary lacks.
    """

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self._taught: dict[str, str | None] = {}

    def names(self, text: str) -> tuple[str, ...]:
        """The dictionary's names for the parts of a word; none where it cannot be pronounced."""
        plain = unicodedata.normalize("NFKD", text.casefold()).replace("\u2019", "'")
        plain = "".join(c for c in plain if not unicodedata.combining(c))
        if plain == UNINTELLIGIBLE:
            return ()
        whole = self._name(plain.strip("-'\".,;:!?()[]"), may_guess=False)
        if whole:
            return (whole,)
        pieces = [piece.strip("'") for piece in re.findall(r"[a-z0-9']+", plain)]
        names = [self._name(piece, may_guess=True) for piece in pieces if piece]
        return tuple(name for name in names if name) if all(names) else ()

    def is_guessed(self, name: str) -> bool:
        """Whether nobody wrote down how a name is pronounced."""
        return name in self._taught and name not in SOUNDS

    def _name(self, piece: str, *, may_guess: bool) -> str | None:
        """What the decoder calls a word, after it has been taught the word where needed."""
        if not re.fullmatch(r"[a-z0-9'-]+", piece):
            return None
        if piece in self._taught:
            return self._taught[piece] if may_guess else None
        if self._decoder.lookup_word(piece) is not None:
            return piece
        if not may_guess:
            return None
        phones = SOUNDS.get(piece) or (pronounce(piece) if can_pronounce() else None)
        self._taught[piece] = piece if phones else None
        if phones:
            self._decoder.add_word(piece, phones, True)
        return self._taught[piece]


class Listener:
    """A recording and the decoder that listens to it."""

    def __init__(
        self, decoder: Any, samples: Float[np.ndarray, " sample"], speech: SpeechEnergy
    ) -> None:
        self._decoder = decoder
        self._samples = samples
        self.speech = speech

    def hear(
        self,
        names: Sequence[str],
        start_s: float,
        end_s: float,
        *,
        latest_first: int = 0,
        may_stop: bool = False,
    ) -> tuple[int, list[Heard]] | None:
        """The words in a span of audio, in this order, with silence between any two.

        Args:
            names: the dictionary's.
            start_s: of the span.
            end_s: of the span.
            latest_first: the words before it may be missing, at a cost.
            may_stop: the span may end before the last word. In both cases there are no phones.

        Returns:
            The position of the first word, and the words from there; ``None``: not this text.
        """
        piece = excerpt(self._samples, self.speech, start_s, end_s)
        if not names or len(piece.samples) < MIN_WORD_S * SAMPLE_RATE_HZ:
            return None
        pcm = piece.pcm16()
        for beam, word_beam in BEAMS:
            segments = self._decode(names, pcm, (beam, word_beam), latest_first, may_stop)
            if segments:
                break
        else:
            return None
        said = [segment.name for segment in segments]
        firsts = [i for i in range(latest_first + 1) if list(names[i : i + len(said)]) == said]
        if len(firsts) != 1:  # words that repeat themselves: which were passed over is unknown
            return None
        heard = [_heard(segment, piece, ()) for segment in segments]
        if not latest_first and not may_stop and is_likely(heard):
            phones = self._phones(pcm)
            if len(phones) == len(segments):
                pairs = zip(segments, phones, strict=True)
                heard = [_heard(segment, piece, sounds) for segment, sounds in pairs]
        return firsts[0], heard

    def _decode(
        self,
        names: Sequence[str],
        pcm: bytes,
        beams: tuple[float, float],
        latest_first: int,
        may_stop: bool,
    ) -> list["_Segment"]:
        """The words that were heard; empty where there is no path.

        What the front end remembers of earlier audio is dropped first: without that, the times
        would depend on which recording came before.
        """
        decoder, count = self._decoder, len(names)
        decoder.reinit_feat()
        decoder.config["beam"] = decoder.config["pbeam"] = beams[0]
        decoder.config["wbeam"] = beams[1]
        arcs: list[tuple[Any, ...]] = [(i, i + 1, 1.0, name) for i, name in enumerate(names)]
        # Arcs without a word only where they are needed: no phones can be found on a path over one.
        start, end = 0, count
        if latest_first:
            start = count + 1
            arcs += [(start, i, _JUMP if i else 1.0) for i in range(latest_first + 1)]
        if may_stop:
            end = count + 2
            arcs += [(i, end, 1.0) for i in range(1, count + 1)]
        decoder.add_fsg("text", decoder.create_fsg("text", start, end, arcs))
        decoder.activate_search("text")
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        if decoder.hyp() is None:
            return []
        return [
            _Segment(
                segment.word.partition("(")[0],  # "and(2)": another way to say it
                segment.start_frame,
                segment.end_frame + 1,
                -_SCORE_SCALE * math.log(max(segment.ascore, 1e-300)),
            )
            for segment in decoder.seg()
            if segment.word[0] not in _NO_WORD
        ]

    def _phones(self, pcm: bytes) -> list[list["_Segment"]]:
        """The phones of each word that `_decode` has just heard in the same audio, if any.

        The alignment's items are read while they are visited: the library reuses them.
        """
        decoder = self._decoder
        try:
            decoder.set_alignment()
            decoder.reinit_feat()
            decoder.start_utt()
            decoder.process_raw(pcm, full_utt=True)
            decoder.end_utt()
        except RuntimeError:  # a word too short for its phones
            return []
        return [
            [_Segment(phone.name, phone.start, phone.start + phone.duration) for phone in word]
            for word in decoder.get_alignment()
            if word.name[0] not in _NO_WORD
        ]


class _Segment(NamedTuple):
    """Frames of an excerpt, half-open."""

    name: str
    begin: int
    end: int
    shortfall: float = 0.0


def _heard(segment: _Segment, piece: Excerpt, phones: Sequence[_Segment]) -> Heard:
    return Heard(
        start_s=piece.recording_s(segment.begin * FRAME_S),
        end_s=piece.recording_s(segment.end * FRAME_S, is_end=True),
        shortfall=segment.shortfall,
        frames=segment.end - segment.begin,
        phones=tuple(
            Phone(
                label=phone.name,
                start_s=piece.recording_s(phone.begin * FRAME_S),
                end_s=piece.recording_s(phone.end * FRAME_S, is_end=True),
            )
            for phone in phones
        ),
    )
