"""The files of a transformers checkpoint: found, hashed, and loaded once; safetensors only.

They are found (and, unless offline, fetched) first; sizes, rates and geometry are read from the
json files; weights are loaded when the first recording needs them.
"""

from collections.abc import Sequence
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from safetensors import SafetensorError

from cogspeech.cache import remembered_digest
from cogspeech.config import is_offline
from cogspeech.embeddings.base import EncoderOptions
from cogspeech.errors import ConfigError, EncoderError

if TYPE_CHECKING:
    import torch

    from cogspeech.embeddings.trained_layers import TrainedLayers

AGREEMENT = 1e-4
"""By how much, of its largest value, an output may differ if it is computed in two parts."""
ROUNDING = 0.05
"""By how much of its size a convolution may differ in half precision, which rounds by 0.4 %."""
NEEDED_FILES = ("*.json", "*.safetensors", "*.txt", "*.model")
Layers = Literal["last", "all"] | tuple[int, ...]
Dtype = Literal["auto", "float32", "bfloat16", "float16"]


class CheckpointOptions(EncoderOptions):
    """The options of every encoder that is read from a checkpoint."""

    model: str
    """A hub name or a local folder."""
    layers: Layers = "last"
    """Hidden layers: 0 is what enters the first block, -1 what leaves the last one."""
    dtype: Dtype = "float32"
    """``auto``: bfloat16 where the processor computes with it, else float32."""


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


