"""The evidence of an audit: every recording heard once and kept in the cache, words from files."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from cogspeech.audit.base import Evidence, Item
from cogspeech.audit.listening import VERSION, Sound, from_arrays, hear, to_arrays
from cogspeech.cache import ContentCache, content_key, file_digest
from cogspeech.config import TranscriptsSection
from cogspeech.corpora.audio import decoder_identity, probe_audio
from cogspeech.errors import AudioError, MissingExtra, TranscriptError
from cogspeech.transcripts.base import TranscriptSource
from cogspeech.transcripts.transcribe import build_source
from cogspeech.types import Progress, Recording, Transcript, no_progress

WORTH_A_POOL = 16
"""Recordings still to be heard; below it, starting processes takes longer than it saves."""
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def gather_evidence(
    recordings: Sequence[Recording],
    section: TranscriptsSection,
    *,
    classes: Sequence[str],
    cache: ContentCache,
    workers: int = 1,
    progress: Progress = no_progress,
) -> Evidence:
    """What the checks look at.

    Args:
        recordings: of the corpus; nothing about them is refused.
        section: where the words come from. What a recogniser would have to hear is left out.
        classes: the labels that there may be.
        cache: keeps what was heard, by the content of the file.
        workers: processes that listen; 1: this one.
        progress: is told after every recording.

    Raises:
        ConfigError: a transcript source or one of its options does not exist.
    """
    sources = [build_source(component, section) for component in section.sources]
    names = [component.name for component in section.sources]
    heard = _hear_all(recordings, cache, workers=workers, progress=progress)
    items = []
    for recording in recordings:
        found = heard[recording.audio_path]
        covering = (pair for pair in zip(names, sources, strict=True) if pair[1].covers(recording))
        name, source = next(covering, (None, None))
        transcript, problem = _words(recording, source)
        items.append(
            Item(
                recording=recording,
                sound=found if isinstance(found, Sound) else None,
                sound_problem=None if isinstance(found, Sound) else found,
                transcript=transcript,
                transcript_problem=problem,
                transcript_source=transcript.source if transcript else name,
            )
        )
    return Evidence(items=tuple(items), classes=tuple(classes))


def _words(
    recording: Recording, source: TranscriptSource | None
) -> tuple[Transcript | None, str | None]:
    """The transcript, if it is kept nowhere because it lies in a file, or why it is unusable."""
    if source is None or source.fingerprint() is not None:
        return None, None
    try:
        return source.transcript_of(recording), None
    except TranscriptError as error:
        return None, str(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    path: Path
    key: str
    participant_id: str


def _hear_all(
    recordings: Sequence[Recording], cache: ContentCache, *, workers: int, progress: Progress
) -> dict[Path, Sound | str]:
    """The sound behind every path, or why there is none."""
    heard: dict[Path, Sound | str] = {}
    jobs: dict[Path, _Job] = {}
    for recording in recordings:
        path = recording.audio_path
        try:
            probe_audio(path)
            key = content_key(
                kind="audit", version=VERSION, audio=file_digest(path), by=decoder_identity(path)
            )
        except (AudioError, MissingExtra) as error:
            heard[path] = str(error)
            continue
        entry = cache.read(key)
        if entry is None:
            jobs[path] = _Job(path=path, key=key, participant_id=recording.participant_id)
        else:
            cache.link(key, recording.participant_id)
            heard[path] = from_arrays(entry)
    done, total = len(heard), len(heard) + len(jobs)
    for job, found in _run(list(jobs.values()), workers):
        heard[job.path] = found
        done += 1
        audio_s = 0.0
        if isinstance(found, Sound):
            audio_s = found.duration_s
            cache.write(
                job.key,
                to_arrays(found),
                kind="audit",
                maker="audit",
                participant_id=job.participant_id,
            )
        progress("audit", done, total, audio_s=audio_s)
    return heard


def _run(jobs: Sequence[_Job], workers: int) -> Iterator[tuple[_Job, Sound | str]]:
    if workers == 1 or len(jobs) < WORTH_A_POOL:
        for job in jobs:
            yield job, _hear(job.path)
        return
    spawn = multiprocessing.get_context("spawn")  # threads do not survive a fork
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin)
    try:
        waiting = {pool.submit(_hear, job.path): job for job in jobs}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends this one
    os.environ.update(dict.fromkeys(_THREADS, "1"))


def _hear(path: Path) -> Sound | str:
    try:
        return hear(path)
    except (AudioError, MissingExtra) as error:
        return str(error)
