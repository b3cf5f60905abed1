"""The words of a recording that is to be judged: from a file, else from a recogniser."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from cogspeech.audit.listening import Sound
from cogspeech.cache import ContentCache
from cogspeech.config import TranscriptsSection, parse_options
from cogspeech.errors import TranscriptError
from cogspeech.settings import Component
from cogspeech.transcripts.base import SOURCES
from cogspeech.transcripts.transcribe import Transcriber
from cogspeech.transcripts.voice_activity import build_detector, voice_activity_of
from cogspeech.types import Recording, Transcript

FILES = "files"


def words_beside(audio_path: Path) -> Path:
    """Where the words of a recording are looked for when nobody says where they are."""
    return audio_path.with_name(f"{audio_path.stem}.words.json")


class WordFinder:
    """Finds words as the study did: its aligner, its turns, its checks of times.

    Args:
        section: of the study.
        recogniser: a transcript source, with its options if it needs some; ``None``: that of the
            study, if it has one. One of the study keeps the options it had there.
        cache: for what recognisers and aligners make.

    Raises:
        ConfigError: there is no such recogniser, or it lacks an option.
    """

    def __init__(
        self, section: TranscriptsSection, recogniser: str | Component | None, cache: ContentCache
    ) -> None:
        self._section, self._cache = section, cache
        self._is_chosen = recogniser is not None
        others = [source for source in section.sources if source.name != FILES]
        if recogniser is not None:
            given = recogniser if isinstance(recogniser, Component) else None
            name = given.name if given else str(recogniser)
            own = next((source for source in others if source.name == name), None)
            chosen = given or own or Component(name=name)
            where = f"recogniser {name}"
            parse_options(SOURCES.get(name).Options, chosen.options, where=where)
            others = [chosen]
        self._recogniser = others[0] if others else None
        self._detector = build_detector(section)
        self._transcribers: dict[tuple[bool, str], Transcriber] = {}

    def file_for(self, audio_path: Path, given: Path | None) -> Path | None:
        """The words file of a recording; ``None``: a recogniser is to find its words.

        Raises:
            TranscriptError: there is none, and no recogniser.
        """
        beside = words_beside(audio_path)
        if given is not None:
            if not given.is_file():
                raise TranscriptError(f"{given}: no such words file; correct its path")
            return given
        if beside.is_file() and not self._is_chosen:
            return beside
        if self._recogniser is None:
            raise TranscriptError(
                f"{beside}: no such words file; give its path with --transcript, or choose what "
                "finds the words with --recogniser, such as pocketsphinx"
            )
        return None

    def transcript_of(
        self, recording: Recording, untimed_words: Literal["leave", "spread"] | None
    ) -> Transcript:
        """The checked words.

        Raises:
            AudioError: the audio cannot be decoded.
            NoWordsError: there are none.
            TranscriptError: they cannot be used.
        """
        is_file = recording.transcript_path is not None
        if is_file:  # where its words can be corrected
            recording = replace(recording, where=str(recording.transcript_path))
        untimed = untimed_words or self._section.untimed_words
        key = (is_file, untimed)
        if key not in self._transcribers:
            source = Component(name=FILES) if is_file else self._recogniser
            section = self._section.model_copy(update={"source": source, "untimed_words": untimed})
            self._transcribers[key] = Transcriber(section, self._cache)
        return self._transcribers[key].transcript_of(recording)

    def is_speech_heard(self, recording: Recording, sound: Sound) -> bool:
        """Whether the detector of the study hears any; without one, what rises above the noise.

        Raises:
            AudioError: the audio cannot be decoded.
        """
        if self._detector is None:
            return sound.speech_s > 0
        return len(voice_activity_of(recording, self._detector, self._cache).spans) > 0
