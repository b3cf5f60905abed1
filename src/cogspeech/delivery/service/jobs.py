"""Jobs: one runs, a few wait, the rest is told to come back. What is done is soon forgotten."""

import asyncio
import json
import logging
import shutil
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cogspeech.delivery.service.limits import Limits
from cogspeech.delivery.service.refusals import Refusal
from cogspeech.delivery.service.uploads import PrivateFolder, new_id
from cogspeech.delivery.service.worker_process import WorkerDied, WorkerFailed, WorkerProcess

LOG = logging.getLogger("cogspeech.service")
MAX_STARTS = 5
"""In a row that fail; then the service ends."""
State = Literal["arriving", "needs_words", "waiting", "running", "done", "failed"]


@dataclass(eq=False, slots=True, kw_only=True)
class Job:
    """One recording on its way to an answer."""

    job_id: str
    owner: str
    folder: Path
    options: dict[str, str | None]
    words: Path | None = None
    state: State = "arriving"
    progress: dict[str, Any] | None = None
    answer: bytes | None = None
    refusal: Refusal | None = None
    listeners: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    expiry: asyncio.TimerHandle | None = None

    @property
    def audio(self) -> Path:
        """The recording: the name that the server gave it is its id."""
        return self.folder / self.job_id

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ("done", "failed")

    def tell(self) -> None:
        """Wakes everybody who waits for a change."""
        before, self.changed = self.changed, asyncio.Event()
        before.set()

    async def over(self) -> None:
        """Returns when nothing will change any more."""
        while not self.is_over:
            await self.changed.wait()


