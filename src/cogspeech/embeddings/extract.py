"""Stage 3: a recording and its transcript become audio events and text tokens.

Each recording is decoded once, reduced to the participant's turns, encoded in long windows with
context on both sides, and the frames are pooled into words and pauses (`worker`). Results are
cached by content (`entries`), so nothing is ever encoded twice; where the work is done is the
choice of an engine (`cogspeech.engines`).
"""

from collections.abc import Sequence

from cogspeech.cache import ContentCache
from cogspeech.embeddings.dispatch import embed_on
from cogspeech.embeddings.entries import Encoders, Entries, Job
from cogspeech.embeddings.worker import Outcome, Worker
from cogspeech.engines.base import Engine, EngineOptions, build_engine
from cogspeech.errors import AudioError, CacheError, EmbeddingError
from cogspeech.types import EmbeddedRecording, Progress, no_progress


def fill_cache(
    jobs: Sequence[Job],
    encoders: Encoders,
    *,
    cache: ContentCache,
    engine: Engine,
    progress: Progress = no_progress,
) -> tuple[Outcome, ...]:
    """Embeds what is not in the cache yet.

    Returns:
        One outcome per recording, in the same order; one with a ``problem`` has no entry.

    Raises:
        EncoderError: an encoder cannot be loaded.
        CacheError: the cache cannot be written.
    """
    entries = Entries(cache, encoders)
    outcomes: dict[str, Outcome] = {}

    def told(outcome: Outcome, *, is_new: bool) -> None:
        outcomes[outcome.recording_id] = outcome
        progress("embed", len(outcomes), len(jobs), audio_s=outcome.audio_s if is_new else 0.0)

    missing = []
    progress("embed", 0, len(jobs))
    for job in jobs:
        if _is_cached(job, entries):
            told(Outcome.of(job), is_new=False)
        else:
            missing.append(job)
    if missing:
        for outcome in embed_on(engine, Worker(encoders, cache), missing):
            told(outcome, is_new=True)
    return tuple(outcomes[job.recording.recording_id] for job in jobs)


def embed_recordings(
    jobs: Sequence[Job],
    encoders: Encoders,
    *,
    cache: ContentCache,
    engine: Engine | None = None,
    progress: Progress = no_progress,
) -> tuple[EmbeddedRecording, ...]:
    """Every recording embedded, in the same order, through the cache.

    Alone or among others, a recording gives the same numbers.

    Raises:
        EmbeddingError: the first recording that cannot be embedded, and how many more there are.
        EncoderError: an encoder cannot be loaded.
        CacheError: the cache cannot be written.
    """
    engine = engine or build_engine("local", EngineOptions())
    outcomes = fill_cache(jobs, encoders, cache=cache, engine=engine, progress=progress)
    problems = [outcome.problem for outcome in outcomes if outcome.problem]
    if problems:
        more = f" (+{len(problems) - 1} more recordings)" if len(problems) > 1 else ""
        raise EmbeddingError(problems[0] + more)
    entries = Entries(cache, encoders)
    embedded = []
    for job in jobs:
        found = entries.read(job)
        if found is None:
            raise CacheError(f"{cache.folder}: an entry vanished while it was needed; start again")
        embedded.append(found)
    return tuple(embedded)


def _is_cached(job: Job, entries: Entries) -> bool:
    try:
        return entries.read(job) is not None
    except AudioError:  # the worker says it again, among the outcomes
        return False
