"""Low-rank adapters inside the layers of an encoder; the one module that knows peft."""

from typing import Any

from torch import nn

from cogspeech.errors import require
from cogspeech.learning_sections import FinetuneSection

QUERIES_AND_VALUES = {"q_proj", "v_proj", "query", "value", "q_lin", "v_lin"}
"""Where Hu et al. (2021) put them: the projections of queries and values, by family."""
FEED_FORWARD = {"intermediate_dense", "output_dense"}
"""Of WavLM, whose attention reads the weights of its projections without calling them."""


def require_peft() -> Any:
    """The library.

    Raises:
        MissingExtra: it is not installed.
    """
    return require("peft", extra="peft")


def add_adapters(layers: nn.Module, section: FinetuneSection) -> None:
    """Freezes the layers and puts adapters into them; at first these change nothing.

    An adapter adds ``alpha / rank * B A x`` to a projection of ``x``; ``B`` begins as zero.

    Raises:
        MissingExtra: peft is not installed.
    """
    peft = require_peft()
    layers.requires_grad_(requires_grad=False)
    is_wavlm = any(hasattr(module, "gru_rel_pos_linear") for module in layers.modules())
    blocks = layers.get_submodule("blocks")
    peft.inject_adapter_in_model(
        peft.LoraConfig(
            r=section.rank,
            lora_alpha=section.alpha,
            target_modules=FEED_FORWARD if is_wavlm else QUERIES_AND_VALUES,
        ),
        blocks,
    )
