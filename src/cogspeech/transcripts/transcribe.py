"""Every recording gets its words: from the first source that has some, aligned, kept, checked."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cogspeech.cache import ContentCache, content_key, file_digest
from cogspeech.config import Component, TranscriptsSection, parse_options
from cogspeech.corpora.audio import probe_audio
from cogspeech.errors import AudioError, TranscriptError
from cogspeech.transcripts.base import ALIGNERS, SOURCES, Aligner, TranscriptSource, checked
from cogspeech.transcripts.voice_activity import build_detector, voice_activity_of
from cogspeech.types import (
    Progress,
    Recording,
    Transcript,
    Utterance,
    Word,
    no_progress,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Untranscribed:
    """A recording that has no usable words, and why."""

    recording_id: str
    problem: str


def read_transcripts(
    recordings: Sequence[Recording],
    section: TranscriptsSection,
    *,
    cache: ContentCache,
    progress: Progress = no_progress,
) -> tuple[Transcript, ...]:
    """One checked transcript per recording, in the same order.

    Raises:
        TranscriptError: the first problem, and how many recordings have one.
    """
    found = transcribe(recordings, section, cache=cache, progress=progress)
    problems = [each.problem for each in found if isinstance(each, Untranscribed)]
    if problems:
        more = f" (+{len(problems) - 1} more recordings)" if len(problems) > 1 else ""
        raise TranscriptError(problems[0] + more)
    return tuple(each for each in found if isinstance(each, Transcript))


def transcribe(
    recordings: Sequence[Recording],
    section: TranscriptsSection,
    *,
    cache: ContentCache,
    progress: Progress = no_progress,
) -> tuple[Transcript | Untranscribed, ...]:
    """A checked transcript, or the reason why there is none, per recording, in the same order.

    What a recogniser, an aligner or a detector of speech made is kept in the cache.

    Raises:
        ConfigError: a source, an aligner, a detector or one of its options does not exist.
        MissingExtra: the library of one of them is not installed.
    """
    sources = [build_source(component, section) for component in section.sources]
    aligner, detector = build_aligner(section), build_detector(section)
    found: list[Transcript | Untranscribed] = []
    for done, recording in enumerate(recordings, start=1):
        audio_s = 0.0
        try:
            audio_s = probe_audio(recording.audio_path).duration_s
            transcript = _words_of(recording, sources, cache)
            if aligner is not None and not _is_timed(transcript):
                transcript = _aligned(transcript, recording, aligner, cache)
            transcript = checked(transcript, audio_s, section, where=recording.where)
            if detector is not None:
                voice_activity_of(recording, detector, cache)
            found.append(transcript)
        except (TranscriptError, AudioError) as error:
            text = str(error)
            place = "" if text.startswith(recording.where) else f"{recording.where}: "
            found.append(Untranscribed(recording_id=recording.recording_id, problem=place + text))
        progress("transcripts", done, len(recordings), audio_s=audio_s)
    return tuple(found)


def build_source(component: Component, section: TranscriptsSection) -> TranscriptSource:
    """A source with its own options.

    Raises:
        ConfigError: it or one of its options does not exist.
    """
    plugin = SOURCES.get(component.name)
    options = parse_options(plugin.Options, component.options, where="transcripts: source")
    return plugin(options, section)


def build_aligner(section: TranscriptsSection) -> Aligner | None:
    """The aligner of a study, if it has one.

    Raises:
        ConfigError: it or one of its options does not exist.
    """
    if section.align is None:
        return None
    plugin = ALIGNERS.get(section.align.name)
    options = parse_options(plugin.Options, section.align.options, where="transcripts: align")
    return plugin(options)


def _words_of(
    recording: Recording, sources: Sequence[TranscriptSource], cache: ContentCache
) -> Transcript:
    source = next((each for each in sources if each.covers(recording)), sources[-1])
    fingerprint = source.fingerprint()
    if fingerprint is None:
        return source.transcript_of(recording)
    key = content_key(
        kind="transcript", audio=file_digest(recording.audio_path), source=fingerprint
    )
    kept = _read(cache, key, recording)
    if kept is None:
        kept = source.transcript_of(recording)
        _write(cache, key, kept, recording, maker=str(fingerprint["name"]))
    return kept


def _aligned(
    transcript: Transcript, recording: Recording, aligner: Aligner, cache: ContentCache
) -> Transcript:
    fingerprint = aligner.fingerprint()
    key = content_key(
        kind="transcript",
        audio=file_digest(recording.audio_path),
        words=_plain(transcript),
        aligner=fingerprint,
    )
    kept = _read(cache, key, recording)
    if kept is None:
        kept = aligner.align(transcript, recording)
        _write(cache, key, kept, recording, maker=str(fingerprint["name"]))
    return kept


def _is_timed(transcript: Transcript) -> bool:
    return all(word.is_timed for word in transcript.words)


def _read(cache: ContentCache, key: str, recording: Recording) -> Transcript | None:
    entry = cache.read(key)
    if entry is None:
        return None
    cache.link(key, recording.participant_id)
    plain: dict[str, Any] = json.loads(entry["json"].tobytes())
    return Transcript(
        recording_id=recording.recording_id,
        words=tuple(Word(**word) for word in plain["words"]),
        utterances=tuple(Utterance(**utterance) for utterance in plain["utterances"]),
        language=plain["language"],
        source=plain["source"],
        warnings=tuple(plain["warnings"]),
    )


def _write(
    cache: ContentCache, key: str, transcript: Transcript, recording: Recording, *, maker: str
) -> None:
    content = np.frombuffer(json.dumps(_plain(transcript)).encode(), dtype=np.uint8)
    person = recording.participant_id
    cache.write(key, {"json": content}, kind="transcript", maker=maker, participant_id=person)


def _plain(transcript: Transcript) -> Mapping[str, Any]:
    """The transcript as json, without the recording it belongs to."""
    plain = dataclasses.asdict(transcript)
    plain.pop("recording_id")
    return plain
