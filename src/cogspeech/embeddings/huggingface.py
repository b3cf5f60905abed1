"""The ``huggingface`` encoders: any hub name or local folder, read from safetensors only."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int

from cogspeech.embeddings.base import (
    AUDIO_ENCODERS,
    TEXT_ENCODERS,
    AudioEncoder,
    AudioOptions,
    Level,
    TextEncoder,
    TokenEmbeddings,
    Trainable,
)
from cogspeech.embeddings.checkpoint_files import Checkpoint, CheckpointOptions
from cogspeech.embeddings.spans import FrameGeometry, tokens_of_words
from cogspeech.errors import EncoderError, TranscriptError
from cogspeech.types import LayerStates

if TYPE_CHECKING:
    import torch

    from cogspeech.embeddings.trained_layers import TrainedLayers

WINDOW_OVERLAP_TOKENS = 32


class _FromCheckpoint(Trainable):
    """What both encoders do the same way."""

    _checkpoint: Checkpoint

    def train_last(self, count: int) -> None:
        """From now on the last layers are trained."""
        self._checkpoint.refuse_training(count)
        self.num_trained = count

    @property
    def files(self) -> dict[str, str]:
        """The sha256 of each file of the checkpoint."""
        return self._checkpoint.digests

    def trained_layers(self) -> "TrainedLayers":
        """The last blocks of the checkpoint."""
        return self._checkpoint.trained_layers(self.num_trained)


@AUDIO_ENCODERS.register("huggingface")
class HuggingFaceAudioEncoder(_FromCheckpoint, AudioEncoder):
    """wav2vec2, HuBERT, WavLM and kin (frames from convolutions), and Whisper's encoder."""

    class Options(CheckpointOptions, AudioOptions):
        """``{name: huggingface, model: facebook/wav2vec2-base-960h, layers: last}``."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._checkpoint = Checkpoint(options)
        self.num_layers = self._checkpoint.num_layers

    @cached_property
    def _extractor(self) -> Any:
        from transformers import AutoFeatureExtractor

        return AutoFeatureExtractor.from_pretrained(self._checkpoint.folder)

    @property
    def _is_whisper(self) -> bool:
        return bool(self._checkpoint.config.model_type == "whisper")

    @property
    def dimension(self) -> int:
        """``hidden_size`` of the checkpoint, once for every layer."""
        return self._checkpoint.dimension

    @property
    def sample_rate_hz(self) -> int:
        """What the checkpoint's feature extractor expects."""
        return int(self._extractor.sampling_rate)

    @cached_property
    def geometry(self) -> FrameGeometry:
        """From the kernels and strides of the checkpoint's convolutions."""
        config = self._checkpoint.config
        if self._is_whisper:
            # Two convolutions of kernel 3 over mel frames; only the second has a stride, of 2.
            hop, window = self._extractor.hop_length, self._extractor.n_fft
            return FrameGeometry(stride=2 * hop, kernel=window + 4 * hop, centred=True)
        kernels = getattr(config, "conv_kernel", None)
        strides = getattr(config, "conv_stride", None)
        if not kernels or not strides:
            raise EncoderError(
                f"encoder '{self._checkpoint.name}': a {config.model_type} model has no "
                "convolutions that give its frames times; use a wav2vec2, HuBERT, WavLM or "
                "Whisper checkpoint"
            )
        kernel, stride = 1, 1
        for layer_kernel, layer_stride in zip(kernels, strides, strict=True):
            kernel += (layer_kernel - 1) * stride
            stride *= layer_stride
        return FrameGeometry(stride=stride, kernel=kernel)

    @property
    def max_window_s(self) -> float:
        """Whisper reads 30 s at a time; the others are kept at 60 s for the sake of memory."""
        return float(self._extractor.chunk_length) if self._is_whisper else 60.0

    def fingerprint(self) -> dict[str, Any]:
        """Digests of the checkpoint's files, layers and dtype."""
        return self._checkpoint.fingerprint()

    @property
    def batch_s(self) -> float:
        """A GPU needs more at a time to be busy; a processor gains nothing from it."""
        return 480.0 if self._checkpoint.device == "cuda" else 30.0

    def prepare(
        self, samples: Float[np.ndarray, " sample"], level: Level
    ) -> Float[np.ndarray, " sample"]:
        """Zero mean and unit variance over the recording, if the checkpoint asks for it."""
        if self._is_whisper or not getattr(self._extractor, "do_normalize", False):
            return samples
        deviation = math.sqrt(level.variance + 1e-7)
        return np.asarray((samples - level.mean) / deviation, dtype=np.float32)

    def encode(
        self, windows: Float[np.ndarray, "window sample"]
    ) -> Float[np.ndarray, "window frame d_audio"]:
        """The chosen layers of every frame.

        On a processor one window at a time: so it gets the same bits in any company.
        """
        # Whisper's extractor pads to 30 s; only the frames of the window itself are real.
        keep = self.geometry.num_frames(windows.shape[1]) if self._is_whisper else None
        features = self._features(windows)
        size = len(features) if self._checkpoint.device == "cuda" else 1
        return np.concatenate(
            [
                self._checkpoint.hidden(features[at : at + size], keep=keep)
                for at in range(0, len(features), size)
            ]
        )

    def states(
        self, windows: Float[np.ndarray, "window sample"]
    ) -> Float[np.ndarray, "window position d"]:
        """What enters the trained blocks; of Whisper, of the padded 30 s, since all of it is read.

        One window at a time, so the states are the same in any batch.
        """
        return np.concatenate(
            [
                self._checkpoint.states(self._features(window[None]), self.num_trained)
                for window in windows
            ]
        )

    def _features(self, windows: Float[np.ndarray, "window sample"]) -> "torch.Tensor":
        import torch

        if not self._is_whisper:
            return torch.from_numpy(windows)
        features: torch.Tensor = self._extractor(
            list(windows), sampling_rate=self.sample_rate_hz, return_tensors="pt"
        ).input_features
        return features