class JobBoard:
    """All jobs of the service, and the worker that does them.

    Args:
        bundle: folder of the model.
        folder: for uploads; removed at the end.
        limits: of the service.
    """

    def __init__(self, bundle: Path, folder: PrivateFolder, limits: Limits) -> None:
        self._bundle, self._folder, self._limits = bundle, folder, limits
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._work: asyncio.Event = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._worker: WorkerProcess | None = None
        self._ends = False
        self.facts: dict[str, Any] | None = None
        """Of the loaded model; ``None`` while there is none."""
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why the model cannot be loaded, once that is certain."""

    def start(self) -> None:
        """Begins to load the model and to work."""
        self._tasks.append(asyncio.create_task(self._run()))

    # What requests do ---------------------------------------------------------------------------

    def check_room(self) -> None:
        """Before a body is read.

        Raises:
            Refusal: 503.
        """
        if self._ends:
            raise _ends()
        if len(self._waiting) >= self._limits.waiting:
            raise Refusal(
                503,
                "queue_full",
                f"{self._limits.waiting} recordings wait already; try again",
                retry_after_s=10,
            )

    def new(self, owner: str, options: dict[str, str | None]) -> Job:
        """A job without a recording yet."""
        job_id = new_id()
        job = Job(job_id=job_id, owner=owner, folder=self._folder.new(job_id), options=options)
        self._jobs[job_id] = job
        return job

    def find(self, job_id: str, owner: str) -> Job:
        """The job of that name.

        Raises:
            Refusal: 404; so are jobs of another token.
        """
        job = self._jobs.get(job_id)
        if job is None or job.owner != owner:
            raise Refusal(404, "no_such_prediction", "there is no such prediction, or not any more")
        return job

    def await_words(self, job: Job) -> None:
        """Its words come with another request.

        Raises:
            Refusal: 503, too many of that kind.
        """
        others = sum(each.state == "needs_words" for each in self._jobs.values())
        if others >= self._limits.unstarted:
            raise Refusal(503, "busy", "too many recordings wait for words", retry_after_s=10)
        job.state = "needs_words"
        self._expire(job, self._limits.words_s)

    def submit(self, job: Job) -> None:
        """Puts a job with everything it needs into the queue.

        Raises:
            Refusal: 503.
        """
        self.check_room()
        if job.expiry:
            job.expiry.cancel()
        job.state = "waiting"
        self._waiting.append(job)
        self._work.set()
        job.tell()

    def position(self, job: Job) -> int:
        """Jobs before it."""
        return self._waiting.index(job) + 1 if job.state == "waiting" else 0

    def fetched(self, job: Job) -> None:
        """Its outcome has been sent: it is kept for a moment only."""
        self._expire(job, self._limits.fetched_s)

    async def forget(self, job: Job) -> None:
        """Ends it wherever it is, and removes all of it."""
        self._jobs.pop(job.job_id, None)
        if job.expiry:
            job.expiry.cancel()
        with suppress(ValueError):
            self._waiting.remove(job)
        if not job.is_over:
            self._finish(job, refusal=Refusal(404, "cancelled", "the prediction was deleted"))
        if job is self._running and self._worker:
            await self._worker.stop()
        shutil.rmtree(job.folder, ignore_errors=True)

    # The end ------------------------------------------------------------------------------------

    def begin_end(self) -> None:
        """No new jobs; those that somebody waits for have a few seconds left."""
        if self._ends:
            return
        self._ends = True
        for job in list(self._jobs.values()):
            if not job.is_over and not job.listeners:
                self._refuse_at_end(job)
        asyncio.get_running_loop().call_later(self._limits.stop_s, self._end_all)

    async def close(self) -> None:
        """Kills the worker and removes every file."""
        self._ends = True
        self._end_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._worker:
            await self._worker.stop()
        self._folder.close()

    def _end_all(self) -> None:
        for job in list(self._jobs.values()):
            if not job.is_over:
                self._refuse_at_end(job)

    def _refuse_at_end(self, job: Job) -> None:
        with suppress(ValueError):
            self._waiting.remove(job)
        self._finish(job, refusal=_ends())

    # The work -----------------------------------------------------------------------------------

    async def _run(self) -> None:
        failures = 0
        while True:
            cache = self._folder.new(f"worker-{new_id()}")
            self._worker = WorkerProcess(self._bundle, cache, self._limits)
            try:
                self.facts = await self._worker.start()
                failures = 0
                while True:
                    await self._next()
            except WorkerFailed as failed:
                self._give_up(str(failed))
                return
            except WorkerDied:
                failures += self.facts is None
            finally:
                self.facts = None
                await self._worker.stop()
                shutil.rmtree(cache, ignore_errors=True)
            if failures >= MAX_STARTS:
                self._give_up("the process that predicts ends before it has loaded the model")
                return

    def _give_up(self, message: str) -> None:
        self._ends = True
        self._end_all()
        if not self.failed.done():
            self.failed.set_result(message)

    async def _next(self) -> None:
        """Does the next job.

        Raises:
            WorkerDied: a new worker is needed.
        """
        while not self._waiting:
            self._work.clear()
            await self._work.wait()
        job = self._running = self._waiting.popleft()
        try:
            await self._do(job)
        finally:
            self._running = None
            shutil.rmtree(job.folder, ignore_errors=True)

    async def _do(self, job: Job) -> None:
        job.state = "running"
        began = time.monotonic()
        for each in (job, *self._waiting):  # everybody moves up
            each.tell()
        request = {
            "audio": str(job.audio),
            "words": str(job.words) if job.words else None,
            **job.options,
        }

        def told(progress: dict[str, Any]) -> None:
            job.progress = progress
            job.tell()

        worker = self._worker
        if worker is None:
            raise WorkerDied(too_large=False)
        outcome: dict[str, Any] = {}
        try:
            async with asyncio.timeout(self._limits.job_s):
                word, content = await worker.ask(request, told)
            outcome = _outcome(word, content)
        except TimeoutError:
            text = f"the prediction took longer than {self._limits.job_s:g} s; send a shorter part"
            outcome = {"refusal": Refusal(504, "too_long", text)}
            raise WorkerDied(too_large=False) from None
        except WorkerDied as died:
            outcome = {"refusal": _died(died)}
            raise
        finally:
            if not job.is_over:
                self._finish(job, **outcome)
            LOG.info(
                "job %s %s %.0f ms",
                "answered" if job.answer else "refused",
                job.refusal.code if job.refusal else "-",
                1000 * (time.monotonic() - began),
            )

    def _finish(
        self, job: Job, *, answer: bytes | None = None, refusal: Refusal | None = None
    ) -> None:
        job.state = "done" if answer else "failed"
        job.answer, job.refusal = answer, refusal or (None if answer else _ends())
        if job.job_id in self._jobs:
            self._expire(job, self._limits.answer_s)
        job.tell()

    def _expire(self, job: Job, after_s: float) -> None:
        if job.expiry:
            job.expiry.cancel()

        def forget() -> None:
            task = asyncio.ensure_future(self.forget(job))
            self._tasks.append(task)
            task.add_done_callback(self._tasks.remove)

        job.expiry = asyncio.get_running_loop().call_later(after_s, forget)


def _outcome(word: str, content: bytes) -> dict[str, Any]:
    if word == "answer":
        return {"answer": content}
    said = json.loads(content)
    return {"refusal": Refusal(422, said["code"], said["message"])}


def _died(died: WorkerDied) -> Refusal:
    if died.too_large:
        return Refusal(500, "out_of_memory", "the recording needed more memory than allowed")
    return Refusal(500, "worker_died", "the process that predicts ended; it begins anew")


def _ends() -> Refusal:
    return Refusal(503, "shutting_down", "the service ends; try again", retry_after_s=30)
