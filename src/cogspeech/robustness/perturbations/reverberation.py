"""``reverberation``: the same voice, heard from one metre away in a room that rings."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from scipy.signal import oaconvolve

from cogspeech.robustness.base import (
    PERTURBATIONS,
    Heard,
    Severity,
    SoundPerturbation,
    Surroundings,
)
from cogspeech.robustness.levels import rms, speech_rms

ROOM_M3 = 60.0
DISTANCE_M = 1.0
FIRST_ECHO_S = 0.0025
DECAY = np.log(1e3)
"""60 dB less power is a thousandth of the amplitude."""


@PERTURBATIONS.register("reverberation")
class Reverberation(SoundPerturbation):
    """The direct sound, and Polack's tail: noise that decays by 60 dB in the reverberation time.

    The tail has the power that a diffuse field has beside the direct sound of a source that shines
    in all directions: 16 pi distance^2 / (0.161 volume / RT60) (Kuttruff, Room Acoustics, 2009).
    The direct sound stays where it is, so no word moves, and the level over the words stays too.
    """

    name: ClassVar[str] = "reverberation"
    does: ClassVar[str] = (
        f"puts the microphone {DISTANCE_M:g} m away in a room of {ROOM_M3:g} cubic metres; no word "
        "moves, the level over the words stays"
    )
    unit: ClassVar[str] = "reverberation time RT60 (s)"
    severities: ClassVar[tuple[Severity, ...]] = (0.2, 0.4, 0.6, 0.8, 1.0)

    def perturb(self, heard: Heard, severity: Severity, around: Surroundings) -> Heard:
        """The recording in the room."""
        response = room_response(float(severity), heard.sample_rate_hz, around.generator)
        wet = oaconvolve(heard.samples, response)[: len(heard.samples)]
        scale = speech_rms(heard) / rms(heard.during_words(wet))
        return replace(heard, samples=(scale * wet).astype(np.float32))


def room_response(
    rt60_s: float, sample_rate_hz: int, generator: np.random.Generator
) -> Float[np.ndarray, " tap"]:
    """An impulse response; its first tap is the direct sound."""
    time_s = np.arange(round(rt60_s * sample_rate_hz)) / sample_rate_hz
    tail = generator.standard_normal(len(time_s)) * np.exp(-DECAY * time_s / rt60_s)
    tail[time_s < FIRST_ECHO_S] = 0.0
    power = 16 * np.pi * DISTANCE_M**2 * rt60_s / (0.161 * ROOM_M3)
    response: np.ndarray = tail * np.sqrt(power / np.sum(np.square(tail)))
    response[0] = 1.0
    return response
