"""What a client is told when it gets no answer."""

import json
from typing import Any


class Refusal(Exception):
    """A request that is answered by a status, a code for programs and a sentence for people.

    Args:
        status: of HTTP.
        code: in snake_case; docs/serving.md lists all of them.
        message: one sentence, without a path and without anything the client sent.
        retry_after_s: when trying again makes sense.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.retry_after_s = retry_after_s

    def body(self, request_id: str) -> bytes:
        """The json that every error of the service is."""
        said: dict[str, Any] = {"code": self.code, "message": self.message}
        return json.dumps({"error": {**said, "request_id": request_id}}).encode()

    def headers(self) -> dict[str, str]:
        """Beyond those that every reply has."""
        if self.retry_after_s is not None:
            return {"Retry-After": str(self.retry_after_s)}
        return {"WWW-Authenticate": "Bearer"} if self.status == 401 else {}
