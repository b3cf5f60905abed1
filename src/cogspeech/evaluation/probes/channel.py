"""``channel``: how a recording was made and stored, as the audit has heard it. Nobody's speech."""

import math
from collections.abc import Sequence
from typing import ClassVar

from cogspeech.audit.gather import hear_all
from cogspeech.audit.listening import Sound
from cogspeech.cache import ContentCache, cache_folder
from cogspeech.evaluation.base import PROBES
from cogspeech.evaluation.feature_probe import FeatureProbe
from cogspeech.evaluation.screening import Features
from cogspeech.types import Case

BIT_RATE_STEP = math.log(1.05)
OFFSET_STEP = 0.001
"""Of full scale."""


@PROBES.register("channel")
class Channel(FeatureProbe):
    """Format, level, bandwidth, noise floor, offset, clipping."""

    name: ClassVar[str] = "channel"
    looks_at: ClassVar[str] = (
        "sample rate, coding, bits, channels, bit rate, level, bandwidth, noise floor, "
        "offset and clipping: how the recording was made, nothing that was said"
    )
    lacks: ClassVar[str] = "audio that can be read"
    red_means: ClassVar[str] = (
        "How the recordings were made or stored tells the classes apart, so a model that hears "
        "them can, too."
    )

    def features(self, cases: Sequence[Case]) -> Sequence[Features | None]:
        """What the audit has measured; every file is decoded once, ever."""
        heard = hear_all([case.recording for case in cases], ContentCache(cache_folder()))
        found: list[Features | None] = []
        for case in cases:
            sound = heard[case.recording.audio_path]
            found.append(
                channel_of(sound, case.recording.audio_path.stat().st_size)
                if isinstance(sound, Sound)
                else None
            )
        return found


def channel_of(sound: Sound, num_bytes: int) -> Features:
    """The channel of one recording.

    Bit rate and offset are told in steps: a header weighs less in a longer file and chance less in
    a longer mean, so that their last digits would tell how long somebody spoke. The bit rate of
    FLAC tells how many pauses there are, so it is none of the channel.

    Args:
        sound: from the audit.
        num_bytes: of the file.
    """
    return {
        "sample_rate": str(sound.sample_rate_hz),
        "codec": sound.codec,
        "bits": str(sound.bits_per_sample),
        "channels": str(sound.num_channels),
        "bit_rate": None
        if "FLAC" in sound.codec.upper()
        else round(math.log(num_bytes / sound.duration_s) / BIT_RATE_STEP),
        "level_db": sound.level_dbfs,
        "noise_db": sound.noise_dbfs,
        "snr_db": sound.snr_db,
        "bandwidth_hz": sound.bandwidth_hz,
        "dc_offset": round(sound.dc_offset / OFFSET_STEP),
        "clipped_share": sound.clipped_share,
    }
