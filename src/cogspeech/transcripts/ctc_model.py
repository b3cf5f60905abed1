"""A model that writes letters: its checkpoint, its alphabet, and what it makes of a recording.

Read from safetensors and json only, when it is first needed. Every model of the hub that writes
letters with CTC on top of convolutions can be used: wav2vec2, HuBERT, WavLM and kin.
"""

import json
import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from safetensors import SafetensorError

from cogspeech.cache import file_digest
from cogspeech.config import is_offline
from cogspeech.errors import EncoderError, require
from cogspeech.transcripts.reading import UNINTELLIGIBLE

NEEDED_FILES = ("*.json", "*.safetensors")
WINDOW_S, CONTEXT_S = 20.0, 2.0
"""A window keeps so much and sees the context on both sides as well, so that what the model needs
does not grow with the length of the recording."""
UNKNOWN = -1
"""In a spelling: a letter that the model cannot write."""
SIGNS = frozenset("&%@#+=")
"""What is read aloud though it is no letter, digit or currency."""
NOT_NEEDED = "masked_spec_embed"
"""A weight that only training reads; many checkpoints lack it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alphabet:
    """What a model can write."""

    labels: Mapping[str, int]
    """Of single letters, without the blank and the delimiter."""
    blank: int
    delimiter: int | None
    """Written between words."""

    def spell(self, text: str, *, wildcard: bool) -> tuple[int, ...]:
        """The labels of a word's letters, in the case that the alphabet has.

        A letter, digit or sign that it does not have is `UNKNOWN`, or left out where there is no
        wildcard, and so is a word that nobody understood; punctuation is left out.
        """
        if text.casefold() == UNINTELLIGIBLE:
            return (UNKNOWN,) if wildcard else ()
        labels: list[int] = []
        for letter in unicodedata.normalize("NFC", text).replace("\u2019", "'"):
            known = self._labels_of(letter)
            if known:
                labels += known
            elif wildcard and _is_spoken(letter):
                labels.append(UNKNOWN)
        return tuple(labels)

    def _labels_of(self, letter: str) -> list[int]:
        for form in (letter, letter.upper(), letter.lower()):  # of one letter may come two
            if all(character in self.labels for character in form):
                return [self.labels[character] for character in form]
        return []


def _is_spoken(letter: str) -> bool:
    return letter.isalnum() or letter in SIGNS or unicodedata.category(letter) == "Sc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """The frames of a model: frame i sees ``kernel`` samples from ``i * stride`` on."""

    stride: int
    kernel: int
    sample_rate_hz: int

    def count(self, num_samples: int) -> int:
        """Frames of that many samples; a frame needs all of its samples."""
        return max(0, (num_samples - self.kernel) // self.stride + 1)

    def first_from(self, time_s: float) -> int:
        """The first frame with its centre at or after a time."""
        return max(0, math.ceil((time_s * self.sample_rate_hz - self.kernel / 2) / self.stride))

    def edges_s(self, frames: Int[np.ndarray, " frame"]) -> Float[np.ndarray, " frame"]:
        """Where frames begin: half-way between their centre and the one before it."""
        samples = (frames - 0.5) * self.stride + self.kernel / 2
        return np.asarray(samples / self.sample_rate_hz, dtype=np.float64)


class CtcModel:
    """One checkpoint.

    Args:
        model: a hub name or a local folder.
    """

    def __init__(self, model: str) -> None:
        self._name = model
        self._folder = _checkpoint_folder(model)

    @cached_property
    def digests(self) -> dict[str, str]:
        """sha256 of every file that decides the scores."""
        files = [path for pattern in NEEDED_FILES for path in self._folder.glob(pattern)]
        return {path.name: file_digest(path) for path in sorted(files)}

    @property
    def sample_rate_hz(self) -> int:
        """What the model was trained on."""
        return int(self._extractor.sampling_rate)

    @cached_property
    def frames(self) -> Frames:
        """From the kernels and strides of the convolutions."""
        config = self._network.config
        kernels, strides = getattr(config, "conv_kernel", ()), getattr(config, "conv_stride", ())
        if not kernels or not strides:
            raise self._unusable("it has no convolutions that give its frames times")
        kernel, stride = 1, 1
        for layer_kernel, layer_stride in zip(kernels, strides, strict=True):
            kernel += (layer_kernel - 1) * stride
            stride *= layer_stride
        return Frames(stride=stride, kernel=kernel, sample_rate_hz=self.sample_rate_hz)

    @cached_property
    def alphabet(self) -> Alphabet:
        """From vocab.json, which may hold one alphabet per language."""
        vocabulary = self._json("vocab.json")
        has_settings = (self._folder / "tokenizer_config.json").is_file()
        settings = self._json("tokenizer_config.json") if has_settings else {}
        of_language = vocabulary.get(str(settings.get("target_lang")))
        if isinstance(of_language, dict):
            vocabulary = of_language
        config = self._network.config
        blank, between = config.pad_token_id, str(settings.get("word_delimiter_token", "|"))
        written = {token: label for token, label in vocabulary.items() if label != blank}
        delimiter = written.pop(between, None)
        labels = {token: label for token, label in written.items() if len(token) == 1}
        every = [*labels.values(), blank, 0 if delimiter is None else delimiter]
        if not labels or not all(type(n) is int and 0 <= n < config.vocab_size for n in every):
            raise self._unusable("its vocab.json does not give the letters that it writes")
        return Alphabet(labels=labels, blank=blank, delimiter=delimiter)

    def scores(
        self, samples: Float[np.ndarray, " sample"], labels: Sequence[int]
    ) -> Float[np.ndarray, "frame column"]:
        """Log probabilities per frame: of the blank, of the best other label, of ``labels``.

        Args:
            samples: of a whole recording, at `sample_rate_hz`.
            labels: the columns to keep; an alphabet may have thousands.
        """
        if getattr(self._extractor, "do_normalize", False):
            level, spread = samples.mean(dtype=np.float64), samples.var(dtype=np.float64)
            samples = ((samples - level) / math.sqrt(spread + 1e-7)).astype(np.float32)
        nothing = np.zeros((0, 2 + len(labels)), dtype=np.float32)
        return np.concatenate([nothing, *self._windows(samples, labels)])

    def _windows(
        self, samples: Float[np.ndarray, " sample"], labels: Sequence[int]
    ) -> Iterator[Float[np.ndarray, "frame column"]]:
        """The scores of every frame once, window by window, on the recording's own frames."""
        frames, total = self.frames, self.frames.count(len(samples))
        per_s = frames.sample_rate_hz / frames.stride
        keep, context = round(WINDOW_S * per_s), round(CONTEXT_S * per_s)
        for first in range(0, total, keep):
            last = min(first + keep, total)
            seen_first, seen_last = max(0, first - context), min(last + context, total)
            until = (seen_last - 1) * frames.stride + frames.kernel
            columns = self._columns(samples[seen_first * frames.stride : until], labels)
            if len(columns) != seen_last - seen_first:
                raise self._unusable("its frames are not those of its convolutions")
            yield columns[first - seen_first : last - seen_first]

    def _columns(
        self, samples: Float[np.ndarray, " sample"], labels: Sequence[int]
    ) -> Float[np.ndarray, "frame column"]:
        torch = require("torch", extra="align")
        blank = [self.alphabet.blank]
        with torch.inference_mode():
            heard = torch.from_numpy(samples)[None].to(self._network.device)
            scores = self._network(heard).logits[0].float().log_softmax(dim=-1)
            others = scores.clone()
            others[:, blank] = -torch.inf
            best = others.amax(dim=-1, keepdim=True)
            kept = torch.cat([scores[:, blank], best, scores[:, list(labels)]], dim=1)
        return np.asarray(kept.cpu().numpy())

    @cached_property
    def _extractor(self) -> Any:
        transformers = require("transformers", extra="align")
        try:
            return transformers.AutoFeatureExtractor.from_pretrained(
                self._folder, trust_remote_code=False
            )
        except (OSError, ValueError) as error:
            raise self._unusable("its preprocessor_config.json cannot be read") from error

    @cached_property
    def _network(self) -> Any:
        torch = require("torch", extra="align")
        transformers = require("transformers", extra="align")
        transformers.utils.logging.disable_progress_bar()  # our own bar is on the screen
        transformers.utils.logging.set_verbosity_error()
        try:
            network, loaded = transformers.AutoModelForCTC.from_pretrained(
                self._folder,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise self._unusable("it cannot be loaded as a model with CTC letters") from error
        # The library fills what is missing with random numbers.
        if any(not name.endswith(NOT_NEEDED) for name in loaded["missing_keys"]):
            raise self._unusable("weights are missing; choose a model that was trained with CTC")
        return network.eval().to("cuda" if torch.cuda.is_available() else "cpu")

    def _json(self, name: str) -> dict[str, Any]:
        try:
            content = json.loads((self._folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise self._unusable(f"its {name} cannot be read") from error
        if not isinstance(content, dict):
            raise self._unusable(f"its {name} is no json object")
        return content

    def _unusable(self, problem: str) -> EncoderError:
        return EncoderError(f"aligner model '{self._name}': {problem}")


def _checkpoint_folder(model: str) -> Path:
    """The folder of a checkpoint: a local one, or the hub's, fetched if that is allowed."""
    folder = Path(model) if Path(model).is_dir() else _hub_folder(model)
    for pattern in ("config.json", "vocab.json", "*.safetensors"):
        if not list(folder.glob(pattern)):
            raise EncoderError(
                f"aligner model '{model}': expected config.json, vocab.json and *.safetensors, "
                f"found no {pattern} in {folder}; pickled weights are never read, convert the "
                "checkpoint with save_pretrained first"
            )
    return folder


def _hub_folder(model: str) -> Path:
    hub, errors = (require(f"huggingface_hub{part}", extra="align") for part in ("", ".errors"))
    offline = is_offline()
    try:
        return Path(
            hub.snapshot_download(
                model, allow_patterns=list(NEEDED_FILES), local_files_only=offline
            )
        )
    except (errors.HfHubHTTPError, errors.HFValidationError, OSError) as error:
        remedy = "allow the network once" if offline else "check the name and the network"
        raise EncoderError(
            f"aligner model '{model}': neither a local folder nor available from the hub; "
            f"{remedy}, or give the path of a folder"
        ) from error
