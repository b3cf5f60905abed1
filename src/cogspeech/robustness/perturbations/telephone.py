"""``telephone``: the band of a telephone, and the codecs of its networks."""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from scipy.signal import butter, sosfiltfilt

from cogspeech.robustness.base import (
    PERTURBATIONS,
    Heard,
    Severity,
    SoundPerturbation,
    Surroundings,
)
from cogspeech.robustness.transmission import at_rate, fitted, through_codec

RATE_HZ = 8_000
BAND_HZ = (300.0, 3400.0)
CODECS: dict[str, dict[str, Any]] = {
    "u-law": {"file_format": "WAV", "subtype": "ULAW"},
    "G.721": {"file_format": "AU", "subtype": "G721_32"},
    "GSM": {"file_format": "WAV", "subtype": "GSM610"},
}


@PERTURBATIONS.register("telephone")
class Telephone(SoundPerturbation):
    """8 kHz, 300 to 3400 Hz; then G.711 (64 kbit/s), G.721 (32) or GSM 06.10 (13)."""

    name: ClassVar[str] = "telephone"
    does: ClassVar[str] = (
        "keeps 300 to 3400 Hz at 8 kHz, then sends it through G.711 u-law (64 kbit/s), G.721 (32) "
        "or GSM 06.10 (13)"
    )
    unit: ClassVar[str] = "network"
    severities: ClassVar[tuple[Severity, ...]] = ("band", *CODECS)

    def perturb(self, heard: Heard, severity: Severity, around: Surroundings) -> Heard:  # noqa: ARG002
        """The recording as it comes out of the receiver."""
        rate_hz, num_samples = heard.sample_rate_hz, len(heard.samples)
        narrow = at_rate(heard.samples, rate_hz, RATE_HZ)
        sections = butter(4, BAND_HZ, "bandpass", fs=RATE_HZ, output="sos")
        narrow = sosfiltfilt(sections, narrow).astype(np.float32)
        if severity != "band":
            codec = CODECS[str(severity)]
            narrow = through_codec(narrow, RATE_HZ, codec_rate_hz=RATE_HZ, **codec)
        wide = fitted(at_rate(narrow, RATE_HZ, rate_hz), num_samples)
        return replace(heard, samples=wide)
