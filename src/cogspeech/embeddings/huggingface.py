"""The ``huggingface`` encoders: any hub name or local folder, read from safetensors only.

The checkpoint's files are found (and, unless offline, fetched) first; sizes, rates and geometry
are read from its json files; weights are loaded when the first recording needs them.
"""

import math
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError

from cogspeech.cache import file_digest
from cogspeech.config import Settings, is_offline
from cogspeech.embeddings.base import (
    AUDIO_ENCODERS,
    TEXT_ENCODERS,
    AudioEncoder,
    TextEncoder,
    TokenEmbeddings,
)
from cogspeech.embeddings.spans import FrameGeometry
from cogspeech.errors import EncoderError

if TYPE_CHECKING:
    import torch

WINDOW_OVERLAP_TOKENS = 32
NEEDED_FILES = ("*.json", "*.safetensors", "*.txt", "*.model")


def checkpoint_folder(model: str) -> Path:
    """The folder of a checkpoint: a local one, or the hub's, fetched if that is allowed.

    Raises:
        EncoderError: there is no such folder or hub name, or it cannot be fetched.
    """
    folder = Path(model) if Path(model).is_dir() else _hub_folder(model)
    if not (folder / "config.json").is_file():
        raise EncoderError(f"encoder '{model}': no config.json in {folder}; not a checkpoint")
    if not list(folder.glob("*.safetensors")):
        raise EncoderError(
            f"encoder '{model}': no .safetensors file in {folder}; pickled weights are never "
            "read, convert the checkpoint with save_pretrained first"
        )
    return folder


