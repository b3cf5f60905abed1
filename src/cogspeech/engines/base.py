"""What an engine is: slots, each of which holds a worker and gives it one piece of work at a time.

A worker is any object that can be sent to another process and called with a piece of work. What is
to be done if it dies is the business of who hands out the work.
"""

import os
import sys
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager
from typing import Annotated, Any, TypeVar

from pydantic import Field

from cogspeech.registry import Registry
from cogspeech.settings import Settings

Worker = Callable[[Any], Any]
WorkT = TypeVar("WorkT")
DEATH = "its process ended, perhaps for want of memory"


class EngineOptions(Settings):
    """The options of all engines."""

    workers: Annotated[int, Field(ge=1, le=1024)] = 1
    """Processes that work side by side."""
    cluster: str | None = None
    """Address of a cluster to join."""


class WorkerDied(Exception):
    """The process of a worker ended in the middle of its work."""


class Slot(ABC):
    """One worker that does one thing at a time."""

    @abstractmethod
    def submit(self, work: Any) -> Future[Any]:
        """Starts on a piece of work; the future has what the worker gave."""

    @abstractmethod
    def close(self) -> None:
        """Ends the worker, whatever it does."""


class Engine(ABC):
    """Where workers run."""

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

    def run(
        self, worker: Worker, waiting: deque[WorkT]
    ) -> Iterator[tuple[WorkT, Any, BaseException | None]]:
        """Every piece of work with what the worker gave or what it raised, as they come.

        Whoever takes them may put more work into ``waiting``, such as a second try. A worker that
        raised is ended; the next piece gets a fresh one.
        """
        with self.opened(worker) as open_slot:
            slots: list[Slot] = []  # all that are open, whatever they do
            idle: list[Slot] = []
            busy: dict[Future[Any], tuple[Slot, WorkT]] = {}
            try:
                while waiting or busy:
                    while waiting and len(busy) < self.options.workers:
                        if not idle:
                            slots.append(open_slot())
                            idle.append(slots[-1])
                        slot, work = idle.pop(), waiting.popleft()
                        busy[slot.submit(work)] = (slot, work)
                    for future in wait(busy, return_when=FIRST_COMPLETED).done:
                        slot, work = busy.pop(future)
                        error = future.exception()
                        if error is None:
                            idle.append(slot)
                            yield work, future.result(), None
                        else:
                            slot.close()
                            slots.remove(slot)
                            yield work, None, self.plain(error)
            finally:
                for slot in slots:
                    slot.close()


def share_processors(workers: int) -> None:
    """Gives a worker process its part of this machine's processors."""
    threads = max(1, len(os.sched_getaffinity(0)) // workers)
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    if "torch" in sys.modules:  # it has read the environment already
        sys.modules["torch"].set_num_threads(threads)


ENGINES: Registry[type[Engine]] = Registry("engine", "cogspeech.engines")


def build_engine(name: str, options: EngineOptions) -> Engine:
    """The engine called ``name``.

    Raises:
        ConfigError: there is no such engine, or the options do not fit it.
        MissingExtra: its library is not installed.
    """
    return ENGINES.get(name)(options)
