"""Which worker gets which recordings, and what to do if one dies.

The groups are the same on every engine, so all of them write the same bytes.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from cogspeech.embeddings.entries import Job
from cogspeech.embeddings.worker import Outcome, Worker
from cogspeech.engines.base import Engine
from cogspeech.errors import AudioError, CogspeechError

Jobs = tuple[Job, ...]
MAX_GROUP = 64
"""Recordings that a slot takes at a time at most."""


def embed_on(engine: Engine, worker: Worker, jobs: Sequence[Job]) -> Iterator[Outcome]:
    """Outcomes as they come.

    Where a worker dies or fails unexpectedly, each of its recordings is tried alone; one that
    fails twice alone is given up, with the reason, and the others go on.

    Raises:
        CogspeechError: what no recording is to blame for: weights, cache, options.
    """
    queue = _Queue(groups_of(jobs, audio_s=worker.group_s))
    for group, outcomes, error in engine.run(worker, queue.waiting):
        yield from queue.again(group, error) if error else outcomes


class _Queue:
    """Groups of recordings that wait, and what has happened to whom."""

    def __init__(self, groups: Iterable[Jobs]) -> None:
        self.waiting = deque(groups)
        self._failed_alone: set[str] = set()

    def again(self, group: Jobs, error: BaseException) -> Iterator[Outcome]:
        """Puts the recordings of a failed group back, each alone; gives up after two such tries."""
        if isinstance(error, CogspeechError) or not isinstance(error, Exception):
            raise error
        for job in group:
            name = job.recording.recording_id
            if name in self._failed_alone:
                reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
                yield Outcome.of(job, f"{job.recording.where}: given up after two tries ({reason})")
                continue
            if len(group) == 1:
                self._failed_alone.add(name)
            self.waiting.append((job,))


def groups_of(jobs: Sequence[Job], *, audio_s: float) -> Iterator[Jobs]:
    """The recordings in groups of about that much audio, the same ones for every engine."""
    group: list[Job] = []
    waiting_s = 0.0
    for job in jobs:
        group.append(job)
        with suppress(AudioError):  # the worker will say it
            waiting_s += job.duration_s
        if waiting_s >= audio_s or len(group) == MAX_GROUP:
            yield tuple(group)
            group, waiting_s = [], 0.0
    if group:
        yield tuple(group)
