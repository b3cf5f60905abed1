"""``codecs``: what files and meetings over the internet do to a voice."""

from dataclasses import replace
from typing import Any, ClassVar

from cogspeech.robustness.base import (
    PERTURBATIONS,
    Heard,
    Severity,
    SoundPerturbation,
    Surroundings,
)
from cogspeech.robustness.transmission import through_codec

RATE_HZ = 16_000
OPUS_BITS_PER_S = (6_000, 256_000)
"""What libsndfile takes for its compression levels 1 and 0."""
MP3_BITS_PER_S = (8_000, 160_000)
"""The same, at this rate."""


def _opus(bits_per_s: int) -> dict[str, Any]:
    return {"file_format": "OGG", "subtype": "OPUS", **_level(bits_per_s, *OPUS_BITS_PER_S)}


def _mp3(bits_per_s: int) -> dict[str, Any]:
    return {
        "file_format": "MP3",
        "subtype": "MPEG_LAYER_III",
        "bitrate_mode": "CONSTANT",
        **_level(bits_per_s, *MP3_BITS_PER_S),
    }


def _level(bits_per_s: int, lowest: int, highest: int) -> dict[str, float]:
    return {"compression_level": (highest - bits_per_s) / (highest - lowest)}


CODECS = {
    "MP3 64k": _mp3(64_000),
    "MP3 32k": _mp3(32_000),
    "MP3 16k": _mp3(16_000),
    "Opus 64k": _opus(64_000),
    "Opus 24k": _opus(24_000),
    "Opus 12k": _opus(12_000),
    "Opus 6k": _opus(6_000),
}


@PERTURBATIONS.register("codecs")
class Codecs(SoundPerturbation):
    """MP3 and Opus at 16 kHz."""

    name: ClassVar[str] = "codecs"
    does: ClassVar[str] = "sends the recording through MP3 or Opus at 16 kHz"
    unit: ClassVar[str] = "codec and bits per second"
    severities: ClassVar[tuple[Severity, ...]] = tuple(CODECS)

    def perturb(self, heard: Heard, severity: Severity, around: Surroundings) -> Heard:  # noqa: ARG002
        """The recording after it was stored or sent."""
        codec = CODECS[str(severity)]
        samples = through_codec(heard.samples, heard.sample_rate_hz, codec_rate_hz=RATE_HZ, **codec)
        return replace(heard, samples=samples)
