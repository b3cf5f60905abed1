"""The evidence of an audit: every recording heard once and kept in the cache, words from files."""

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from cogspeech.audit.base import Evidence, Item
from cogspeech.audit.listening import VERSION, Sound, from_arrays, hear, to_arrays
from cogspeech.cache import ContentCache, content_key, file_digest
from cogspeech.config import TranscriptsSection
from cogspeech.corpora.audio import decoder_identity, probe_audio
from cogspeech.corpora.splits import THIRDS, in_thirds
from cogspeech.errors import AudioError, MissingExtra, TranscriptError
from cogspeech.processes import begin_worker
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
        classes: the labels that there may be; without any, thirds of the score are the labels.
        cache: keeps what was heard, by the content of the file.
        workers: processes that listen; 1: this one.
        progress: is told after every recording.

    Raises:
        ConfigError: a transcript source or one of its options does not exist.
    """
    if not classes:
        recordings, classes = in_thirds(recordings), THIRDS
    sources = [build_source(component, section) for component in section.sources]
    names = [component.name for component in section.sources]
    heard = hear_all(recordings, cache, workers=workers, progress=progress)
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


def hear_all(
    recordings: Sequence[Recording],
    cache: ContentCache,
    *,
    workers: int = 1,
    progress: Progress = no_progress,
) -> dict[Path, Sound | str]:
    """The sound behind every path, or why there is none; kept in the cache."""
    people = {recording.audio_path: recording.participant_id for recording in recordings}
    heard: dict[Path, Sound | str] = {}
    keys: dict[Path, str] = {}
    for path in people:
        try:
            keys[path] = _key(path)
        except (AudioError, MissingExtra) as error:
            heard[path] = str(error)
            continue
        entry = cache.read(keys[path])
        if entry is not None:
            heard[path] = from_arrays(entry)
    for path, found in _run([path for path in people if path not in heard], workers):
        heard[path] = found
        audio_s = 0.0
        if isinstance(found, Sound):
            audio_s = found.duration_s
            person = people[path]
            cache.write(
                keys[path], to_arrays(found), kind="audit", maker="audit", participant_id=person
            )
        progress("audit", len(heard), len(people), audio_s=audio_s)
    for recording in recordings:  # one file may stand under several names
        if isinstance(heard[recording.audio_path], Sound):
            cache.link(keys[recording.audio_path], recording.participant_id)
    return heard


def _key(path: Path) -> str:
    probe_audio(path)
    return content_key(
        kind="audit", version=VERSION, audio=file_digest(path), by=decoder_identity(path)
    )


def _run(paths: Sequence[Path], workers: int) -> Iterator[tuple[Path, Sound | str]]:
    if workers == 1 or len(paths) < WORTH_A_POOL:
        for path in paths:
            yield path, _hear(path)
        return
    spawn = multiprocessing.get_context("spawn")  # threads do not survive a fork
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin)
    try:
        waiting = {pool.submit(_hear, path): path for path in paths}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    except BrokenProcessPool as error:
        raise AudioError(
            "a process that listened to recordings was killed, most likely for want of memory; "
            "go on with '--workers 1': what was heard is kept"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    begin_worker()
    os.environ.update(dict.fromkeys(_THREADS, "1"))


def _hear(path: Path) -> Sound | str:
    try:
        return hear(path)
    except (AudioError, MissingExtra) as error:
        return str(error)
