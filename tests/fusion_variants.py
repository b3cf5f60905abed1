"""Every fusion there is, with every choice that its options leave."""

import dataclasses
import typing

import torch

from cogspeech.fusion.base import FUSIONS, ModelSizes, build_fusion
from cogspeech.settings import Component
from conftest import make_embedded

SIZES = ModelSizes(d_audio=5, d_text=3, num_outputs=2)
RECORDINGS = [make_embedded(f"r{i}", words=words, seed=i) for i, words in enumerate([6, 3, 9])]
PLAIN = {"num_layers": 2, "stream_dropout": 0.5}
"""Options that are numbers, and another value than the default."""


def _choices(name):
    """Every other value of an option that is a choice, and of those above."""
    for option, field in FUSIONS.get(name).Options.model_fields.items():
        if field.annotation is bool:
            yield option, not field.default
        elif typing.get_origin(field.annotation) is typing.Literal:
            yield from (
                (option, v) for v in typing.get_args(field.annotation) if v != field.default
            )
        elif option in PLAIN:
            yield option, PLAIN[option]


VARIANTS = [
    Component(name=name, **options)
    for name in FUSIONS.names()
    for options in ({}, dict(_choices(name)), dict(reversed(list(_choices(name)))))
]
"""With all defaults, with the last other value of every option, and with the first."""


def label(component):
    return "-".join([component.name, *(f"{k}={v}" for k, v in component.options.items())])


def random_model(component, sizes=SIZES, recordings=RECORDINGS):
    """In evaluation mode, with weights large enough that everything shows."""
    torch.manual_seed(0)
    model = build_fusion(component, sizes).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.fit_scaling(recordings)
    return model


def recordings_for(model, recordings=RECORDINGS):
    """Of several lengths; where the model can do without a stream, some lack one."""
    if not model.stream_dropout:
        return recordings
    lacking = [
        dataclasses.replace(recording, recording_id=f"without-{stream}", missing=(stream,))
        for recording, stream in zip(recordings, ("audio", "text"), strict=False)
    ]
    return [*recordings, *lacking]
