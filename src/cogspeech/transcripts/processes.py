"""Recordings over several processes of this machine, one recording at a time each.

What comes out is the same as in one process. Where a process ends in the middle of a recording,
that recording is tried once more, when nothing else runs; then it is given up, and the others go
on.
"""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from cogspeech.engines.base import EngineOptions, WorkerDied, build_engine

JobT = TypeVar("JobT")
AnswerT = TypeVar("AnswerT")


def in_processes(
    work: Callable[[JobT], AnswerT], jobs: Sequence[JobT], *, workers: int
) -> Generator[tuple[int, AnswerT | None], None, None]:
    """Does ``work`` on every job; what it raises is raised here, and ends all.

    Args:
        work: can be sent to another process, as can jobs and answers.
        jobs: any number.
        workers: processes at a time, at least two.

    Yields:
        The position of a job, and its answer as soon as it is there; ``None``: its process ended,
        twice.
    """
    engine, worker = build_engine("local", EngineOptions(workers=workers)), _OnNumbered(work)
    suspects = []
    for numbered, answer, error in engine.run(worker, deque(enumerate(jobs))):
        if isinstance(error, WorkerDied):
            suspects.append(numbered)
        elif error is not None:
            raise error
        else:
            yield numbered[0], answer
    for suspect in suspects:
        for (position, _), answer, error in engine.run(worker, deque([suspect])):
            if error is not None and not isinstance(error, WorkerDied):
                raise error
            yield position, answer


@dataclass(frozen=True, slots=True)
class _OnNumbered:
    """Work on jobs that carry their position."""

    work: Callable[[Any], Any]

    def __call__(self, numbered: tuple[int, Any]) -> Any:
        return self.work(numbered[1])