@dataclass(frozen=True, kw_only=True)
class _TextWindows:
    """A transcript as a model reads it."""

    ids: Sequence[Sequence[int]]
    """Of the tokens of each window, special ones included."""
    is_real: Sequence[Bool[np.ndarray, " _"]]
    """Per window: not a special token."""
    positions: Sequence[Int[np.ndarray, " _"]]
    """Per window: where its real tokens stand in the whole text."""
    word_index: Int[np.ndarray, " token"]

    @property
    def count(self) -> Int[np.ndarray, " token"]:
        """How many windows see each token."""
        return np.bincount(np.concatenate(self.positions), minlength=len(self.word_index))

    def each(self) -> Iterator[tuple[Sequence[int], np.ndarray, np.ndarray]]:
        """Ids, what is real, and positions, window by window."""
        return zip(self.ids, self.is_real, self.positions, strict=True)


@TEXT_ENCODERS.register("huggingface")
class HuggingFaceTextEncoder(_FromCheckpoint, TextEncoder):
    """BERT, RoBERTa, DistilBERT and kin: contextual tokens that know their word.

    A transcript longer than the model's window is read in overlapping windows; where two windows
    see one token, their vectors are averaged. Nothing is cut off.
    """

    class Options(CheckpointOptions):
        """``{name: huggingface, model: roberta-base, layers: last}``."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._checkpoint = Checkpoint(options)
        self.num_layers = self._checkpoint.num_layers

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        # RoBERTa's tokenizer reads a list of words only with this; others ignore it.
        tokenizer = AutoTokenizer.from_pretrained(self._checkpoint.folder, add_prefix_space=True)
        if not tokenizer.is_fast:
            raise EncoderError(
                f"encoder '{self._checkpoint.name}': its tokenizer cannot tell which word a token "
                "belongs to; save it as a fast tokenizer (tokenizer.json)"
            )
        return tokenizer

    @property
    def dimension(self) -> int:
        """``hidden_size`` of the checkpoint, once for every layer."""
        return self._checkpoint.dimension

    def fingerprint(self) -> dict[str, Any]:
        """Digests of the checkpoint's files, layers and dtype."""
        return self._checkpoint.fingerprint()

    def encode(self, words: tuple[str, ...]) -> TokenEmbeddings:
        """The chosen layers of every token but the special ones.

        Raises:
            TranscriptError: the tokenizer finds no token in the words.
        """
        import torch

        windows = self._windows(words)
        total = np.zeros((len(windows.word_index), self.dimension), dtype=np.float64)
        for ids, is_real, at in windows.each():
            total[at] += self._checkpoint.hidden(torch.tensor([ids]))[0][is_real]
        vectors = (total / windows.count[:, None]).astype(np.float32)
        return TokenEmbeddings(vectors=vectors, word_index=windows.word_index)

    def states(self, words: tuple[str, ...]) -> LayerStates:
        """What enters the trained blocks, special tokens included, since they are read."""
        import torch

        windows = self._windows(words)
        states, items, positions, begins = [], [], [], 0
        for ids, is_real, at in windows.each():
            found = self._checkpoint.states(torch.tensor([ids]), self.num_trained)
            states.append(found[0])
            items.append(at)
            positions.append(begins + np.flatnonzero(is_real))
            begins += len(ids)
        item = np.concatenate(items)
        order = np.argsort(item, kind="stable")
        return LayerStates(
            states=np.concatenate(states),
            window_lengths=np.array([len(each) for each in states]),
            item=item[order],
            position=np.concatenate(positions)[order],
            weight=1.0 / windows.count[item[order]],
        )

    def _windows(self, words: tuple[str, ...]) -> "_TextWindows":
        window = self._window_tokens()
        overlap = min(WINDOW_OVERLAP_TOKENS, window // 4)
        encoded = self._tokenizer(
            list(words),
            is_split_into_words=True,
            truncation=True,
            max_length=window,
            stride=overlap,
            return_overflowing_tokens=True,
            return_attention_mask=False,
        )
        ids = encoded["input_ids"]
        word_ids = [encoded.word_ids(number) for number in range(len(ids))]
        positions, word_index = tokens_of_words(word_ids, overlap=overlap)
        if not len(word_index):
            raise TranscriptError(
                f"encoder '{self._checkpoint.name}' finds no token in the words; correct the "
                "transcript"
            )
        return _TextWindows(
            ids=ids,
            is_real=[np.array([word is not None for word in of]) for of in word_ids],
            positions=positions,
            word_index=word_index,
        )

    def _window_tokens(self) -> int:
        positions = getattr(self._checkpoint.config, "max_position_embeddings", None)
        longest = int(self._tokenizer.model_max_length)
        if isinstance(positions, int):
            # RoBERTa counts positions from the padding index on.
            offset = self._checkpoint.config.pad_token_id + 1 if self._has_offset else 0
            longest = min(longest, positions - offset)
        return longest

    @property
    def _has_offset(self) -> bool:
        return "roberta" in self._checkpoint.config.model_type
