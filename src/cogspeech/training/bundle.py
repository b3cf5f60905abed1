"""A trained model that travels: ``model.safetensors`` and ``bundle.json``, nothing executable."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from cogspeech.cache import write_atomically
from cogspeech.config import parse_options
from cogspeech.embeddings.base import build_encoders
from cogspeech.errors import BundleError, ConfigError
from cogspeech.fusion.base import FusionModel, build_fusion
from cogspeech.training.bundle_facts import BundleFacts
from cogspeech.training.bundle_files import (
    CARD,
    DESCRIPTION,
    MAX_WEIGHT_BYTES,
    WEIGHTS,
    TensorShape,
    hub_origin,
    is_there,
    read_description,
    read_text,
    read_weights,
    refuse_foreign,
    refuse_other_kinds,
    shown,
)
from cogspeech.training.finetuning import Finetuning
from cogspeech.training.objectives.base import Objective, build_objective

FORMAT_VERSION = 5
MAX_PARAMETERS = MAX_WEIGHT_BYTES // 4
SHA256 = re.compile("[0-9a-f]{64}")
MAX_TOLD = 5
"""Differences that a message lists."""
ENCODERS = "encoders."
"""Begins the names of the weights of encoder layers that were trained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A model in evaluation mode and the facts that belong to it."""

    model: FusionModel
    objective: Objective
    """Says what the outputs of the model mean."""
    facts: BundleFacts
    digest: str
    """sha256 of the weights: the name of exactly this model."""
    card: str | None = None
    """The model card that lies beside it."""
    origin: str | None = None
    """``owner/name@commit`` of one that came from the hub."""


def make_bundle(model: FusionModel, facts: BundleFacts) -> Bundle:
    """A bundle of a model that has just been trained."""
    return Bundle(
        model=model.eval(),
        objective=_objective(facts),
        facts=facts,
        digest=_digest(_weights(model)),
    )


def with_verdicts(bundle: Bundle, verdicts: Mapping[str, str]) -> Bundle:
    """The bundle with what the probes of its study say, which is known only after its fit."""
    return replace(bundle, facts=bundle.facts.model_copy(update={"probes": dict(verdicts)}))


def save_bundle(bundle: Bundle, folder: Path) -> None:
    """Writes its files; the json last, so a folder with one is complete."""
    weights = _weights(bundle.model)
    plain = {
        "format_version": FORMAT_VERSION,
        "weights_sha256": _digest(weights),  # of these bytes; those that were read may differ
        **bundle.facts.model_dump(mode="json"),
    }
    write_atomically(folder / WEIGHTS, weights)
    if bundle.card is not None:
        write_atomically(folder / CARD, bundle.card.encode())
    write_atomically(folder / DESCRIPTION, (json.dumps(plain, indent=2) + "\n").encode())


def load_bundle(folder: Path) -> Bundle:
    """The bundle in a folder.

    Whether the weights fit the description is known before one of them is read, and encoder
    layers are looked for only after everything else has proved sound.

    Raises:
        BundleError: a file is missing or damaged, or the weights do not fit the description.
        EncoderError: the checkpoint below trained encoder layers cannot be found or loaded.
    """
    refuse_foreign(folder)
    facts, expected = _read_facts(folder / DESCRIPTION)
    card = read_text(folder / CARD) if is_there(folder / CARD) else None
    path = folder / WEIGHTS
    try:
        objective = _objective(facts)
        with torch.device("meta"):  # sizes only: a description cannot ask for memory
            empty = build_fusion(facts.fusion, facts.sizes)
    except ConfigError as error:
        raise BundleError(f"{folder}: {error}") from error
    _refuse_size(empty, folder)
    content = read_weights(path, lambda found: _refuse_misfit(empty, facts, found, path))
    if _digest(content) != expected:
        raise BundleError(f"{path}: not the weights that bundle.json describes; copy both again")
    try:
        _attach_encoders(empty, facts)
        tensors = load(content)
    except (SafetensorError, ConfigError) as error:
        raise BundleError(f"{folder}: {error}") from error
    del content  # as large as the model
    _refuse_differences(path, _differences(_shapes_of(empty.state_dict()), _shapes_of(tensors)))
    _refuse_differences(path, _not_finite(tensors))
    model = build_fusion(facts.fusion, facts.sizes)
    model.encoders = empty.encoders
    model.load_state_dict(tensors)
    return Bundle(
        model=model.eval(),
        objective=objective,
        facts=facts,
        digest=expected,
        card=card,
        origin=hub_origin(folder),
    )


def _attach_encoders(model: FusionModel, facts: BundleFacts) -> None:
    """Gives a model the encoder layers that it was trained with, as the checkpoints have them.

    Raises:
        BundleError: a checkpoint is another one than it was trained on top of.
        EncoderError: a checkpoint cannot be found or loaded.
    """
    if facts.finetune is None:
        return
    encoders = build_encoders(facts.audio_encoder, facts.text_encoder, facts.tuned)
    finetuning = Finetuning(section=facts.finetune.section, encoders=encoders)
    for stream, found in finetuning.checkpoints.items():
        expected = facts.finetune.checkpoints.get(stream, {})
        for name in sorted({*expected, *found}):
            if expected.get(name) != found.get(name):
                raise BundleError(
                    f"the {stream} encoder is another one than the model was trained on top of: "
                    f"its {name} differs; use the checkpoint it was trained with"
                )
    finetuning.attach(model)


def _refuse_size(empty: FusionModel, folder: Path) -> None:
    asked = sum(tensor.numel() for tensor in empty.state_dict().values())
    if asked > MAX_PARAMETERS:
        raise BundleError(
            f"{folder}: describes a model of {asked} parameters, expected at most "
            f"{MAX_PARAMETERS}; use a bundle made by 'cogspeech run'"
        )


def _refuse_misfit(
    empty: FusionModel, facts: BundleFacts, found: Mapping[str, TensorShape], path: Path
) -> None:
    """Refuses other tensors than those of the fusion; those of encoders need a checkpoint."""
    if facts.finetune is not None:
        found = {name: there for name, there in found.items() if not name.startswith(ENCODERS)}
    _refuse_differences(path, _differences(_shapes_of(empty.state_dict()), found))


def _refuse_differences(path: Path, differences: Sequence[str]) -> None:
    if differences:
        more = len(differences) - MAX_TOLD
        told = "; ".join(differences[:MAX_TOLD]) + (f"; and {more} more" if more > 0 else "")
        raise BundleError(f"{path}: does not fit the fusion it names: {told}; copy both again")


def _shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, TensorShape]:
    return {
        name: TensorShape(str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape))
        for name, tensor in tensors.items()
    }


def _differences(own: Mapping[str, TensorShape], found: Mapping[str, TensorShape]) -> list[str]:
    """What about some tensors does not fit those of a model."""
    differences = []
    for name in sorted({*own, *found}):
        if name not in found:
            differences.append(f"it lacks '{name}'")
        elif name not in own:
            differences.append(f"it has '{shown(name)}', which the fusion does not know")
        elif found[name] != own[name]:
            differences.append(f"'{name}' is {found[name]}, expected {own[name]}")
    return differences


def _not_finite(tensors: Mapping[str, Tensor]) -> list[str]:
    return [
        f"'{name}' holds values that are not finite"
        for name, tensor in sorted(tensors.items())
        if not torch.isfinite(tensor).all()
    ]


def _objective(facts: BundleFacts) -> Objective:
    objective = build_objective(facts.target)
    needed = (objective.num_outputs, objective.score_column is not None)
    found = (facts.sizes.num_outputs, facts.score_scale is not None)
    if needed != found:
        raise ConfigError(
            f"the target needs {needed[0]} outputs and {'a' if needed[1] else 'no'} score_scale; "
            f"found {found[0]} and {'one' if found[1] else 'none'}"
        )
    if facts.decision and len(facts.target.classes) != 2:
        raise ConfigError(
            f"a decision rule is for two classes; the target has {len(facts.target.classes)}"
        )
    objective.score_scale = facts.score_scale
    return objective


def _read_facts(path: Path) -> tuple[BundleFacts, str]:
    raw = read_description(path)
    found, digest = raw.pop("format_version", None), raw.pop("weights_sha256", None)
    if type(found) is not int or found != FORMAT_VERSION:
        raise BundleError(
            f"{path}: has format {shown(str(found))}, expected {FORMAT_VERSION}; use the cogspeech "
            "version that made it"
        )
    if not isinstance(digest, str) or not SHA256.fullmatch(digest):
        raise BundleError(
            f"{path}: 'weights_sha256' is no digest of 64 hexadecimal digits; copy both again"
        )
    try:
        facts = parse_options(BundleFacts, raw, where=str(path))
    except ConfigError as error:
        raise BundleError(str(error)) from error
    refuse_other_kinds(raw, facts.model_dump(mode="json"), where=str(path))
    return facts, digest


def _weights(model: FusionModel) -> bytes:
    content: bytes = save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    )
    return content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
