"""The worker as the service sees it: started, asked, watched, killed."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from cogspeech.delivery.service.limits import Limits

LONGEST_LINE_BYTES = 1 << 26
WATCH_S = 0.1
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class WorkerDied(Exception):
    """The process is gone; ``too_large`` tells whether its memory was the reason."""

    def __init__(self, *, too_large: bool) -> None:
        super().__init__()
        self.too_large = too_large


class WorkerFailed(Exception):
    """The model cannot be loaded; the message says why."""


class WorkerProcess:
    """One process that predicts; a new one is made for every start.

    Args:
        bundle: folder of the model.
        folder: an empty one, for what the process keeps while it works.
        limits: of the service.
    """

    def __init__(self, bundle: Path, folder: Path, limits: Limits) -> None:
        self._bundle, self._folder, self._limits = bundle, folder, limits
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._too_large = False

    @property
    def pid(self) -> int | None:
        """Of the process, while it lives."""
        return self._process.pid if self._process else None

    async def start(self) -> dict[str, Any]:
        """Waits until the model is loaded; returns its facts.

        Raises:
            WorkerFailed: it cannot be.
            WorkerDied: the process ended without a word.
        """
        environment = {k: v for k, v in os.environ.items() if k != "COGSPEECH_TOKEN"}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cogspeech.delivery.service.worker",
            str(self._bundle.resolve()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment | {"COGSPEECH_CACHE": str(self._folder)},
            cwd=self._folder,
            limit=LONGEST_LINE_BYTES,
            start_new_session=True,  # Ctrl-C is for the service, which then ends this process
        )
        self._watch = asyncio.create_task(self._watch_memory(self._process.pid))
        word, content = await self._hear()
        if word != "ready":
            raise WorkerFailed(str(json.loads(content)))
        facts: dict[str, Any] = json.loads(content)
        return facts

    async def ask(
        self, request: dict[str, Any], told: Callable[[dict[str, Any]], None]
    ) -> tuple[str, bytes]:
        """``answer`` or ``refused``, and its json.

        Args:
            request: what `worker` expects.
            told: is called with everything said about the progress.

        Raises:
            WorkerDied: before it answered.
        """
        process = self._process
        if process is None or process.stdin is None:
            raise WorkerDied(too_large=False)
        with suppress(ConnectionError):  # then there is nothing to hear, either
            process.stdin.write(json.dumps(request).encode() + b"\n")
            await process.stdin.drain()
        while True:
            word, content = await self._hear()
            if word != "progress":
                return word, content
            told(json.loads(content))

    async def stop(self) -> None:
        """Kills it, whatever it is doing."""
        if self._watch:
            self._watch.cancel()
        if self._process:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None

    async def _hear(self) -> tuple[str, bytes]:
        process = self._process
        if process is None or process.stdout is None:
            raise WorkerDied(too_large=False)
        try:
            line = await process.stdout.readline()
        except ValueError:  # a line without end: whoever writes that is no longer our program
            line = b""
        if not line.endswith(b"\n"):
            raise WorkerDied(too_large=self._too_large)
        word, _, content = line.partition(b" ")
        return word.decode("ascii", "replace"), content.rstrip(b"\n")

    async def _watch_memory(self, pid: int) -> None:
        statm = Path(f"/proc/{pid}/statm")
        while True:
            try:
                resident = int(statm.read_bytes().split()[1]) * PAGE_BYTES
            except (OSError, IndexError):
                return
            if resident > self._limits.worker_bytes:
                self._too_large = True
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                return
            await asyncio.sleep(WATCH_S)
