"""Stage 2: every recording gets its words, with times that have been checked.

A source gives the transcript of a recording; `files` finds the reader of a transcript file by its
name. What comes out of `read_transcripts` has at least one word of the participant per recording,
and at least one with times.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from cogspeech.config import TranscriptsSection
from cogspeech.corpora.audio import probe_audio
from cogspeech.errors import TranscriptError
from cogspeech.registry import Registry
from cogspeech.types import Progress, Recording, Transcript, Word, no_progress

TIME_TOLERANCE_S = 1e-3


class TranscriptReader(ABC):
    """Reads one file format."""

    suffixes: ClassVar[tuple[str, ...]]

    @abstractmethod
    def read(self, path: Path, *, recording_id: str) -> Transcript:
        """The transcript in a file.

        Raises:
            TranscriptError: with the file, the place in it and the remedy.
        """


class TranscriptSource(ABC):
    """Gives the transcript of a recording: from a file, or from a recogniser."""

    @abstractmethod
    def transcript_of(self, recording: Recording) -> Transcript:
        """The words of one recording.

        Raises:
            TranscriptError: with the recording and the remedy.
        """


READERS: Registry[type[TranscriptReader]] = Registry("transcript format", "cogspeech.transcripts")
SOURCES: Registry[type[TranscriptSource]] = Registry("transcript source", "cogspeech.transcripts")


def read_transcript_file(path: Path, *, recording_id: str) -> Transcript:
    """The transcript in a file of any known format, told by the end of its name.

    Raises:
        TranscriptError: no reader knows the name, or the file cannot be read.
    """
    known: list[str] = []
    for name in READERS.names():
        reader = READERS.get(name)
        known += reader.suffixes
        if path.name.endswith(reader.suffixes):
            return reader().read(path, recording_id=recording_id)
    raise TranscriptError(
        f"{path}: no reader for this file name; expected one that ends in {', '.join(known)}"
    )


def read_transcripts(
    recordings: Sequence[Recording],
    section: TranscriptsSection,
    *,
    progress: Progress = no_progress,
) -> tuple[Transcript, ...]:
    """One checked transcript per recording, in the same order.

    Raises:
        TranscriptError: the first problem, and how many recordings have one.
    """
    source = SOURCES.get(section.source)()
    transcripts, problems = [], []
    for done, recording in enumerate(recordings, start=1):
        try:
            transcript = source.transcript_of(recording)
            duration_s = probe_audio(recording.audio_path).duration_s
            transcripts.append(checked(transcript, duration_s, section, where=recording.where))
        except TranscriptError as error:
            problems.append(str(error))
        progress("transcripts", done, len(recordings))
    if problems:
        more = f" (+{len(problems) - 1} more recordings)" if len(problems) > 1 else ""
        raise TranscriptError(problems[0] + more)
    return tuple(transcripts)


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
        TranscriptError: no words of the participant, a word outside the audio, times that run
            backwards, or no times at all where they may not be spread.
    """
    place = f"{where}: recording '{transcript.recording_id}'".removeprefix(": ")
    words = transcript.participant_words
    if not words:
        raise TranscriptError(f"{place} has no words of the participant; correct its transcript")
    if not any(word.is_timed for word in words):
        if section.untimed_words == "leave":
            raise TranscriptError(
                f"{place} has no word with times; align it, or set "
                "transcripts.untimed_words to 'spread'"
            )
        return _spread_evenly(transcript, duration_s)
    _check_times(transcript, duration_s, place)
    return transcript


def _check_times(transcript: Transcript, duration_s: float, place: str) -> None:
    latest_start: dict[str, float] = {}
    for number, word in enumerate(transcript.words, start=1):
        if word.start_s is None or word.end_s is None:
            continue
        if word.end_s > duration_s + TIME_TOLERANCE_S:
            raise TranscriptError(
                f"{place}: word {number} ends at {word.end_s:.3f} s, after the audio "
                f"({duration_s:.3f} s); are the times in seconds and is it the right audio?"
            )
        if word.start_s < latest_start.get(word.speaker, 0.0):
            raise TranscriptError(
                f"{place}: word {number} starts at {word.start_s:.3f} s, before the word that "
                "precedes it; put the words in the order of time"
            )
        latest_start[word.speaker] = word.start_s


def _spread_evenly(transcript: Transcript, duration_s: float) -> Transcript:
    """All words one after the other with equal durations, marked as spread."""
    width_s = duration_s / len(transcript.words)
    words: list[Word] = [
        dataclasses.replace(word, start_s=index * width_s, end_s=(index + 1) * width_s, spread=True)
        for index, word in enumerate(transcript.words)
    ]
    return dataclasses.replace(transcript, words=tuple(words))
