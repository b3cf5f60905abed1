"""Every recording gets its words: from the first source that has some, aligned, kept, checked."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cogspeech.cache import ContentCache, content_key, file_digest
from cogspeech.config import TranscriptsSection, parse_options
from cogspeech.corpora.audio import probe_audio
from cogspeech.errors import AudioError, TranscriptError
from cogspeech.settings import Component
from cogspeech.transcripts.base import ALIGNERS, SOURCES, Aligner, TranscriptSource, checked
from cogspeech.transcripts.processes import in_processes
from cogspeech.transcripts.speakers import with_segmentation
from cogspeech.transcripts.voice_activity import (
    DETECTORS,
    SpeechDetector,
    build_detector,
    detector_of,
    kept_activity,
    voice_activity_of,
)
from cogspeech.types import (
    Phone,
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


Found = Transcript | Untranscribed


def read_transcripts(
    recordings: Sequence[Recording],
    section: TranscriptsSection,
    *,
    cache: ContentCache,
    workers: int = 1,
    progress: Progress = no_progress,
) -> tuple[Transcript, ...]:
    """One checked transcript per recording, in the same order.

    Raises:
        TranscriptError: the first problem, and how many recordings have one.
    """
    found = transcribe(recordings, section, cache=cache, workers=workers, progress=progress)
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
    workers: int = 1,
    progress: Progress = no_progress,
) -> tuple[Found, ...]:
    """A checked transcript, or the reason why there is none, per recording, in the same order.

    What a recogniser, an aligner or a detector of speech made is kept in the cache. With several
    workers, what nobody has made yet is made in other processes.

    Raises:
        ConfigError: a source, an aligner, a detector or one of its options does not exist.
        MissingExtra: the library of one of them is not installed.
    """
    here = Transcriber(section, cache)
    here.build()
    found: dict[int, Found] = {}

    def told(position: int, answer: tuple[Found, float]) -> None:
        found[position], audio_s = answer
        progress("transcripts", len(found), len(recordings), audio_s=audio_s)

    if workers > 1:
        for position, recording in enumerate(recordings):
            with suppress(_NotKept):
                told(position, here(recording, only_kept=True))
    missing = [position for position in range(len(recordings)) if position not in found]
    if workers == 1 or len(missing) < 2:
        for position in missing:
            told(position, here(recordings[position]))
    else:
        jobs, elsewhere = (
            [recordings[position] for position in missing],
            Transcriber(section, cache),
        )
        with closing(in_processes(elsewhere, jobs, workers=min(workers, len(jobs)))) as answers:
            for number, answer in answers:
                told(missing[number], answer or (_given_up(jobs[number]), 0.0))
    return tuple(found[position] for position in range(len(recordings)))


class Transcriber:
    """Finds the words of one recording at a time; until it is built, it can be sent elsewhere.

    Args:
        section: of the study.
        cache: for what recognisers, aligners and detectors make.

    Raises:
        ConfigError: a source, an aligner or a detector does not exist.
    """

    def __init__(self, section: TranscriptsSection, cache: ContentCache) -> None:
        self._section, self._cache = section, cache
        # Classes, not names: another process would have to look for them.
        self._source_types = [SOURCES.get(each.name) for each in section.sources]
        self._aligner_type = ALIGNERS.get(section.align.name) if section.align else None
        self._detector_type = DETECTORS.get(section.detector.name) if section.detector else None

    def build(self) -> None:
        """Makes the source, aligner and detector; they load what is large when it is needed.

        Raises:
            ConfigError: one of their options does not exist.
            MissingExtra: the library of one of them is not installed.
        """
        _ = self._sources, self._aligner, self._detector

    def __call__(self, recording: Recording, *, only_kept: bool = False) -> tuple[Found, float]:
        """What is found, and the seconds of audio.

        Args:
            recording: any.
            only_kept: no recogniser, aligner or detector is run; raises `_NotKept` where one is
                needed.
        """
        audio_s = 0.0
        try:
            audio_s = probe_audio(recording.audio_path).duration_s
            return self.transcript_of(recording, only_kept=only_kept), audio_s
        except (TranscriptError, AudioError) as error:
            text = str(error)
            place = "" if text.startswith(recording.where) else f"{recording.where}: "
            return Untranscribed(recording_id=recording.recording_id, problem=place + text), audio_s

    def transcript_of(self, recording: Recording, *, only_kept: bool = False) -> Transcript:
        """The checked words of one recording.

        Raises:
            AudioError: the audio cannot be decoded, or is silence (`SilentAudioError`).
            TranscriptError: there are none that can be used, or none at all (`NoWordsError`).
        """
        transcript = self._words_of(recording, only_kept)
        if self._aligner is not None and not _is_timed(transcript):
            transcript = self._aligned(transcript, recording, self._aligner, only_kept)
        transcript = with_segmentation(transcript, recording, self._section)
        duration_s = probe_audio(recording.audio_path).duration_s
        transcript = checked(transcript, duration_s, self._section, where=recording.where)
        if self._detector is not None:
            self._listen(recording, self._detector, only_kept)
        return transcript

    @cached_property
    def _sources(self) -> list[TranscriptSource]:
        pairs = zip(self._source_types, self._section.sources, strict=True)
        return [_source(plugin, component, self._section) for plugin, component in pairs]

    @cached_property
    def _aligner(self) -> Aligner | None:
        align = self._section.align
        return _aligner(self._aligner_type, align) if self._aligner_type and align else None

    @cached_property
    def _detector(self) -> SpeechDetector | None:
        chosen = self._section.detector
        return detector_of(self._detector_type, chosen) if self._detector_type and chosen else None

    def _words_of(self, recording: Recording, only_kept: bool) -> Transcript:
        sources = self._sources
        source = next((each for each in sources if each.covers(recording)), sources[-1])
        fingerprint = source.fingerprint()
        if fingerprint is None:
            return source.transcript_of(recording)
        key = content_key(
            kind="transcript", audio=file_digest(recording.audio_path), source=fingerprint
        )
        kept = _read(self._cache, key, recording)
        if kept is None:
            _needed(only_kept)
            kept = source.transcript_of(recording)
            _write(self._cache, key, kept, recording, maker=str(fingerprint["name"]))
        return kept

    def _aligned(
        self, transcript: Transcript, recording: Recording, aligner: Aligner, only_kept: bool
    ) -> Transcript:
        fingerprint = aligner.fingerprint()
        key = content_key(
            kind="transcript",
            audio=file_digest(recording.audio_path),
            words=_plain(transcript),
            aligner=fingerprint,
        )
        kept = _read(self._cache, key, recording)
        if kept is None:
            _needed(only_kept)
            kept = aligner.align(transcript, recording)
            _write(self._cache, key, kept, recording, maker=str(fingerprint["name"]))
        return kept

    def _listen(self, recording: Recording, detector: SpeechDetector, only_kept: bool) -> None:
        if kept_activity(recording, detector, self._cache) is None:
            _needed(only_kept)
            voice_activity_of(recording, detector, self._cache)


class _NotKept(Exception):
    """Something would have to be made that is not in the cache."""


def _needed(only_kept: bool) -> None:
    if only_kept:
        raise _NotKept


def build_source(component: Component, section: TranscriptsSection) -> TranscriptSource:
    """A source with its own options.

    Raises:
        ConfigError: it or one of its options does not exist.
    """
    return _source(SOURCES.get(component.name), component, section)


def build_aligner(section: TranscriptsSection) -> Aligner | None:
    """The aligner of a study, if it has one.

    Raises:
        ConfigError: it or one of its options does not exist.
    """
    align = section.align
    return _aligner(ALIGNERS.get(align.name), align) if align else None


def makers_of(section: TranscriptsSection) -> dict[str, Any]:
    """What the words of a study come from: versions, digests of models and options, json-able.

    Raises:
        ConfigError: a source, an aligner, a detector or one of its options does not exist.
        MissingExtra: the library of one of them is not installed.
    """
    makers: dict[str, Any] = {
        f"source {component.name}": build_source(component, section).fingerprint()
        for component in section.sources
    }
    if aligner := build_aligner(section):
        makers["aligner"] = aligner.fingerprint()
    if detector := build_detector(section):
        makers["voice_activity"] = detector.fingerprint()
    return makers


def _source(
    plugin: type[TranscriptSource], component: Component, section: TranscriptsSection
) -> TranscriptSource:
    options = parse_options(plugin.Options, component.options, where="transcripts: source")
    return plugin(options, section)


def _aligner(plugin: type[Aligner], component: Component) -> Aligner:
    return plugin(parse_options(plugin.Options, component.options, where="transcripts: align"))


def _given_up(recording: Recording) -> Untranscribed:
    reason = "given up after two tries (its process ended, perhaps for want of memory)"
    return Untranscribed(
        recording_id=recording.recording_id, problem=f"{recording.where}: {reason}"
    )


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
        words=tuple(map(_word, plain["words"])),
        utterances=tuple(Utterance(**utterance) for utterance in plain["utterances"]),
        language=plain["language"],
        source=plain["source"],
        warnings=tuple(plain["warnings"]),
    )


def _word(plain: dict[str, Any]) -> Word:
    return Word(**{**plain, "phones": tuple(Phone(**phone) for phone in plain["phones"])})


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
