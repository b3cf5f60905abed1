"""The last blocks of a transformer as a module of their own, to be trained with a fusion.

    window -> [ frozen: convolutions, lower blocks ] -> states -> [ trained blocks ] -> outputs

The frozen part runs once and its states are kept; a training step runs the trained blocks alone.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from cogspeech.errors import EncoderError

BLOCKS_AT = ("encoder.layers", "encoder.layer", "transformer.layer", "layers")
"""Where the families keep their blocks: wav2vec2 and kin, BERT and RoBERTa, DistilBERT, Whisper."""


class TrainedLayers(nn.Module):
    """The last blocks of an encoder, with the norm after them where there is one.

    Args:
        model: a loaded encoder, as transformers makes it; its blocks are taken, not copied.
        count: how many blocks.
        name: of the encoder, for messages.
        normalises_last: whether the encoder has a norm after its last block.

    Raises:
        EncoderError: the blocks of the model cannot be found.
    """

    def __init__(self, model: Any, count: int, *, name: str, normalises_last: bool) -> None:
        super().__init__()
        place, blocks = _blocks_of(model, name)
        self.blocks = nn.ModuleList(blocks[-count:])
        parent = model.get_submodule(place.rpartition(".")[0])
        self.norm: nn.Module = parent.layer_norm if normalises_last else nn.Identity()
        attention = getattr(blocks[0], "attention", None)
        # WavLM: the first block makes the bias of positions that all blocks read.
        has_bias = count < len(blocks) and hasattr(attention, "compute_bias")
        self.of_positions: Any = attention if has_bias else None
        self.requires_grad_(requires_grad=True)
        if self.of_positions is not None:
            self.of_positions.requires_grad_(requires_grad=False)

    def forward(
        self, states: Float[Tensor, "window position d"], *, saves_memory: bool = False
    ) -> Float[Tensor, "window position d"]:
        """What leaves the encoder.

        Args:
            states: what enters the first of the blocks; windows of equal length.
            saves_memory: gradient checkpointing, block by block.
        """
        bias = self._bias(states)
        for block in self.blocks:
            given = (block, states, bias)
            states, bias = (
                checkpoint(_through, *given, use_reentrant=False)
                if saves_memory and torch.is_grad_enabled()
                else _through(*given)
            )
        normed: Tensor = self.norm(states)
        return normed

    def _bias(self, states: Tensor) -> Tensor | None:
        if self.of_positions is None:
            return None
        windows, length = states.shape[:2]
        bias: Tensor = self.of_positions.compute_bias(length, length)
        return bias.repeat(windows, 1, 1)


def _through(block: nn.Module, states: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """One block; only WavLM's give a bias of positions, and take it."""
    found = block(states, None) if bias is None else block(states, position_bias=bias)
    if isinstance(found, tuple):
        return found[0], found[1]
    return found, None


def _blocks_of(model: Any, name: str) -> tuple[str, Sequence[nn.Module]]:
    for place in BLOCKS_AT:
        try:
            blocks = model.get_submodule(place)
        except AttributeError:
            continue
        if isinstance(blocks, nn.ModuleList):
            return place, list(blocks)
    raise EncoderError(
        f"encoder '{name}': the layers of a {model.config.model_type} model cannot be trained; use "
        "a wav2vec2, HuBERT, WavLM, Whisper, BERT, RoBERTa or DistilBERT checkpoint"
    )
