"""What is known of a recording before a model is asked."""

from dataclasses import dataclass
from functools import cached_property

from cogspeech.audit.listening import Sound
from cogspeech.config import TranscriptsSection
from cogspeech.corpora.decoding import AudioInfo
from cogspeech.training.training_ranges import measure_recording
from cogspeech.transcripts.quality import quality_of
from cogspeech.types import Transcript


@dataclass(frozen=True, kw_only=True)
class Heard:
    """Sound and words of one recording, as far as there are any."""

    recording_id: str
    info: AudioInfo
    sound: Sound | None
    """``None``: digital silence."""
    is_spoken: bool
    """Whether the detector of the study hears speech; without one, any sound is taken for it."""
    transcript: Transcript | None
    """``None``: no word."""
    section: TranscriptsSection
    """Of the study."""
    encoder_rate_hz: int
    """At which the audio encoder hears."""

    @cached_property
    def measured(self) -> dict[str, float | None]:
        """Every measure that a training has a range of."""
        return measure_recording(
            self.sound,
            quality_of(self.transcript, self.section) if self.transcript else None,
            duration_s=self.info.duration_s,
            hears_to_hz=self.encoder_rate_hz / 2,
        )
