"""Every ceiling of the service in one place; docs/serving.md lists them."""

from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client, or all of them together, may ask of the service."""

    body_bytes: int = 25 * MEGABYTE
    words_bytes: int = 5 * MEGABYTE
    shortest_s: float = 1.0
    longest_s: float = 600.0
    """Of a recording."""
    min_sample_rate_hz: int = 8_000
    max_sample_rate_hz: int = 192_000

    waiting: int = 8
    """Jobs behind the one that runs."""
    uploads: int = 256
    """Bodies that arrive at the same time."""
    unstarted: int = 32
    """Recordings whose words have not come yet."""
    connections: int = 800

    headers_s: float = 10.0
    receive_s: float = 30.0
    """For a whole body."""
    extending_bytes_per_s: int = 100_000
    """Every so many bytes that came add a second to it: who sends that fast may go on."""
    slowest_bytes_per_s: int = 8_000
    slow_after_s: float = 5.0
    """A client may be slower than that so long."""
    unread_s: float = 30.0
    """For a client to read on."""
    linger_s: float = 2.0
    """So long, what still arrives of a refused body is passed over: the client can read why."""
    words_s: float = 60.0
    """Until the words of a recording have to come."""

    job_s: float = 120.0
    worker_bytes: int = 3_000 * MEGABYTE
    answer_s: float = 600.0
    """An answer that nobody fetched."""
    fetched_s: float = 60.0
    """An answer that was fetched, so that a lost reply can be asked for again."""
    stop_s: float = 8.0
    """For what runs when the service has to end."""

    requests_per_min: int = 60
    """New predictions per token."""
    failures_per_min: int = 10
    """Wrong tokens per address."""
