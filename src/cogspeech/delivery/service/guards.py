"""What every request has to pass, and what every reply carries."""

import hashlib
import hmac
import logging
import time
from collections import OrderedDict, deque
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cogspeech.delivery.service.limits import Limits
from cogspeech.delivery.service.page_files import style_hashes
from cogspeech.delivery.service.refusals import Refusal
from cogspeech.delivery.service.uploads import new_id

LOG = logging.getLogger("cogspeech.service")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self' {style_hashes()}; "
    "img-src 'self' data:; media-src 'self' blob:; connect-src 'self' blob:; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}
GUARDED = "/v1/"
"""Everything else is the same for everybody: the page, its files, health and OpenAPI."""
MAX_ADDRESSES = 10_000
MINUTE_S = 60.0


class Counter:
    """Events of the last minute, by name; the names seen last are remembered."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, name: str) -> int:
        """Seconds until there may be another one; 0: now."""
        times = self._times.get(name)
        if times is None or len(times) < self._limit:
            return 0
        return max(0, int(times[0] + MINUTE_S - time.monotonic()) + 1)

    def add(self, name: str) -> None:
        """One more happened."""
        times = self._times.setdefault(name, deque(maxlen=self._limit))
        times.append(time.monotonic())
        self._times.move_to_end(name)
        if len(self._times) > MAX_ADDRESSES:
            self._times.popitem(last=False)

    def drop_old(self, name: str) -> None:
        """Forgets what is more than a minute ago."""
        times = self._times.get(name, deque())
        while times and times[0] < time.monotonic() - MINUTE_S:
            times.popleft()


class Access:
    """Who may come in.

    Args:
        tokens: any of them opens; none: everybody on this machine may.
        is_local: the service listens on the loopback interface only.
        limits: of the service.
    """

    def __init__(self, tokens: tuple[str, ...], *, is_local: bool, limits: Limits) -> None:
        self._digests = [hashlib.sha256(token.encode()).digest() for token in tokens]
        self._is_local = is_local
        self._failures = Counter(limits.failures_per_min)
        self._requests = Counter(limits.requests_per_min)

    def check_host(self, headers: Headers) -> None:
        """Against pages that let their own name point to this machine.

        Raises:
            Refusal: 400.
        """
        try:
            name = urlsplit(f"//{headers.get('host', '')}").hostname
        except ValueError:
            name = None
        if not name or (self._is_local and name not in LOOPBACK):
            raise Refusal(400, "wrong_host", "this service does not answer under that name")

    def check_origin(self, headers: Headers) -> None:
        """Against pages of others that send requests from a visitor's browser.

        Raises:
            Refusal: 403.
        """
        origin, host = headers.get("origin"), headers.get("host", "")
        site = headers.get("sec-fetch-site", "same-origin")
        is_own = origin is None or origin in (f"http://{host}", f"https://{host}")
        if not is_own or site not in ("same-origin", "none"):
            raise Refusal(403, "foreign_origin", "requests of other sites are not answered")

    def owner(self, headers: Headers, address: str) -> str:
        """A name for whoever holds the token that was sent.

        Raises:
            Refusal: 401, or 429 after too many wrong ones.
        """
        if not self._digests:
            return ""
        self._failures.drop_old(address)
        if wait_s := self._failures.wait_s(address):
            raise Refusal(429, "too_many_failures", "too many wrong tokens", retry_after_s=wait_s)
        scheme, _, sent = headers.get("authorization", "").partition(" ")
        digest = hashlib.sha256(sent.strip().encode("utf-8", "replace")).digest()
        found = [hmac.compare_digest(digest, known) for known in self._digests]
        if scheme.lower() != "bearer" or not any(found):
            self._failures.add(address)
            raise Refusal(401, "no_access", "this needs a valid token")
        return digest.hex()

    def count(self, owner: str) -> None:
        """One more prediction for the holder of a token.

        Raises:
            Refusal: 429.
        """
        if not owner:
            return
        self._requests.drop_old(owner)
        if wait_s := self._requests.wait_s(owner):
            raise Refusal(429, "too_many_requests", "too many predictions", retry_after_s=wait_s)
        self._requests.add(owner)


class Guard:
    """The outermost application: checks, headers, errors, and one line of log per request.

    The log tells id, method, the kind of path, status, bytes and milliseconds; never a name, a
    path of a file, or anything of a recording.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Passage(self._app, self._access, scope, receive, send).pass_on()


class _Passage:
    """One request on its way through."""

    def __init__(
        self, app: ASGIApp, access: Access, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._app, self._access, self._scope = app, access, scope
        self._receive, self._send = receive, send
        self._id, self._status, self._bytes = new_id()[:16], 0, 0

    async def pass_on(self) -> None:
        began = time.monotonic()
        scope = self._scope
        scope["state"] = {**scope.get("state", {}), "request_id": self._id}
        code = "-"
        try:
            self._check()
            await self._app(scope, self._received, self._sent)
        except Refusal as refusal:
            code = refusal.code
            await self._refuse(refusal)
        except ClientDisconnect:
            code = "client_gone"
        except Exception as error:  # noqa: BLE001  # nothing of it may reach the client
            code = f"defect:{type(error).__name__}"
            if not self._status:
                await self._refuse(Refusal(500, "internal", "the service failed; see its log"))
        LOG.info(
            "%s %s %s %d %d bytes %.0f ms %s",
            self._id,
            scope["method"] if scope["method"].isalpha() else "?",
            kind_of_path(scope["path"]),
            self._status,
            self._bytes,
            1000 * (time.monotonic() - began),
            scope["state"].get("code", code),
        )

    def _check(self) -> None:
        headers = Headers(scope=self._scope)
        self._access.check_host(headers)
        if not self._scope["path"].startswith(GUARDED):
            return
        self._access.check_origin(headers)
        address = (self._scope.get("client") or ("",))[0]
        self._scope["state"]["owner"] = self._access.owner(headers, address)

    async def _received(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        return message

    async def _sent(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers["X-Request-Id"] = self._id
        await self._send(message)

    async def _refuse(self, refusal: Refusal) -> None:
        body = refusal.body(self._id)
        headers = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            **refusal.headers(),
        }
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        start = {"type": "http.response.start", "status": refusal.status, "headers": pairs}
        await self._sent(start)
        await self._send({"type": "http.response.body", "body": body})


def kind_of_path(path: str) -> str:
    """A path without what tells one prediction from another, and nothing that was made up."""
    first, *rest = path.strip("/").split("/")
    if first == "v1" and rest[:1] == ["predictions"]:
        last = rest[2] if len(rest) == 3 and rest[2] in ("events", "words") else ""
        return "/v1/predictions" + ("/ID" if len(rest) > 1 else "") + (f"/{last}" if last else "")
    known = ("", "healthz", "readyz", "openapi.json")
    return f"/{first}" if first in known and not rest else "/static" if first == "static" else "/?"