def _hub_folder(model: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    offline = is_offline()
    try:
        return Path(
            snapshot_download(model, allow_patterns=list(NEEDED_FILES), local_files_only=offline)
        )
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        remedy = "allow the network once" if offline else "check the name and the network"
        raise EncoderError(
            f"encoder '{model}': neither a local folder nor available from the hub; {remedy}, "
            "or give the path of a folder"
        ) from error


class _Checkpoint:
    """The files of one checkpoint, and what its json files say."""

    def __init__(self, model: str) -> None:
        from transformers import AutoConfig

        self.name = model
        self.folder = checkpoint_folder(model)
        try:
            self.config: Any = AutoConfig.from_pretrained(self.folder)
        except (OSError, ValueError) as error:
            raise EncoderError(f"encoder '{model}': its config.json cannot be read") from error
        size = getattr(self.config, "hidden_size", None)
        if not isinstance(size, int):
            raise EncoderError(f"encoder '{model}': its config.json names no hidden_size")
        self.dimension = size

    def digests(self) -> dict[str, str]:
        """sha256 of every file that decides the numbers."""
        files = [*self.folder.glob("*.safetensors"), *self.folder.glob("*.json")]
        return {path.name: file_digest(path) for path in sorted(files)}

    def load(self) -> Any:
        """The encoder part of the model, in float32, ready to infer."""
        import torch
        from transformers import AutoModel
        from transformers.utils import logging

        logging.disable_progress_bar()  # our own bar is on the screen
        logging.set_verbosity_error()
        try:
            model = AutoModel.from_pretrained(
                self.folder, use_safetensors=True, dtype=torch.float32
            )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise EncoderError(f"encoder '{self.name}': its weights cannot be loaded") from error
        encoder = model.get_encoder() if self.config.is_encoder_decoder else model
        return encoder.eval()


@AUDIO_ENCODERS.register("huggingface")
class HuggingFaceAudioEncoder(AudioEncoder):
    """wav2vec2, HuBERT, WavLM and kin (frames from convolutions), and Whisper's encoder."""

    class Options(Settings):
        """``{name: huggingface, model: facebook/wav2vec2-base-960h}``."""

        model: str

    def __init__(self, options: Options) -> None:
        self._checkpoint = _Checkpoint(options.model)

    @cached_property
    def _extractor(self) -> Any:
        from transformers import AutoFeatureExtractor

        return AutoFeatureExtractor.from_pretrained(self._checkpoint.folder)

    @cached_property
    def _model(self) -> Any:
        return self._checkpoint.load()

    @property
    def _is_whisper(self) -> bool:
        return bool(self._checkpoint.config.model_type == "whisper")

    @property
    def dimension(self) -> int:
        """``hidden_size`` of the checkpoint."""
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
        """Digests of the checkpoint's files."""
        return {"name": "huggingface", "version": 1, "files": self._checkpoint.digests()}

    def prepare(self, samples: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " sample"]:
        """Zero mean and unit variance over the recording, if the checkpoint asks for it."""
        if self._is_whisper or not getattr(self._extractor, "do_normalize", False):
            return samples
        centred = samples - samples.mean(dtype=np.float64)
        deviation = math.sqrt(float(np.mean(np.square(centred))) + 1e-7)
        return np.asarray(centred / deviation, dtype=np.float32)

    def encode(
        self, windows: Float[np.ndarray, "window sample"]
    ) -> Float[np.ndarray, "window frame d_audio"]:
        """The last hidden layer."""
        import torch

        with torch.inference_mode():
            if self._is_whisper:
                features = self._extractor(
                    list(windows), sampling_rate=self.sample_rate_hz, return_tensors="pt"
                ).input_features
                hidden = self._model(features).last_hidden_state
                # The extractor pads to 30 s; only the frames of the window itself are real.
                hidden = hidden[:, : self.geometry.num_frames(windows.shape[1])]
            else:
                hidden = self._model(torch.from_numpy(windows)).last_hidden_state
        return np.asarray(_as_array(hidden))


@TEXT_ENCODERS.register("huggingface")
class HuggingFaceTextEncoder(TextEncoder):
    """BERT, RoBERTa, DistilBERT and kin: contextual tokens that know their word.

    A transcript longer than the model's window is read in overlapping windows; where two windows
    see one token, their vectors are averaged. Nothing is cut off.
    """

    class Options(Settings):
        """``{name: huggingface, model: roberta-base}``."""

        model: str

    def __init__(self, options: Options) -> None:
        self._checkpoint = _Checkpoint(options.model)

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

    @cached_property
    def _model(self) -> Any:
        return self._checkpoint.load()

    @property
    def dimension(self) -> int:
        """``hidden_size`` of the checkpoint."""
        return self._checkpoint.dimension

    def fingerprint(self) -> dict[str, Any]:
        """Digests of the checkpoint's files."""
        return {"name": "huggingface", "version": 1, "files": self._checkpoint.digests()}

    def encode(self, words: tuple[str, ...]) -> TokenEmbeddings:
        """The last hidden layer of every token but the special ones.

        Raises:
            EncoderError: the tokenizer finds no token in the words.
        """
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
        pieces: list[tuple[int, np.ndarray, list[int]]] = []
        start = 0
        for number, ids in enumerate(encoded["input_ids"]):
            of_word = encoded.word_ids(number)
            real = [place for place, word in enumerate(of_word) if word is not None]
            if number:
                start += len(pieces[-1][1]) - overlap
            pieces.append((start, self._hidden(ids)[real], [of_word[place] for place in real]))
        return self._averaged(pieces)

    def _averaged(self, pieces: list[tuple[int, np.ndarray, list[int]]]) -> TokenEmbeddings:
        """One vector per token from overlapping windows, each given with its first token."""
        num_tokens = pieces[-1][0] + len(pieces[-1][2])
        if not num_tokens:
            raise EncoderError(f"encoder '{self._checkpoint.name}': found no token in the words")
        total = np.zeros((num_tokens, self.dimension), dtype=np.float64)
        count = np.zeros((num_tokens, 1))
        word_index = np.zeros(num_tokens, dtype=np.int64)
        for start, vectors, words in pieces:
            total[start : start + len(words)] += vectors
            count[start : start + len(words)] += 1
            word_index[start : start + len(words)] = words
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

    def _hidden(self, ids: list[int]) -> Float[np.ndarray, "token d_text"]:
        import torch

        with torch.inference_mode():
            hidden = self._model(torch.tensor([ids])).last_hidden_state
        return np.asarray(_as_array(hidden)[0])


def _as_array(tensor: "torch.Tensor") -> Any:
    return tensor.float().cpu().numpy()
