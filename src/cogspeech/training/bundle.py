"""A trained model that travels: ``model.safetensors`` and ``bundle.json``, nothing executable."""

import hashlib
import json
from collections.abc import Mapping
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
from cogspeech.training.finetuning import Finetuning
from cogspeech.training.objectives.base import Objective, build_objective

FORMAT_VERSION = 4
MAX_WEIGHT_BYTES = 1 << 32
"""Encoder layers that were trained lie beside the fusion."""
MAX_JSON_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A model in evaluation mode and the facts that belong to it."""

    model: FusionModel
    objective: Objective
    """Says what the outputs of the model mean."""
    facts: BundleFacts
    digest: str
    """sha256 of the weights: the name of exactly this model."""


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
    """Writes the two files; the json last, so a folder with one is complete."""
    plain = {
        "format_version": FORMAT_VERSION,
        "weights_sha256": bundle.digest,
        **bundle.facts.model_dump(mode="json"),
    }
    write_atomically(folder / "model.safetensors", _weights(bundle.model))
    write_atomically(folder / "bundle.json", (json.dumps(plain, indent=2) + "\n").encode())


def load_bundle(folder: Path) -> Bundle:
    """The bundle in a folder.

    Raises:
        BundleError: a file is missing or damaged, or the weights do not fit the description.
    """
    facts, expected = _read_facts(folder / "bundle.json")
    path = folder / "model.safetensors"
    if not path.is_file() or path.stat().st_size > MAX_WEIGHT_BYTES:
        raise BundleError(f"{path}: missing, or larger than {MAX_WEIGHT_BYTES >> 20} MB")
    content = path.read_bytes()
    if _digest(content) != expected:
        raise BundleError(f"{path}: not the weights that bundle.json describes; copy both again")
    try:
        objective = _objective(facts)
        with torch.device("meta"):  # sizes only: a description cannot ask for memory
            empty = build_fusion(facts.fusion, facts.sizes)
        _attach_encoders(empty, facts)
        own = empty.state_dict()
        tensors = load(content)
    except (SafetensorError, ConfigError) as error:
        raise BundleError(f"{folder}: {error}") from error
    problem = _misfit(own, tensors)
    if problem:
        raise BundleError(f"{path}: does not fit the fusion it names: {problem}; copy both again")
    model = build_fusion(facts.fusion, facts.sizes)
    model.encoders = empty.encoders
    model.load_state_dict(tensors)
    return Bundle(model=model.eval(), objective=objective, facts=facts, digest=expected)


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


def _misfit(own: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """The first thing about some tensors that does not fit those of a model."""
    for name in sorted({*own, *found}):
        if name not in found:
            return f"it lacks '{name}'"
        if name not in own:
            return f"it has '{name}', which the fusion does not know"
        there, here = (
            f"{str(t.dtype).removeprefix('torch.')} {tuple(t.shape)}"
            for t in (found[name], own[name])
        )
        if there != here:
            return f"'{name}' is {there}, expected {here}"
        if not torch.isfinite(found[name]).all():
            return f"'{name}' holds values that are not finite"
    return ""


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
    if not path.is_file() or path.stat().st_size > MAX_JSON_BYTES:
        raise BundleError(
            f"{path}: no such bundle; give the 'model' folder of a run, made by 'cogspeech run'"
        )
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        found = raw.pop("format_version")
        if found != FORMAT_VERSION:
            raise BundleError(
                f"{path}: has format {found}, expected {FORMAT_VERSION}; use the cogspeech version "
                "that made it"
            )
        digest = str(raw.pop("weights_sha256"))
        return parse_options(BundleFacts, raw, where=str(path)), digest
    except ConfigError as error:
        raise BundleError(str(error)) from error
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise BundleError(f"{path}: not a valid bundle description ({error})") from error


def _weights(model: FusionModel) -> bytes:
    content: bytes = save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    )
    return content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
