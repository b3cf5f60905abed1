"""What an engine is: slots that take a few recordings at a time, and what to do if one dies.

Every engine runs the same `Worker` on the same groups of recordings with the same number of
threads, so all of them write the same bytes.
"""

import os
import sys
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager, suppress
from typing import Annotated

from pydantic import Field

from cogspeech.config import Settings
from cogspeech.embeddings.entries import Job
from cogspeech.embeddings.worker import Outcome, Worker
from cogspeech.errors import AudioError, CogspeechError
from cogspeech.registry import Registry

Jobs = tuple[Job, ...]
MAX_GROUP = 64
"""Recordings that a slot takes at a time at most."""
DEATH = "its process ended, perhaps for want of memory"


class EngineOptions(Settings):
    """The options of all engines."""

    workers: Annotated[int, Field(ge=1, le=1024)] = 1
    """Encoder processes; each loads the weights once."""
    cluster: str | None = None
    """Address of a cluster to join."""


class WorkerDied(Exception):
    """The process of a worker ended in the middle of its work."""


class Slot(ABC):
    """One worker that does one thing at a time."""

    @abstractmethod
    def submit(self, jobs: Sequence[Job]) -> Future[tuple[Outcome, ...]]:
        """Starts on some recordings."""

    @abstractmethod
    def close(self) -> None:
        """Ends the worker, whatever it does."""


class Engine(ABC):
    """Runs a worker over many recordings."""

    def __init__(self, options: EngineOptions) -> None:
        self.options = options

    @abstractmethod
    def opened(self, worker: Worker) -> AbstractContextManager[Callable[[], Slot]]:
        """A context in which slots can be opened, one per worker of the options.

        Raises:
            ConfigError: the options do not fit the engine.
        """

    def plain(self, error: BaseException) -> BaseException:
        """What a worker raised, out of the engine's own wrapping; `WorkerDied` if it died."""
        return error

    def run(self, worker: Worker, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """Outcomes as they come.

        Where a worker dies or fails unexpectedly, each of its recordings is tried alone; one that
        fails twice alone is given up, with the reason, and the others go on.

        Raises:
            CogspeechError: what no recording is to blame for: weights, cache, options.
        """
        queue = _Queue(groups_of(jobs, audio_s=worker.group_s))
        with self.opened(worker) as open_slot:
            idle: list[Slot] = []
            busy: dict[Future[tuple[Outcome, ...]], tuple[Slot, Jobs]] = {}
            try:
                while queue.waiting or busy:
                    while queue.waiting and len(busy) < self.options.workers:
                        slot = idle.pop() if idle else open_slot()
                        group = queue.waiting.popleft()
                        busy[slot.submit(group)] = (slot, group)
                    for future in wait(busy, return_when=FIRST_COMPLETED).done:
                        slot, group = busy.pop(future)
                        error = future.exception()
                        if error is None:
                            idle.append(slot)
                            yield from future.result()
                        else:
                            slot.close()  # the next one begins afresh
                            yield from queue.again(group, self.plain(error))
            finally:
                for slot in [*idle, *(slot for slot, _ in busy.values())]:
                    slot.close()


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


def share_processors(workers: int) -> None:
    """Gives a worker process its part of this machine's processors."""
    threads = max(1, len(os.sched_getaffinity(0)) // workers)
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    if "torch" in sys.modules:  # it has read the environment already
        sys.modules["torch"].set_num_threads(threads)


ENGINES: Registry[type[Engine]] = Registry("engine", "cogspeech.embeddings.engines")
