"""Stage 2: every recording gets its words, with times that have been checked.

A source gives the transcript of a recording; `files` finds the reader of a transcript file by its
name; an aligner gives words their times. What comes out of `checked` has at least one word of the
participant, and at least one with times.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from cogspeech.config import TranscriptsSection
from cogspeech.errors import NoWordsError, TranscriptError
from cogspeech.registry import Registry
from cogspeech.settings import Settings
from cogspeech.transcripts.quality import with_fillers
from cogspeech.transcripts.reading import Rendering, visible
from cogspeech.transcripts.times import with_sound_times
from cogspeech.types import Recording, Speaker, Transcript, Word

LONGEST_TOLD = 200
"""Letters of a language or a source; more are no name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """What a reader has to be told."""

    roles: Mapping[str, Speaker] = field(default_factory=dict)
    """Speaker codes, tier or track names, as they stand in the file."""
    rendering: Rendering = "audible"


class TranscriptReader(ABC):
    """Reads one file format.

    What can be passed over without harm (an odd line, a word without times) becomes a warning with
    file and line, and the rest of the file is read. No message holds a word that was spoken.
    """

    suffixes: ClassVar[tuple[str, ...]]

    @abstractmethod
    def read(self, path: Path, *, recording_id: str, options: ReadingOptions) -> Transcript:
        """The transcript in a file.

        Raises:
            TranscriptError: with the file, the place in it and the remedy.
        """


class TranscriptWriter(ABC):
    """Writes one file format."""

    @abstractmethod
    def render(self, transcript: Transcript, *, duration_s: float | None) -> str:
        """The content of the file.

        Args:
            transcript: with or without times.
            duration_s: of the recording; ``None``: up to the last word.

        Raises:
            TranscriptError: the format cannot hold it, such as words without any time.
        """


class TranscriptSource(ABC):
    """Gives the transcript of a recording: from a file, or from a recogniser.

    Args:
        options: its own.
        section: the study's, for what all sources share.
    """

    Options: ClassVar[type[Settings]]

    @abstractmethod
    def __init__(self, options: Any, section: TranscriptsSection) -> None: ...

    def covers(self, recording: Recording) -> bool:  # noqa: ARG002
        """Whether there is something for this recording."""
        return True

    @abstractmethod
    def fingerprint(self) -> dict[str, Any] | None:
        """Everything the words depend on beside the audio, json-able; ``None``: nothing to keep."""

    @abstractmethod
    def transcript_of(self, recording: Recording) -> Transcript:
        """The words of one recording.

        Raises:
            TranscriptError: with the recording and the remedy.
        """


class Aligner(ABC):
    """Gives the words of a known text their times. Made with its own options."""

    Options: ClassVar[type[Settings]]

    @abstractmethod
    def __init__(self, options: Any) -> None: ...

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """Everything the times depend on, json-able: name, versions, options."""

    @abstractmethod
    def align(self, transcript: Transcript, recording: Recording) -> Transcript:
        """The same words with the times that were found; the others have none.

        Where the utterances have times, each is looked for in its own stretch of audio.

        Raises:
            AudioError: the audio cannot be decoded.
            TranscriptError: nothing of the text is heard in the audio.
        """


READERS: Registry[type[TranscriptReader]] = Registry(
    "transcript format", "cogspeech.transcripts.readers"
)
WRITERS: Registry[type[TranscriptWriter]] = Registry(
    "transcript format", "cogspeech.transcripts.writers"
)
SOURCES: Registry[type[TranscriptSource]] = Registry(
    "transcript source", "cogspeech.transcripts.sources"
)

ALIGNERS: Registry[type[Aligner]] = Registry("aligner", "cogspeech.transcripts.aligners")


def read_transcript_file(
    path: Path, *, recording_id: str, section: TranscriptsSection | None = None
) -> Transcript:
    """The transcript in a file of any known format, told by the end of its name.

    Raises:
        TranscriptError: no reader knows the name, the file cannot be read or has turns instead of
            words, or it would only be read with warnings and the section is strict.
    """
    transcript = _read(path, recording_id, section or TranscriptsSection())
    if _has_turns(transcript) and not transcript.words:
        raise TranscriptError(
            f"{path}: has turns but no words; name it in segmentation_path, and take the words "
            "from another file in transcript_path or from a recogniser in transcripts.source"
        )
    return transcript


