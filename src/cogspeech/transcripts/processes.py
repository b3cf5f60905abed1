"""Recordings over several processes of this machine, one recording at a time each.

What comes out is the same as in one process. Where a process ends in the middle of a recording,
that recording is tried once more, when nothing else runs; then it is given up, and the others go
on.
"""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

JobT = TypeVar("JobT")
AnswerT = TypeVar("AnswerT")


def in_processes(
    work: Callable[[JobT], AnswerT], jobs: Sequence[JobT], *, workers: int
) -> Generator[tuple[int, AnswerT | None], None, None]:
    """Does ``work`` on every job; what it raises is raised here, and ends all.

    Args:
        work: can be sent to another process, as can jobs and answers.
        jobs: any number.
        workers: processes at a time.

    Yields:
        The position of a job, and its answer as soon as it is there; ``None``: its process ended,
        twice.
    """
    waiting, suspects = deque(range(len(jobs))), deque[int]()
    failed_before: set[int] = set()
    idle: list[ProcessPoolExecutor] = []
    busy: dict[Future[AnswerT], tuple[ProcessPoolExecutor, int]] = {}
    try:
        while waiting or suspects or busy:
            while len(busy) < workers and (waiting or (suspects and not busy)):
                position = (waiting or suspects).popleft()
                pool = idle.pop() if idle else _process(work, workers)
                busy[pool.submit(_do, jobs[position])] = (pool, position)
            for future in wait(busy, return_when=FIRST_COMPLETED).done:
                pool, position = busy.pop(future)
                if not isinstance(future.exception(), BrokenProcessPool):
                    idle.append(pool)
                    yield position, future.result()
                elif position in failed_before:
                    yield position, None
                else:
                    failed_before.add(position)
                    suspects.append(position)
    finally:
        for pool in [*idle, *(pool for pool, _ in busy.values())]:
            _end(pool)


def _process(work: Callable[[Any], Any], workers: int) -> ProcessPoolExecutor:
    """A pool of one: if its process ends, it is known in the middle of what."""
    return ProcessPoolExecutor(
        max_workers=1,
        mp_context=multiprocessing.get_context("spawn"),  # threads do not survive a fork
        initializer=_begin,
        initargs=(work, workers),
    )


def _end(pool: ProcessPoolExecutor) -> None:
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


_work: list[Callable[[Any], Any]] = []


def _begin(work: Callable[[Any], Any], workers: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    threads = max(1, len(os.sched_getaffinity(0)) // workers)
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    _work.append(work)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _do(job: Any) -> Any:
    return _work[0](job)
