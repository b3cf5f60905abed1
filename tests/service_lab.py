"""A real service on this machine, and clients that behave and misbehave."""

import contextlib
import http.client
import json
import os
import signal
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from cogspeech.delivery.cli import main
from cogspeech.delivery.service.command import Service
from cogspeech.delivery.service.limits import Limits
from tone_corpora import tone_corpus

PATIENCE_S = 60


def tiny_bundle(folder):
    """A bundle of a run on noise; the recordings lie beside it in ``audio``."""
    tone_corpus(folder, participants=8, words=6, classes=("well", "ill"))
    study = {
        "corpus": {"path": "recordings.csv"},
        "target": {"classes": ["well", "ill"]},
        "compare": [],
        "probes": [],
        "training": {"max_epochs": 2},
        "evaluation": {"outer_folds": 2, "repeats": 1, "seeds": 1},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    run = ["run", str(folder / "study.yaml"), "--out", str(folder / "run"), "--quiet"]
    assert main(run) == 0
    return folder / "run" / "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the service said."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """Of an error, which always has the same form."""
        assert self.headers["content-type"] == "application/json"
        error = self.json["error"]
        assert set(error) == {"code", "message", "request_id"}
        return error["code"]


def ask(port, method, path, body=None, **headers):
    """One request; underscores in the names of headers stand for hyphens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=sent)
        reply = connection.getresponse()
        return Reply(status=reply.status, headers=reply.headers, body=reply.read())
    finally:
        connection.close()


def raw(port, content):
    """An open connection that has sent some bytes."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    connection.sendall(content)
    return connection


def all_of(connection):
    """Everything until the other side closes."""
    pieces = []
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(1 << 16):
            pieces.append(piece)
    connection.close()
    return b"".join(pieces)


def until(condition):
    """Waits for something that has to happen."""
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return found


def worker_of(bundle, parent=None, uploads=None):
    """The process id of the worker of a bundle, and of that folder for uploads."""
    parent = parent or os.getpid()
    for children in Path(f"/proc/{parent}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for pid in children.read_text().split():
                command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if b"cogspeech.delivery.service.worker" in command and bytes(bundle) in command:
                    cwd = Path(f"/proc/{pid}/cwd").readlink()
                    if uploads is None or uploads.resolve() in cwd.parents:
                        return int(pid)
    return None


class Running:
    """A service in a thread of this process; its worker is a process all the same."""

    def __init__(self, bundle, folder, *, tokens=(), **limits):
        self.bundle, self.folder = bundle, folder
        folder.mkdir(exist_ok=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._service = Service(bundle, tokens, limits=Limits(**limits), uploads=folder)
        self.problem = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            self._service.run(self._listener)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.problem = error

    def ask(self, method, path, body=None, **headers):
        return ask(self.port, method, path, body, **headers)

    def wait_until_loaded(self):
        until(lambda: self.ask("GET", "/readyz").status == 200)
        return self

    def join(self):
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def stop(self):
        if self._thread.is_alive():
            self._service.stop()
        self.join()

    @property
    def worker(self):
        return until(lambda: worker_of(self.bundle, uploads=self.folder))

    @property
    def is_working(self):
        """Whether a job runs, whoever began it."""
        return self._service._board._running is not None

    @contextlib.contextmanager
    def worker_asleep(self):
        """A job that begins now does not end."""
        pid = self.worker
        os.kill(pid, signal.SIGSTOP)
        try:
            yield pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def files(self):
        """What lies in the folder for uploads, without the locks and the workers' own folders."""
        found = files_under(self.folder)
        return [p for p in found if p != ("lock",) and not p[0].startswith("worker-")]


def files_under(uploads):
    """The parts of every path inside the services' folders; they may vanish meanwhile."""
    for at, folders, files in os.walk(uploads):
        for name in (*folders, *files):
            if inside := Path(at, name).relative_to(uploads).parts[1:]:
                yield inside
