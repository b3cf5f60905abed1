"""Stages 2 and 3 of a study: every recording with its words, its events and its tokens."""

import os

from cogspeech.cache import ContentCache, cache_folder
from cogspeech.config import Study
from cogspeech.embeddings.base import build_encoders
from cogspeech.embeddings.entries import Job, jobs_of
from cogspeech.embeddings.extract import embed_recordings, fill_cache
from cogspeech.embeddings.worker import Outcome
from cogspeech.engines.base import Engine, EngineOptions, build_engine
from cogspeech.transcripts.transcribe import read_transcripts
from cogspeech.types import Case, Corpus, Progress, no_progress


def embed_corpus(
    corpus: Corpus, study: Study, *, workers: int = 1, progress: Progress = no_progress
) -> tuple[Case, ...]:
    """Stages 2 and 3: every recording with its words, its events and its tokens."""
    jobs = embedding_jobs(corpus, study, workers=workers, progress=progress)
    embedded = embed_recordings(
        jobs,
        build_encoders(study.audio_encoder, study.text_encoder, study.finetune),
        cache=ContentCache(cache_folder()),
        engine=build_engine("local", EngineOptions(workers=workers)),
        progress=progress,
    )
    return tuple(
        Case(recording=job.recording, transcript=job.transcript, embedded=vectors)
        for job, vectors in zip(jobs, embedded, strict=True)
    )


def embed_ahead(
    corpus: Corpus, study: Study, engine: Engine, *, progress: Progress = no_progress
) -> tuple[Outcome, ...]:
    """Stages 2 and 3 into the cache only, on any engine; one outcome per recording.

    Words are found on this machine, wherever the engine works.
    """
    workers = min(engine.options.workers, len(os.sched_getaffinity(0)))
    return fill_cache(
        embedding_jobs(corpus, study, workers=workers, progress=progress),
        build_encoders(study.audio_encoder, study.text_encoder, study.finetune),
        cache=ContentCache(cache_folder()),
        engine=engine,
        progress=progress,
    )


def embedding_jobs(
    corpus: Corpus, study: Study, *, workers: int, progress: Progress
) -> tuple[Job, ...]:
    """Stage 2: every recording with its words."""
    transcripts = read_transcripts(
        corpus.recordings,
        study.transcripts,
        cache=ContentCache(cache_folder()),
        workers=workers,
        progress=progress,
    )
    return jobs_of(corpus.recordings, transcripts, min_pause_s=study.transcripts.min_pause_s)
