"""What an encoder is. Sizes, rates and frame geometry come from the encoder, never from us."""

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field

from cogspeech.config import parse_options
from cogspeech.embeddings.spans import FrameGeometry
from cogspeech.errors import ConfigError
from cogspeech.learning_sections import FinetuneSection
from cogspeech.registry import Registry
from cogspeech.settings import Component, Settings
from cogspeech.types import LayerStates

if TYPE_CHECKING:
    from cogspeech.embeddings.trained_layers import TrainedLayers


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEmbeddings:
    """The tokens of a transcript; each knows the position of its word."""

    vectors: Float[np.ndarray, "token d_text"]
    word_index: Int[np.ndarray, " token"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Mean and variance of the samples of a recording."""

    mean: float
    variance: float


class EncoderOptions(Settings):
    """The options that every encoder has."""

    storage: Literal["float32", "float16"] = "float32"
    """How vectors are kept in the cache."""


class AudioOptions(EncoderOptions):
    """The options that every audio encoder has."""

    pooling: Literal["in_context", "isolated_words"] = "in_context"
    """``isolated_words``: every word and pause is cut out and encoded alone, for ablations."""
    window_s: Annotated[float, Field(ge=1, le=120)] = 30.0
    """Of one encoder call, without its context."""
    context_s: Annotated[float, Field(ge=0, le=30)] = 1.0
    """Heard on both sides of a window, and thrown away."""


class Trainable:
    """What an encoder adds to its contract if its last layers can be trained with a fusion."""

    num_trained: int = 0
    """How many of its last layers are trained; 0: it is only ever asked for its vectors."""

    def train_last(self, count: int) -> None:
        """From now on the last layers are trained.

        Raises:
            ConfigError: it has no such layers, or its options do not allow it.
        """
        raise ConfigError(
            f"this encoder has no layers that can be trained; found {count}; use the encoder "
            "'huggingface', or remove the key"
        )

    @property
    def files(self) -> dict[str, str]:
        """The sha256 of each file of its checkpoint."""
        raise NotImplementedError

    def trained_layers(self) -> "TrainedLayers":
        """A fresh copy of the layers that are trained, with the weights of the checkpoint.

        Raises:
            EncoderError: the weights cannot be loaded.
        """
        raise NotImplementedError


class AudioEncoder(Trainable, ABC):
    """Audio to frames. Made with its own options; loads weights on the first `encode`.

    Until then it can be pickled, so that another process can load them.
    """

    Options: ClassVar[type[AudioOptions]]
    subtracts_mean: ClassVar[bool] = False
    """True: event vectors are relative to the mean frame of the recording."""
    num_layers: int = 1
    """Layers that lie one after the other in a frame vector."""

    @abstractmethod
    def __init__(self, options: Any) -> None:
        self.options: AudioOptions = options

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Size of a frame vector, d_audio, all layers together."""

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

    @property
    def batch_s(self) -> float:
        """Seconds of audio that are worth one `encode` call."""
        return 60.0

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """What frames depend on beyond `AudioOptions`, json-able; does not load weights."""

    @abstractmethod
    def prepare(
        self, samples: Float[np.ndarray, " sample"], level: Level
    ) -> Float[np.ndarray, " sample"]:
        """The normalisation the encoder asks for, by the level of the whole recording."""

    @abstractmethod
    def encode(
        self, windows: Float[np.ndarray, "window sample"]
    ) -> Float[np.ndarray, "window frame d_audio"]:
        """Frames of windows of equal length; a window gives the same frames in any batch."""

    def states(
        self, windows: Float[np.ndarray, "window sample"]
    ) -> Float[np.ndarray, "window position d"]:
        """What enters the layers that are trained; the first positions are the frames.

        Raises:
            EncoderError: the model does not compute as this program expects.
        """
        raise NotImplementedError


class TextEncoder(Trainable, ABC):
    """Words to tokens. Made with its own options; loads weights on the first `encode`.

    Until then it can be pickled, so that another process can load them.
    """

    Options: ClassVar[type[EncoderOptions]]
    num_layers: int = 1
    """Layers that lie one after the other in a token vector."""

    @abstractmethod
    def __init__(self, options: Any) -> None:
        self.options: EncoderOptions = options

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Size of a token vector, d_text, all layers together."""

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """What tokens depend on beyond `EncoderOptions`, json-able; does not load weights."""

    @abstractmethod
    def encode(self, words: tuple[str, ...]) -> TokenEmbeddings:
        """The tokens of all words, none left out.

        Raises:
            TranscriptError: there is no token in the words.
        """

    def states(self, words: tuple[str, ...]) -> LayerStates:
        """What enters the layers that are trained, of all words.

        Raises:
            TranscriptError: there is no token in the words.
            EncoderError: the model does not compute as this program expects.
        """
        raise NotImplementedError


AUDIO_ENCODERS: Registry[type[AudioEncoder]] = Registry("audio encoder", "cogspeech.embeddings")
TEXT_ENCODERS: Registry[type[TextEncoder]] = Registry("text encoder", "cogspeech.embeddings")


def build_encoders(
    audio: Component, text: Component, finetune: FinetuneSection | None = None
) -> tuple[AudioEncoder, TextEncoder]:
    """Both encoders of a study or a bundle; weights are loaded when first needed.

    Args:
        audio: the audio encoder and its options.
        text: the text encoder and its options.
        finetune: which of their layers are trained.

    Raises:
        ConfigError: an option does not exist or does not fit.
        EncoderError: a checkpoint cannot be found or read.
    """
    audio_plugin, text_plugin = AUDIO_ENCODERS.get(audio.name), TEXT_ENCODERS.get(text.name)
    built = (
        audio_plugin(parse_options(audio_plugin.Options, audio.options, where="audio_encoder")),
        text_plugin(parse_options(text_plugin.Options, text.options, where="text_encoder")),
    )
    for side, encoder in zip(("audio", "text"), built, strict=True):
        count = getattr(finetune, f"{side}_layers") if finetune else 0
        if count:
            try:
                encoder.train_last(count)
            except ConfigError as error:
                raise ConfigError(f"finetune.{side}_layers: {error}") from error
    return built


def fingerprints(encoders: tuple[AudioEncoder, TextEncoder]) -> dict[str, dict[str, Any]]:
    """By stream, what the vectors of some encoders depend on, as json has it."""
    audio, text = encoders
    found = {"audio": audio.fingerprint(), "text": text.fingerprint()}
    plain: dict[str, dict[str, Any]] = json.loads(json.dumps(found))
    return plain
