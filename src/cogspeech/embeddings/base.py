"""What an encoder is. Sizes, rates and frame geometry come from the encoder, never from us."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int

from cogspeech.config import Settings
from cogspeech.embeddings.spans import FrameGeometry
from cogspeech.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEmbeddings:
    """The tokens of a transcript; each knows the position of its word."""

    vectors: Float[np.ndarray, "token d_text"]
    word_index: Int[np.ndarray, " token"]


class AudioEncoder(ABC):
    """Audio to frames. Made with its own options; loads weights on the first `encode`."""

    Options: ClassVar[type[Settings]]
    subtracts_mean: ClassVar[bool] = False
    """True: event vectors are relative to the mean frame of the recording."""

    @abstractmethod
    def __init__(self, options: Any) -> None: ...

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Size of a frame vector, d_audio."""

    @property
    @abstractmethod
    def sample_rate_hz(self) -> int:
        """The rate at which `encode` expects samples."""

    @property
    @abstractmethod
    def geometry(self) -> FrameGeometry:
        """Which samples a frame covers."""

    @property
    @abstractmethod
    def max_window_s(self) -> float:
        """The longest window, context included, that one `encode` call may hold."""

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """Everything the numbers depend on, json-able; cheap, does not load weights."""

    @abstractmethod
    def prepare(self, samples: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " sample"]:
        """The normalisation the encoder asks for, over the whole recording."""

    @abstractmethod
    def encode(
        self, windows: Float[np.ndarray, "window sample"]
    ) -> Float[np.ndarray, "window frame d_audio"]:
        """Frames of windows of equal length; a window gives the same frames in any batch."""


class TextEncoder(ABC):
    """Words to tokens. Made with its own options; loads weights on the first `encode`."""

    Options: ClassVar[type[Settings]]

    @abstractmethod
    def __init__(self, options: Any) -> None: ...

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Size of a token vector, d_text."""

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """Everything the numbers depend on, json-able; cheap, does not load weights."""

    @abstractmethod
    def encode(self, words: tuple[str, ...]) -> TokenEmbeddings:
        """The tokens of all words, none left out."""


AUDIO_ENCODERS: Registry[type[AudioEncoder]] = Registry("audio encoder", "cogspeech.embeddings")
TEXT_ENCODERS: Registry[type[TextEncoder]] = Registry("text encoder", "cogspeech.embeddings")
