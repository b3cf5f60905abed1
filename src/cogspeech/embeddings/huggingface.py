"""The ``huggingface`` encoders: any hub name or local folder, read from safetensors only."""

import math
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from cogspeech.embeddings.base import (
    AUDIO_ENCODERS,
    TEXT_ENCODERS,
    AudioEncoder,
    AudioOptions,
    Level,
    TextEncoder,
    TokenEmbeddings,
)
from cogspeech.embeddings.checkpoint_files import Checkpoint, CheckpointOptions
from cogspeech.embeddings.spans import FrameGeometry, tokens_of_words
from cogspeech.errors import EncoderError, TranscriptError

WINDOW_OVERLAP_TOKENS = 32


@AUDIO_ENCODERS.register("huggingface")
class HuggingFaceAudioEncoder(AudioEncoder):
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
        """The chosen layers of every frame."""
        import torch

        if not self._is_whisper:
            return self._checkpoint.hidden(torch.from_numpy(windows))
        features = self._extractor(
            list(windows), sampling_rate=self.sample_rate_hz, return_tensors="pt"
        ).input_features
        # The extractor pads to 30 s; only the frames of the window itself are real.
        return self._checkpoint.hidden(features, keep=self.geometry.num_frames(windows.shape[1]))


@TEXT_ENCODERS.register("huggingface")
class HuggingFaceTextEncoder(TextEncoder):
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
        word_ids = [encoded.word_ids(number) for number in range(len(encoded["input_ids"]))]
        positions, word_index = tokens_of_words(word_ids, overlap=overlap)
        if not len(word_index):
            raise TranscriptError(
                f"encoder '{self._checkpoint.name}' finds no token in the words; correct the "
                "transcript"
            )
        total = np.zeros((len(word_index), self.dimension), dtype=np.float64)
        count = np.zeros((len(word_index), 1))
        for ids, of_word, at in zip(encoded["input_ids"], word_ids, positions, strict=True):
            is_real = [word is not None for word in of_word]
            total[at] += self._checkpoint.hidden(torch.tensor([ids]))[0][is_real]
            count[at] += 1
        return TokenEmbeddings(vectors=(total / count).astype(np.float32), word_index=word_index)

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