def read_segmentation_file(
    path: Path, *, recording_id: str, section: TranscriptsSection | None = None
) -> Transcript:
    """The turns in a file: utterances with speakers and times, without words.

    Raises:
        TranscriptError: as `read_transcript_file`, and where the file has no turns.
    """
    transcript = _read(path, recording_id, section or TranscriptsSection())
    if not _has_turns(transcript):
        raise TranscriptError(
            f"{path}: has no turns; segmentation_path must name a csv table with the columns "
            "speaker, begin, end in ms"
        )
    return transcript


def _has_turns(transcript: Transcript) -> bool:
    return any(utterance.speaker is not None for utterance in transcript.utterances)


def _read(path: Path, recording_id: str, section: TranscriptsSection) -> Transcript:
    readers = {
        suffix: READERS.get(name)
        for name in READERS.names()
        for suffix in READERS.get(name).suffixes
    }
    known = [suffix for suffix in readers if path.name.lower().endswith(suffix.lower())]
    if not known:
        raise TranscriptError(
            f"{path}: no reader for this file name; expected one that ends in "
            f"{', '.join(sorted(readers))}"
        )
    options = ReadingOptions(roles=section.roles, rendering=section.rendering)
    reader = readers[max(known, key=len)]()
    transcript = reader.read(path, recording_id=recording_id, options=options)
    transcript = dataclasses.replace(
        transcript,
        language=transcript.language and _told(transcript.language),
        source=_told(transcript.source),
    )
    if section.strict and transcript.warnings:
        more = f" (+{len(transcript.warnings) - 1} more)" if len(transcript.warnings) > 1 else ""
        raise TranscriptError(f"{transcript.warnings[0]}{more}; correct it, or leave out strict")
    return transcript


def _told(text: str) -> str:
    """What a file says of itself, fit to be said again."""
    return visible(text)[:LONGEST_TOLD]


def checked(
    transcript: Transcript, duration_s: float, section: TranscriptsSection, *, where: str = ""
) -> Transcript:
    """The transcript, with words that later stages can rely on.

    Args:
        transcript: the words of one recording.
        duration_s: how long its audio lasts.
        section: what to do with words that have no times.
        where: file and row of the recording, for messages.

    Raises:
        NoWordsError: no words of the participant.
        TranscriptError: no words, and a file of which something was passed over; times most of
            which cannot be right, or no times at all where they may not be spread.
    """
    transcript = with_fillers(transcript)
    place = f"{where}: recording '{transcript.recording_id}'".removeprefix(": ")
    words = transcript.participant_words
    if transcript.warnings and not transcript.words:  # more likely another format than silence
        raise TranscriptError(f"{place} has no word that could be read: {transcript.warnings[0]}")
    if not words:
        raise NoWordsError(f"{place} has no words of the participant; correct its transcript")
    if not any(word.is_timed for word in words):
        if section.untimed_words == "leave":
            raise TranscriptError(
                f"{place} has no word with times; align it, or set "
                "transcripts.untimed_words to 'spread' (predict: --untimed-words spread)"
            )
        return _spread_evenly(transcript, duration_s)
    sound = with_sound_times(transcript, duration_s, place=place)
    if not any(word.is_heard for word in sound.participant_words):
        raise TranscriptError(f"{place} has no word whose times can be right; align it again")
    return sound


def _spread_evenly(transcript: Transcript, duration_s: float) -> Transcript:
    """All words one after the other with equal durations, marked as spread."""
    width_s = duration_s / len(transcript.words)
    words: list[Word] = [
        dataclasses.replace(word, start_s=index * width_s, end_s=(index + 1) * width_s, spread=True)
        for index, word in enumerate(transcript.words)
    ]
    return dataclasses.replace(transcript, words=tuple(words))
