"""What a decoder of audio files is."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cogspeech.errors import AudioError

BLOCK_SAMPLES = 1 << 18
"""Decoded at a time, over all channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInfo:
    """What the header of an audio file says."""

    sample_rate_hz: int
    num_channels: int
    duration_s: float
    codec: str
    """Container and coding, such as "WAV PCM"."""
    bits_per_sample: int | None
    """``None`` where the coding has no fixed number."""


class Decoder(ABC):
    """One open way to read one file.

    Args:
        path: a regular file that is not empty.
    """

    @abstractmethod
    def __init__(self, path: Path) -> None: ...

    @property
    @abstractmethod
    def identity(self) -> str:
        """Name and version of the library that decodes."""

    @abstractmethod
    def info(self) -> AudioInfo:
        """The header.

        Raises:
            AudioError: no audio, or a file that is known to break off.
        """

    @abstractmethod
    def blocks(self) -> Iterator[Float[np.ndarray, "frame channel"]]:
        """All samples, a limited number at a time.

        Raises:
            AudioError: the file breaks off.
        """


def breaks_off(path: Path, at_s: float, of_s: float | None = None) -> AudioError:
    """The error for a file that ends before its recording does."""
    whole = f" of {of_s:.2f} s" if of_s is not None else ""
    return AudioError(
        f"audio file '{path}' breaks off at {at_s:.2f} s{whole}; copy it again from its source"
    )