class Checkpoint:
    """One checkpoint; can be pickled as long as `model` has not been asked for."""

    def __init__(self, options: CheckpointOptions) -> None:
        from transformers import AutoConfig

        self.name = options.model
        self.folder = checkpoint_folder(options.model)
        try:
            self.config: Any = AutoConfig.from_pretrained(self.folder)
        except (OSError, ValueError) as error:
            raise EncoderError(f"encoder '{self.name}': its config.json cannot be read") from error
        size = getattr(self.config, "hidden_size", None)
        if not isinstance(size, int):
            raise EncoderError(f"encoder '{self.name}': its config.json names no hidden_size")
        self._hidden_size = size
        self._asked_dtype = options.dtype
        self.layers = self._layers(options.layers)
        """Positions among the hidden layers; ``None``: the output of the model."""
        self._is_tried = False

    @property
    def num_layers(self) -> int:
        """Layers that lie one after the other in a vector."""
        return len(self.layers) if self.layers else 1

    @property
    def num_blocks(self) -> int:
        """Transformer blocks of the encoder."""
        config = self.config
        # Whisper counts encoder and decoder; `num_hidden_layers` is the encoder's.
        return int(getattr(config, "encoder_layers", None) or config.num_hidden_layers)

    @property
    def dimension(self) -> int:
        """Size of a vector: ``hidden_size``, once for every layer."""
        return self._hidden_size * self.num_layers

    def _layers(self, asked: Layers) -> tuple[int, ...] | None:
        if asked == "last":
            return None
        count = 1 + self.num_blocks
        if asked == "all":
            return tuple(range(count))
        if not asked or len(set(asked)) < len(asked):
            raise ConfigError(f"encoder '{self.name}': layers must be a list without repetition")
        for layer in asked:
            if not isinstance(layer, int) or not -count <= layer < count:
                raise ConfigError(
                    f"encoder '{self.name}': it has no layer {layer}; expected {-count} to "
                    f"{count - 1}"
                )
        return tuple(layer % count for layer in asked)

    @cached_property
    def digests(self) -> dict[str, str]:
        """sha256 of every file that decides the numbers."""
        files = [*self.folder.glob("*.safetensors"), *self.folder.glob("*.json")]
        return {path.name: remembered_digest(path) for path in sorted(files)}

    def fingerprint(self) -> dict[str, Any]:
        """Everything in the files and the options that the numbers depend on."""
        return {
            "name": "huggingface",
            "version": 2,
            "files": self.digests,
            "layers": self.layers,
            "dtype": self.dtype,
        }

    @cached_property
    def dtype(self) -> str:
        """What the weights are computed with; ``auto`` is decided by the machine."""
        if self._asked_dtype != "auto":
            return self._asked_dtype
        import torch

        if torch.cuda.is_available():
            return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
        # Where it is emulated, bfloat16 takes many times longer than float32.
        is_native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return "bfloat16" if is_native else "float32"

    @cached_property
    def device(self) -> str:
        """A GPU where there is one."""
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"

    def refuse_training(self, count: int) -> None:
        """Refuses to train the last layers where that is not the encoder's own computation.

        Raises:
            ConfigError: there are not so many, or vectors are not float32 of the last layer.
        """
        if count > self.num_blocks:
            raise ConfigError(
                f"encoder '{self.name}' has {self.num_blocks} layers; found {count}; lower it"
            )
        if self.layers is not None:
            raise ConfigError(
                f"encoder '{self.name}': only 'layers: last' goes with trained layers; remove its "
                "'layers'"
            )
        if self.dtype != "float32":
            raise ConfigError(
                f"encoder '{self.name}': trained layers are float32; found 'dtype: {self.dtype}'; "
                "remove it, and use 'training.mixed_precision' to compute faster"
            )

    def trained_layers(self, count: int) -> "TrainedLayers":
        """A fresh copy of the last blocks, on the CPU.

        Raises:
            EncoderError: the weights cannot be loaded, or the blocks cannot be found.
        """
        return self._top_of(self._load().cpu(), count)

    def states(self, inputs: "torch.Tensor", count: int) -> np.ndarray:
        """What enters the last ``count`` blocks, float32; the first time it is tried out.

        Raises:
            EncoderError: the last blocks alone do not give what the whole model gives.
        """
        cut = self.num_blocks - count
        _ = self.model  # loaded here, so the copy shares it
        both = copy(self)
        both.layers = (cut, self.num_blocks)
        found = both.hidden(inputs)
        states, outputs = np.split(found, 2, axis=-1)
        if not self._is_tried:
            self._try_out(states, outputs, count)
            self._is_tried = True
        return np.ascontiguousarray(states)

    def _try_out(self, states: np.ndarray, outputs: np.ndarray, count: int) -> None:
        import torch

        top = self._top_of(self.model, count)
        with torch.inference_mode():
            found = top(torch.from_numpy(states[:1].copy()).to(self.device)).float().cpu().numpy()
        largest = float(np.abs(outputs[:1]).max())
        if float(np.abs(found - outputs[:1]).max()) > AGREEMENT * largest:
            raise EncoderError(
                f"encoder '{self.name}': the last layers of a {self.config.model_type} model alone "
                "do not give what the whole model gives, so they cannot be trained; leave them out "
                "of 'finetune'"
            )

    def _top_of(self, model: Any, count: int) -> "TrainedLayers":
        from cogspeech.embeddings.trained_layers import TrainedLayers

        is_normed = self.config.model_type == "whisper" or bool(
            getattr(self.config, "do_stable_layer_norm", False)
        )
        return TrainedLayers(model, count, name=self.name, normalises_last=is_normed)

    @cached_property
    def model(self) -> Any:
        """The encoder part of the model, ready to infer."""
        return self._load()

    def _load(self) -> Any:
        import torch
        from transformers import AutoModel
        from transformers.utils import logging

        logging.disable_progress_bar()  # our own bar is on the screen
        logging.set_verbosity_error()
        try:
            model = AutoModel.from_pretrained(
                self.folder, use_safetensors=True, dtype=getattr(torch, self.dtype)
            )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise EncoderError(f"encoder '{self.name}': its weights cannot be loaded") from error
        encoder = model.get_encoder() if self.config.is_encoder_decoder else model
        encoder = encoder.eval().to(self.device)
        if self.dtype != "float32":
            self._refuse_wrong_convolutions(encoder)
        return encoder

    def _refuse_wrong_convolutions(self, encoder: Any) -> None:
        """Each convolution beside itself in float32: half precision rounds, and nothing else.

        Some processors compute some shapes wrongly and say nothing: bfloat16 with fewer than 16
        channels a group (torch 2.13 with AMX; see also pytorch issues 163347 and 169688).

        Raises:
            EncoderError: one of them answers something else.
        """
        import torch
        from torch.nn import functional

        generator = torch.Generator().manual_seed(0)
        for name, layer in encoder.named_modules():
            if not isinstance(layer, torch.nn.Conv1d):
                continue
            length = layer.kernel_size[0] + 32 * layer.stride[0]
            shape = (1, layer.in_channels, length)
            heard = torch.randn(shape, generator=generator).to(layer.weight)
            with torch.inference_mode():
                bias = None if layer.bias is None else layer.bias.float()
                told = functional.conv1d(
                    heard.float(), layer.weight.float(), bias, layer.stride, layer.padding,
                    layer.dilation, layer.groups,
                )  # fmt: skip
                missed = (layer(heard).float() - told).norm() / told.norm()
            if not missed <= ROUNDING:
                raise EncoderError(
                    f"encoder '{self.name}': this machine computes its layer {name} wrongly in "
                    f"{self.dtype} (off by {float(missed):.0%}); set dtype to float32"
                )

    def hidden(self, inputs: "torch.Tensor", *, keep: int | None = None) -> np.ndarray:
        """The chosen layers of every position, float32, one after the other in the last axis.

        Args:
            inputs: what the model reads, on any device.
            keep: positions to keep, from the first.
        """
        import torch

        moved = inputs.to(self.device)
        if moved.is_floating_point():
            moved = moved.to(getattr(torch, self.dtype))
        with torch.inference_mode():
            output = self.model(moved, output_hidden_states=self.layers is not None)
            chosen: Sequence[torch.Tensor] = [output.last_hidden_state]
            if self.layers is not None:
                # Some families normalise after the last block; that belongs to the last layer.
                every = [*output.hidden_states[:-1], output.last_hidden_state]
                chosen = [every[layer] for layer in self.layers]
            together = torch.cat([layer[:, :keep] for layer in chosen], dim=-1)
        return np.asarray(together.float().cpu().numpy())
