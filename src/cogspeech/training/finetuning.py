"""Encoder layers that are trained with a fusion, end to end.

    states of all windows -> trained blocks -> pooled into events and tokens -> fusion -> loss

The states come from the cache: what lies below the trained blocks never changes. With a learning
rate of zero and no dropout, the vectors are those of the frozen encoders.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cogspeech.config import Study
from cogspeech.embeddings.base import AudioEncoder, TextEncoder, build_encoders
from cogspeech.embeddings.trained_layers import TrainedLayers
from cogspeech.errors import BundleError
from cogspeech.fusion.base import FusionInputs, FusionModel
from cogspeech.learning_sections import FinetuneSection
from cogspeech.training.adapters import add_adapters, require_peft
from cogspeech.types import EmbeddedRecording, LayerStates

POSITIONS_AT_ONCE = 8192
"""Of windows of one length that go through the layers together."""
SIDES = {"audio": "event", "text": "token"}
"""What the items of a stream are called."""


class TunedEncoders(nn.Module):
    """The trained layers of one or both encoders.

    Its state dict holds what is trained, and nothing that stays as the checkpoint has it.

    Args:
        layers: by stream.
        section: how they are trained.
    """

    def __init__(self, layers: Mapping[str, TrainedLayers], section: FinetuneSection) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(layers)
        self._section = section
        if section.adapter == "lora":
            for each in layers.values():
                add_adapters(each, section)
        hooked: Any = self
        hooked.register_state_dict_post_hook(_without_frozen)
        hooked.register_load_state_dict_post_hook(_frozen_may_miss)

    def train(self, mode: bool = True) -> "TunedEncoders":
        """Dropout only where the section asks for it."""
        super().train(mode and self._section.dropout)
        return self

    def forward(
        self, inputs: FusionInputs, recordings: Sequence[EmbeddedRecording]
    ) -> FusionInputs:
        """The inputs with the vectors that the trained layers give now.

        Raises:
            BundleError: a recording was embedded without the states that the layers need.
        """
        vectors = {}
        for stream, layers in self.layers.items():
            side = SIDES[stream]
            states = [getattr(recording, f"{side}_states") for recording in recordings]
            for recording, found in zip(recordings, states, strict=True):
                if found is None:
                    raise BundleError(
                        f"recording '{recording.recording_id}': its {stream} was embedded for "
                        "frozen encoders, and this model has trained ones; embed it with the "
                        "'finetune' section of its study"
                    )
            # Without gradients, one recording at a time: nothing of it has to be kept.
            together = [states] if torch.is_grad_enabled() else [[found] for found in states]
            items = [
                item
                for part in together
                for item in _items(layers, part, saves_memory=self._section.gradient_checkpointing)
            ]
            vectors[f"{side}_vectors"] = nn.utils.rnn.pad_sequence(items, batch_first=True)
        return replace(inputs, **vectors)


def _items(
    layers: nn.Module, recordings: Sequence[LayerStates], *, saves_memory: bool
) -> list[Float[Tensor, "item d"]]:
    """The pooled outputs of every recording; only windows of equal length share a call."""
    device = next(layers.parameters()).device
    windows: list[Tensor] = []
    for recording in recordings:
        windows += torch.split(
            torch.from_numpy(recording.states), recording.window_lengths.tolist()
        )
    waiting: dict[int, list[int]] = defaultdict(list)
    for number, window in enumerate(windows):
        waiting[len(window)].append(number)
    outputs: dict[int, Tensor] = {}
    for length, numbers in sorted(waiting.items()):
        at_once = max(1, POSITIONS_AT_ONCE // length)
        for at in range(0, len(numbers), at_once):
            chosen = numbers[at : at + at_once]
            together = torch.stack([windows[number] for number in chosen]).to(device)
            found = layers(together, saves_memory=saves_memory)
            outputs.update(zip(chosen, found.float(), strict=True))
    items, first = [], 0
    for recording in recordings:
        last = first + len(recording.window_lengths)
        whole = torch.cat([outputs[number] for number in range(first, last)])
        items.append(_pooled(recording, whole))
        first = last
    return items


def _pooled(recording: LayerStates, outputs: Float[Tensor, "position d"]) -> Tensor:
    """The items of a recording, summed in float64 like those of the frozen encoders."""
    position = torch.from_numpy(recording.position).to(outputs.device)
    weight = torch.from_numpy(recording.weight).to(outputs.device)
    item = torch.from_numpy(recording.item).to(outputs.device)
    parts = outputs[position].double() * weight[:, None]
    items = parts.new_zeros(int(recording.item[-1]) + 1, outputs.shape[1])
    return items.index_add(0, item, parts).float()


@dataclass(frozen=True, kw_only=True)
class Finetuning:
    """Which encoders are trained with a fusion, and how; loads weights for each model anew."""

    section: FinetuneSection
    encoders: tuple[AudioEncoder, TextEncoder]

    @classmethod
    def of(cls, study: Study) -> "Finetuning | None":
        """What a study asks for; ``None`` where its encoders stay frozen.

        Raises:
            ConfigError: an encoder has no such layers, or its options do not allow it.
            EncoderError: a checkpoint cannot be found.
            MissingExtra: adapters are asked for and peft is not installed.
        """
        if study.finetune is None:
            return None
        if study.finetune.adapter == "lora":
            require_peft()
        encoders = build_encoders(study.audio_encoder, study.text_encoder, study.finetune)
        return cls(section=study.finetune, encoders=encoders)

    def attach(self, model: FusionModel) -> None:
        """Gives a model the layers of the streams that it reads, as the checkpoints have them.

        Raises:
            EncoderError: weights cannot be loaded.
        """
        with torch.random.fork_rng():  # so a fit draws the numbers that it draws without encoders
            layers: dict[str, TrainedLayers] = {
                stream: encoder.trained_layers()
                for stream, encoder in zip(("audio", "text"), self.encoders, strict=True)
                if encoder.num_trained and stream in model.streams
            }
            if layers:
                model.encoders = TunedEncoders(layers, self.section)

    @property
    def checkpoints(self) -> dict[str, dict[str, str]]:
        """By stream whose layers are trained: the sha256 of each file of its checkpoint."""
        return {
            stream: encoder.files
            for stream, encoder in zip(("audio", "text"), self.encoders, strict=True)
            if encoder.num_trained
        }

    @property
    def identity(self) -> dict[str, Any]:
        """Json-able facts that tell it from every other."""
        section = self.section.model_dump(mode="json")
        return {"section": section, "checkpoints": self.checkpoints}


def parameter_groups(
    model: FusionModel, finetuning: Finetuning | None, *, learning_rate: float
) -> list[dict[str, Any]]:
    """What an optimizer is given: the fusion, and the layers of the encoders with their own rate.

    ``rate_share`` is the rate of a group as a share of the fusion's.
    """
    tuned = list(model.encoders.parameters()) if model.encoders is not None else []
    own = {id(parameter) for parameter in tuned}
    groups = [{"params": [p for p in model.parameters() if id(p) not in own], "rate_share": 1.0}]
    trained = [parameter for parameter in tuned if parameter.requires_grad]
    if finetuning and trained:
        share = finetuning.section.learning_rate / learning_rate
        groups.append({"params": trained, "rate_share": share})
    return groups


def _frozen_names(module: nn.Module) -> list[str]:
    return [name for name, parameter in module.named_parameters() if not parameter.requires_grad]


def _without_frozen(module: nn.Module, state: dict[str, Any], prefix: str, *_: object) -> None:
    for name in _frozen_names(module):
        state.pop(prefix + name, None)


def _frozen_may_miss(module: nn.Module, keys: Any) -> None:
    frozen = tuple(_frozen_names(module))
    keys.missing_keys[:] = [name for name in keys.missing_keys if not name.endswith(frozen)]
