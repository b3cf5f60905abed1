"""``local``: this process, or a pool of processes on this machine."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any

from cogspeech.engines.base import (
    DEATH,
    ENGINES,
    Engine,
    Slot,
    Worker,
    WorkerDied,
    share_processors,
)
from cogspeech.errors import ConfigError
from cogspeech.processes import begin_worker


@ENGINES.register("local")
class LocalEngine(Engine):
    """With one worker, this process does the work itself."""

    @contextmanager
    def opened(self, worker: Worker) -> Iterator[Callable[[], Slot]]:
        """Slots of this machine."""
        if self.options.cluster is not None:
            raise ConfigError("--cluster belongs to --engine ray")
        if self.options.workers == 1:
            yield lambda: _ThisProcess(worker)
        else:
            yield lambda: _OtherProcess(worker, self.options.workers)

    def plain(self, error: BaseException) -> BaseException:
        """A broken pool is a dead worker."""
        return WorkerDied(DEATH) if isinstance(error, BrokenProcessPool) else error


GRACE_S = 5.0


class _ThisProcess(Slot):
    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def submit(self, work: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(self._worker(work))
        except Exception as error:  # noqa: BLE001  what a pool does with it, too
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Nothing to end."""


class _OtherProcess(Slot):
    """A pool of one: if its process dies, nobody else's work is lost."""

    def __init__(self, worker: Worker, workers: int) -> None:
        self._pool = ProcessPoolExecutor(
            max_workers=1,
            mp_context=multiprocessing.get_context("spawn"),  # threads do not survive a fork
            initializer=_begin,
            initargs=(worker, workers),
        )

    def submit(self, work: Any) -> Future[Any]:
        return self._pool.submit(_work, work)

    def close(self) -> None:
        processes = list((self._pool._processes or {}).values())
        for process in processes:
            process.terminate()
        for process in processes:
            if not wait([process.sentinel], GRACE_S):  # it was told to pass over such signals
                process.kill()
        # The pool's own thread takes note of their end. Two that do so get in each other's way,
        # and a process that is gone goes on being told as alive.
        self._pool.shutdown(wait=True, cancel_futures=True)


_workers: list[Worker] = []


def _begin(worker: Worker, workers: int) -> None:
    begin_worker()
    share_processors(workers)
    _workers.append(worker)


def _work(work: Any) -> Any:
    return _workers[0](work)
