"""What uvicorn leaves open: clients that never end their headers, or never read their reply."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from cogspeech.delivery.service.limits import Limits
from cogspeech.delivery.service.refusals import Refusal
from cogspeech.delivery.service.uploads import new_id

PHRASES = {400: "Bad Request", 408: "Request Timeout", 503: "Service Unavailable"}


def timed_protocol(limits: Limits) -> type[asyncio.Protocol]:
    """The protocol class for uvicorn, with these limits."""
    return type("TimedProtocol", (_TimedProtocol,), {"limits": limits})


class _TimedProtocol(H11Protocol):  # type: ignore[misc]
    limits: Limits
    _timer: asyncio.TimerHandle | None = None
    _reading_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._end(Refusal(503, "busy", "too many connections", retry_after_s=5))
            return
        self._arm(self.limits.headers_s, self._no_headers)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            if not self._lingers():
                self._disarm()
        elif self._timer is None and self.conn.trailing_data[0]:
            self._arm(self.limits.headers_s, self._no_headers)

    def on_response_complete(self) -> None:
        if self._lingers():
            self._disarm()
            self._arm(self.limits.linger_s, self.transport.abort)
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading_timer = self.loop.call_later(self.limits.unread_s, self.transport.abort)

    def resume_writing(self) -> None:
        if self._reading_timer is not None:
            self._reading_timer.cancel()
            self._reading_timer = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's own sentence
        self._end(Refusal(400, "no_http", "this is not a valid HTTP request"))

    def _lingers(self) -> bool:
        """Whether the reply is complete and the request is not."""
        return self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY

    def _no_headers(self) -> None:
        self._end(Refusal(408, "too_slow", "the headers have to arrive sooner"))

    def _end(self, refusal: Refusal) -> None:
        """Answers without the application, and closes."""
        if self.transport.is_closing():
            return
        body = refusal.body(new_id())
        headers: dict[str, Any] = {
            "Content-Type": "application/json",
            "Content-Length": len(body),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Connection": "close",
            **refusal.headers(),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        status = f"HTTP/1.1 {refusal.status} {PHRASES[refusal.status]}\r\n"
        self.transport.write(f"{status}{lines}\r\n".encode() + body)
        self.transport.close()

    def _arm(self, after_s: float, action: Any) -> None:
        self._timer = self.loop.call_later(after_s, action)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
