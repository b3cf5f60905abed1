"""``cogspeech serve``."""

import argparse
import asyncio
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from types import FrameType

import uvicorn

from cogspeech.delivery.service.app import make_app
from cogspeech.delivery.service.connections import timed_protocol
from cogspeech.delivery.service.guards import Access
from cogspeech.delivery.service.jobs import JobBoard
from cogspeech.delivery.service.limits import Limits
from cogspeech.delivery.service.page_files import page_files
from cogspeech.delivery.service.uploads import PrivateFolder
from cogspeech.errors import CogspeechError
from cogspeech.types import RESEARCH_STATEMENT

SHORTEST_TOKEN = 16
TOKEN_VARIABLE = "COGSPEECH_TOKEN"  # noqa: S105  # its name


def serve(options: argparse.Namespace) -> None:
    """Serves a bundle until the process is told to end.

    Raises:
        CogspeechError: no token where one is needed, an address that cannot be had, or a bundle
            that cannot be loaded.
    """
    tokens = _tokens(options.token_file)
    if not _is_loopback(options.host) and not tokens:
        raise CogspeechError(
            f"other machines can reach {options.host}, so a token is needed: set {TOKEN_VARIABLE} "
            "or give --token-file; without one, use --host 127.0.0.1"
        )
    if not (options.bundle / "bundle.json").is_file():
        raise CogspeechError(f"{options.bundle}: no bundle.json; name a folder such as RUN/model")
    os.umask(0o077)
    _allow_many_connections()
    with (
        _listening(options.host, options.port) as listener,
        _logging_to_stderr(quiet=options.quiet),
    ):
        Service(options.bundle, tokens, host=options.host).run(listener)


class Service(uvicorn.Server):  # type: ignore[misc]
    """The server, told how to end: nobody new, a few seconds for those who wait, no file left.

    Args:
        bundle: folder of the model.
        tokens: any of them opens; none: everybody on this machine may.
        host: the address it listens on.
        limits: of everything.
        uploads: where the folder for uploads is made; by default the system's.
    """

    def __init__(
        self,
        bundle: Path,
        tokens: tuple[str, ...] = (),
        *,
        host: str = "127.0.0.1",
        limits: Limits | None = None,
        uploads: Path | None = None,
    ) -> None:
        self._bundle, self._limits, self._uploads = bundle, limits or Limits(), uploads
        self._board: JobBoard | None = None
        self._problem: str | None = None
        access = Access(tokens, is_local=_is_loopback(host), limits=self._limits)
        super().__init__(
            uvicorn.Config(
                make_app(self._make_board, access, self._limits, page_files()),
                http=timed_protocol(self._limits),
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=int(self._limits.stop_s) + 1,
            )
        )

    def run(self, listener: socket.socket) -> None:  # type: ignore[override, unused-ignore]
        """Serves until a signal or `stop`.

        Raises:
            CogspeechError: the bundle cannot be loaded.
        """
        asyncio.run(self.serve(sockets=[listener]))
        if self._problem:
            raise CogspeechError(self._problem)

    def stop(self) -> None:
        """Begins the end; from any thread."""
        self.handle_exit(signal.SIGTERM, None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """What a signal does."""
        super().handle_exit(sig, frame)
        if self._loop:
            self._loop.call_soon_threadsafe(self._begin_end)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Says where it listens, for people and programs."""
        await super().startup(sockets=sockets)
        for each in sockets or []:
            host, port = each.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            sys.stdout.write(f"http://{shown}:{port}\n{RESEARCH_STATEMENT}\n")
            sys.stdout.flush()

    _loop: asyncio.AbstractEventLoop | None = None

    def _make_board(self) -> JobBoard:
        self._loop = asyncio.get_running_loop()
        self._board = JobBoard(self._bundle, PrivateFolder(self._uploads), self._limits)
        self._board.failed.add_done_callback(self._on_failure)
        return self._board

    def _on_failure(self, failed: "asyncio.Future[str]") -> None:
        if not failed.cancelled():
            self._problem = failed.result()
            self.should_exit = True

    def _begin_end(self) -> None:
        if self._board:
            self._board.begin_end()


def _tokens(file: Path | None) -> tuple[str, ...]:
    """One per line of the file, or the one in the environment.

    Raises:
        CogspeechError: too short, or a file without any.
    """
    if file is None:
        tokens = [os.environ.get(TOKEN_VARIABLE, "").strip()]
        where = TOKEN_VARIABLE
    else:
        tokens, where = file.read_text(encoding="utf-8", errors="replace").split(), str(file)
        if not tokens:
            raise CogspeechError(f"{where}: holds no token; write one per line")
    if any(0 < len(token) < SHORTEST_TOKEN for token in tokens):
        raise CogspeechError(
            f"{where}: a token needs {SHORTEST_TOKEN} characters or more; make one with: "
            "openssl rand -hex 32"
        )
    return tuple(token for token in tokens if token)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name, which may stand for anything
        return False


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CogspeechError(f"cannot listen on {host}:{port} ({reason})") from error


@contextmanager
def _logging_to_stderr(*, quiet: bool) -> Iterator[None]:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.getLogger("cogspeech.service")
    log.addHandler(handler)
    log.setLevel(logging.WARNING if quiet else logging.INFO)
    for name in ("uvicorn.error", "asyncio"):  # their messages may quote requests
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.removeHandler(handler)


def _allow_many_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
