"""A second opinion on where speech is: a detector listens, and its disagreement is counted.

Words where it hears nothing may be made up; speech inside a pause may be a word that is missing.
Nothing is changed by it: which of the two is right, a person has to hear.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from cogspeech.cache import ContentCache, content_key, file_digest
from cogspeech.config import TranscriptsSection, parse_options
from cogspeech.corpora.audio import read_audio
from cogspeech.registry import Registry
from cogspeech.settings import Component, Settings
from cogspeech.types import Recording

SAMPLE_RATE_HZ = 16_000

Spans = Float[np.ndarray, "span 2"]
"""Start and end in seconds."""


class SpeechDetector(ABC):
    """Says where speech is. Made with its own options."""

    Options: ClassVar[type[Settings]]

    @abstractmethod
    def __init__(self, options: Any) -> None: ...

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """Everything that is found depends on, json-able: name, versions, options."""

    @abstractmethod
    def detect(self, samples: Float[np.ndarray, " sample"]) -> Spans:
        """The speech of a whole recording at `SAMPLE_RATE_HZ`: in order, without overlap."""


DETECTORS: Registry[type[SpeechDetector]] = Registry(
    "speech detector", "cogspeech.transcripts.detectors"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceActivity:
    """Where one detector hears speech in one recording."""

    spans: Spans
    """In order, without overlap."""

    def speech_s(self, spans: Spans) -> Float[np.ndarray, " span"]:
        """Seconds of speech in each of some spans."""
        lengths_s = self.spans[:, 1] - self.spans[:, 0]
        edges_s = np.concatenate([[0.0], self.spans.ravel()])
        until_s = np.concatenate([[0.0], np.cumsum(lengths_s)])
        heard_s = np.concatenate([[0.0], np.stack([until_s[:-1], until_s[1:]], axis=1).ravel()])
        heard: Float[np.ndarray, " span"] = np.diff(np.interp(spans, edges_s, heard_s), axis=1)
        return heard[:, 0]


def build_detector(section: TranscriptsSection) -> SpeechDetector | None:
    """The detector of a study, if it has one.

    Raises:
        ConfigError: it or one of its options does not exist.
        MissingExtra: its library is not installed.
    """
    component = section.detector
    return detector_of(DETECTORS.get(component.name), component) if component else None


def detector_of(plugin: type[SpeechDetector], component: Component) -> SpeechDetector:
    """A detector with its own options.

    Raises:
        ConfigError: one of its options does not exist.
        MissingExtra: its library is not installed.
    """
    where = "transcripts: voice_activity"
    return plugin(parse_options(plugin.Options, component.options, where=where))


def voice_activity_of(
    recording: Recording, detector: SpeechDetector, cache: ContentCache
) -> VoiceActivity:
    """Where speech is heard in a recording; kept in the cache.

    Raises:
        AudioError: the audio cannot be decoded.
    """
    kept = kept_activity(recording, detector, cache)
    if kept is not None:
        return kept
    samples = read_audio(recording.audio_path, sample_rate_hz=SAMPLE_RATE_HZ)
    spans = detector.detect(samples)
    cache.write(
        _key(recording, detector),
        {"spans": spans},
        kind="speech",
        maker=str(detector.fingerprint()["name"]),
        participant_id=recording.participant_id,
    )
    return VoiceActivity(spans=spans)


def kept_activity(
    recording: Recording, detector: SpeechDetector, cache: ContentCache
) -> VoiceActivity | None:
    """What is in the cache already."""
    key = _key(recording, detector)
    kept = cache.read(key)
    if kept is None:
        return None
    cache.link(key, recording.participant_id)
    return VoiceActivity(spans=kept["spans"])


def _key(recording: Recording, detector: SpeechDetector) -> str:
    audio = file_digest(recording.audio_path)
    return content_key(kind="speech", audio=audio, detector=detector.fingerprint())
