"""``ray``: actors on this machine, or on a cluster with a shared cache folder (extra ``ray``).

Without ``--cluster`` Ray is started here, bound to loopback, without its dashboard and its usage
report, and ended with the work. A cluster is joined only if it is named.
"""

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from cogspeech.engines.base import (
    DEATH,
    ENGINES,
    Engine,
    EngineOptions,
    Slot,
    Worker,
    WorkerDied,
    share_processors,
)
from cogspeech.errors import ConfigError, require

CONNECT_TIMEOUT_S = 10.0
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",  # worker logs stay out of our output
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
OWN_CLUSTER = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on every system: bind to the loopback interface
    "RAY_AUTH_MODE": "token",  # other users of this machine are kept out
}


@ENGINES.register("ray")
class RayEngine(Engine):
    """One actor per worker."""

    def __init__(self, options: EngineOptions) -> None:
        super().__init__(options)
        _refuse_unasked_cluster(options.cluster)
        os.environ.update(QUIET if options.cluster else {**QUIET, **OWN_CLUSTER})
        self._ray: Any = require("ray", extra="ray")

    @contextmanager
    def opened(self, worker: Worker) -> Iterator[Callable[[], Slot]]:
        """Slots of this machine, or of the cluster."""
        if self.options.cluster:
            _require_listener(self.options.cluster)
        ray, workers = self._ray, self.options.workers
        common = {"log_to_driver": False, "logging_level": "CRITICAL", "configure_logging": False}
        try:
            if self.options.cluster:
                ray.init(address=self.options.cluster, **common)
            else:
                os.environ.pop("RAY_ADDRESS", None)  # it would be joined
                ray.init(address="local", num_cpus=workers, include_dashboard=False, **common)
        except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            raise ConfigError(
                f"--cluster {self.options.cluster}: cannot be joined "
                f"({' '.join(str(error).split())[:200]}); start it with 'ray start', or leave "
                "--cluster out"
            ) from error
        try:
            gpus = ray.cluster_resources().get("GPU", 0) / workers
            actor = ray.remote(num_cpus=1, num_gpus=min(1, gpus), max_restarts=0)(_Actor)
            shared = ray.put(worker)
            yield lambda: _RaySlot(ray, actor.remote(shared, workers))
        finally:
            ray.shutdown()

    def plain(self, error: BaseException) -> BaseException:
        """Ray wraps what an actor raises, and says at length that one has died."""
        if isinstance(error, self._ray.exceptions.RayActorError):
            return WorkerDied(DEATH)
        cause: BaseException = getattr(error, "cause", None) or error
        return cause


class _Actor:
    """Holds the worker, hence what it has loaded, for as long as it lives."""

    def __init__(self, worker: Worker, workers: int) -> None:
        share_processors(workers)
        self._worker = worker

    def work(self, work: Any) -> Any:
        return self._worker(work)


class _RaySlot(Slot):
    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray = ray
        self._actor = actor

    def submit(self, work: Any) -> Future[Any]:
        future: Future[Any] = self._actor.work.remote(work).future()
        return future

    def close(self) -> None:
        self._ray.kill(self._actor)


def _refuse_unasked_cluster(cluster: str | None) -> None:
    """``RAY_ADDRESS`` alone must not send recordings to another machine.

    Raises:
        ConfigError: it names one, and ``--cluster`` does not.
    """
    found = os.environ.get("RAY_ADDRESS")
    if cluster is None and found and not _is_loopback(found):
        raise ConfigError(
            f"RAY_ADDRESS names the cluster {found}; recordings leave this machine only if you say "
            f"so: add --cluster {found}, or unset RAY_ADDRESS"
        )


def _require_listener(cluster: str) -> None:
    """Ray would try for minutes.

    Raises:
        ConfigError: nobody listens at the address.
    """
    host, _, port = cluster.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_S).close()
    except (OSError, ValueError, OverflowError) as error:
        raise ConfigError(
            f"--cluster {cluster}: nobody answers there; expected HOST:PORT of a running cluster, "
            "as 'ray start --head' prints it"
        ) from error


def _is_loopback(address: str) -> bool:
    host = address.removeprefix("ray://").rpartition(":")[0].strip("[]") or address
    if host in ("local", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
