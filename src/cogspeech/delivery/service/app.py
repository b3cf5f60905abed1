"""The routes: what can be asked, and what is answered."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from cogspeech.delivery.service.guards import Access, Guard
from cogspeech.delivery.service.jobs import Job, JobBoard
from cogspeech.delivery.service.limits import Limits
from cogspeech.delivery.service.page_files import PageFile
from cogspeech.delivery.service.refusals import Refusal
from cogspeech.delivery.service.uploads import Receiver
from cogspeech.types import RESEARCH_STATEMENT

SUFFIXES: Mapping[str, str] = {
    "words.json": ".words.json",
    "json": ".json",
    "chat": ".cha",
    "textgrid": ".TextGrid",
    "eaf": ".eaf",
    "ctm": ".ctm",
    "srt": ".srt",
    "vtt": ".vtt",
}
"""The formats of transcripts, and how the files are named that hold them."""
WordsFormat = Literal["words.json", "json", "chat", "textgrid", "eaf", "ctm", "srt", "vtt"]
PATH = "/v1/predictions"
BEAT_S = 10.0
"""Between two signs of life of a stream of events."""
Wait = Annotated[
    float,
    Query(ge=0, le=150, description="Seconds to wait for the answer before a 202 is sent."),
]


class ErrorText(BaseModel):
    """Why there is no answer."""

    code: str
    message: str
    request_id: str


class ErrorReply(BaseModel):
    """The body of every reply that is an error."""

    error: ErrorText


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ErrorReply} for status in statuses}


BODY = {
    "requestBody": {
        "required": True,
        "description": "The file itself, not a form.",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("audio/*", "application/octet-stream")
        },
    }
}
WORDS_BODY = {
    "requestBody": {
        "required": True,
        "description": "The words file itself.",
        "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def make_app(
    make_board: Callable[[], JobBoard],
    access: Access,
    limits: Limits,
    page: Mapping[str, PageFile],
) -> ASGIApp:
    """The whole application.

    Args:
        make_board: called once, inside the event loop.
        access: who may come in.
        limits: of the service.
        page: the files of the web page, by their paths.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        board = app.state.board = make_board()
        board.start()
        try:
            yield
        finally:
            await board.close()

    app = FastAPI(
        title="cogspeech",
        description=RESEARCH_STATEMENT,
        version="1",
        docs_url=None,  # those pages load scripts of other sites
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.limits, app.state.access, app.state.receiver = limits, access, Receiver(limits)
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    _add_facts(app)
    _add_uploads(app)
    _add_outcomes(app)
    _add_page(app, page)
    return Guard(app, access)


def _reply(request: Request, refusal: Refusal) -> Response:
    request.scope["state"]["code"] = refusal.code
    return Response(
        refusal.body(request.scope["state"]["request_id"]),
        refusal.status,
        headers=refusal.headers(),
        media_type="application/json",
    )


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101  # registered for nothing else
    return _reply(request, error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code, text = {
        404: ("no_such_path", "there is nothing at this path; see /openapi.json"),
        405: ("wrong_method", "this path does not know that method; see /openapi.json"),
    }.get(status, ("refused", "the request was refused"))
    reply = _reply(request, Refusal(status, code, text))
    if isinstance(error, HTTPException) and error.headers:
        reply.headers.update(error.headers)  # which methods it does know
    return reply


async def _on_invalid(request: Request, error: Exception) -> Response:
    known = {"wait", "words", "format", "untimed_words", "without"}
    places = error.errors() if isinstance(error, RequestValidationError) else []
    names = sorted({str(place["loc"][-1]) for place in places} & known)
    text = f"not a valid value: {', '.join(names) or 'parameter'}; see /openapi.json"
    return _reply(request, Refusal(422, "invalid_parameter", text))


def _json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    text = json.dumps(content, allow_nan=False)
    return Response(text, status, headers=headers, media_type="application/json")


def _add_facts(app: FastAPI) -> None:
    @app.get("/healthz", tags=["service"])
    async def health(request: Request) -> Response:
        """The service runs."""
        is_loaded = request.app.state.board.facts is not None
        return _json({"status": "ok", "model_is_loaded": is_loaded})

    @app.get("/readyz", tags=["service"], responses=_errors(503))
    async def ready(request: Request) -> Response:
        """The model is loaded."""
        if request.app.state.board.facts is None:
            raise Refusal(503, "not_ready", "the model is being loaded", retry_after_s=5)
        return _json({"status": "ready"})

    @app.get("/v1/model", tags=["service"], responses=_errors(401, 403, 429, 503))
    async def model(request: Request) -> Response:
        """What the model is, and what it takes."""
        facts = request.app.state.board.facts
        if facts is None:
            raise Refusal(503, "not_ready", "the model is being loaded", retry_after_s=5)
        limits: Limits = request.app.state.limits
        taken = {
            "body_bytes": limits.body_bytes,
            "shortest_s": limits.shortest_s,
            "longest_s": limits.longest_s,
        }
        return _json({**facts, "limits": taken, "use": RESEARCH_STATEMENT})


def _add_uploads(app: FastAPI) -> None:
    errors = _errors(401, 403, 408, 413, 415, 422, 429, 500, 503, 504)

    @app.post(PATH, tags=["predictions"], openapi_extra=BODY, responses=errors)
    async def create(
        request: Request,
        wait: Wait = 0.0,
        words: Annotated[
            Literal["later"] | None, Query(description="The words come with a second request.")
        ] = None,
        untimed_words: Literal["leave", "spread"] | None = None,
        without: Literal["audio", "text"] | None = None,
    ) -> Response:
        """Takes a recording: 200 with the answer, or 202 with where it will be."""
        state = request.app.state
        board: JobBoard = state.board
        board.check_room()
        owner = request.scope["state"]["owner"]
        state.access.count(owner)
        job = board.new(owner, {"untimed_words": untimed_words, "without": without})
        async with _forgotten_on_error(board, job):
            await state.receiver.audio(request, job.audio)
            if words == "later":
                board.await_words(job)
                return _status(board, job)
            board.submit(job)
            return await _answered(request, board, job, wait)

    @app.put(f"{PATH}/{{job_id}}/words", tags=["predictions"], openapi_extra=WORDS_BODY,
             responses=_errors(404, 409) | errors)  # fmt: skip
    async def put_words(
        request: Request,
        job_id: str,
        wait: Wait = 0.0,
        format: WordsFormat = "words.json",
    ) -> Response:
        """Takes the words of a recording that was sent with ``words=later``, and begins."""
        board: JobBoard = request.app.state.board
        job = board.find(job_id, request.scope["state"]["owner"])
        if job.state != "needs_words" or job.words is not None:
            raise Refusal(409, "has_begun", "this prediction has begun already")
        board.check_room()  # while there is none, the recording waits for another try
        job.words = job.folder / f"{job_id}{SUFFIXES[format]}"
        async with _forgotten_on_error(board, job):
            await request.app.state.receiver.words(request, job.words)
            if job.is_over:  # its time was up, or it was deleted meanwhile
                board.find(job_id, job.owner)
            board.submit(job)
            return await _answered(request, board, job, wait)


def _add_outcomes(app: FastAPI) -> None:
    @app.get(f"{PATH}/{{job_id}}", tags=["predictions"],
             responses=_errors(401, 403, 404, 422, 429, 500, 503, 504))  # fmt: skip
    async def read(request: Request, job_id: str) -> Response:
        """200 with the answer; 202 while there is none; else why there will be none."""
        board: JobBoard = request.app.state.board
        job = board.find(job_id, request.scope["state"]["owner"])
        if job.is_over:
            board.fetched(job)
        return _status(board, job)

    @app.get(f"{PATH}/{{job_id}}/events", tags=["predictions"],
             responses=_errors(401, 403, 404, 429)
             | {200: {"content": {"text/event-stream": {}}}})  # fmt: skip
    async def events(request: Request, job_id: str) -> Response:
        """The progress as server-sent events, the last one named ``end``."""
        board: JobBoard = request.app.state.board
        job = board.find(job_id, request.scope["state"]["owner"])
        return StreamingResponse(_events(board, job), media_type="text/event-stream")

    @app.delete(f"{PATH}/{{job_id}}", status_code=204, tags=["predictions"],
                responses=_errors(401, 403, 404, 429))  # fmt: skip
    async def delete(request: Request, job_id: str) -> Response:
        """Ends it and removes all of it."""
        board: JobBoard = request.app.state.board
        await board.forget(board.find(job_id, request.scope["state"]["owner"]))
        return Response(status_code=204)


def _add_page(app: FastAPI, page: Mapping[str, PageFile]) -> None:
    def add(path: str, file: PageFile) -> None:
        @app.get(path, include_in_schema=False)
        async def show() -> Response:
            return Response(file.content, media_type=file.media_type)

    for path, file in page.items():
        add(path, file)


@asynccontextmanager
async def _forgotten_on_error(board: JobBoard, job: Job) -> AsyncIterator[None]:
    """A job whose request fails, or whose client is gone, leaves nothing."""
    try:
        yield
    except BaseException:
        await asyncio.shield(board.forget(job))
        raise


async def _answered(request: Request, board: JobBoard, job: Job, wait_s: float) -> Response:
    """The answer if it comes in time; an answer that was sent is forgotten."""
    if not wait_s:
        return _status(board, job)
    job.listeners += 1
    over, gone = asyncio.ensure_future(job.over()), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({over, gone}, timeout=wait_s, return_when="FIRST_COMPLETED")
        if gone.done():
            await board.forget(job)
    finally:
        job.listeners -= 1
        for task in (over, gone):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    reply = _status(board, job)
    if job.is_over:
        await board.forget(job)
    return reply


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _status(board: JobBoard, job: Job) -> Response:
    """What is to be said about a job now.

    Raises:
        Refusal: there will be no answer.
    """
    if job.refusal:
        raise job.refusal
    if job.answer:
        return Response(job.answer, media_type="application/json")
    where = f"{PATH}/{job.job_id}"
    return _json(_state(board, job), 202, {"Location": where})


def _state(board: JobBoard, job: Job) -> dict[str, Any]:
    return {
        "prediction_id": job.job_id,
        "state": job.state,
        "position": board.position(job),
        "progress": job.progress,
    }


async def _events(board: JobBoard, job: Job) -> AsyncIterator[bytes]:
    job.listeners += 1
    try:
        while True:
            changed = job.changed
            name = "end" if job.is_over else "progress"
            yield f"event: {name}\ndata: {json.dumps(_state(board, job))}\n\n".encode()
            if job.is_over:
                return
            while True:
                try:
                    async with asyncio.timeout(BEAT_S):
                        await changed.wait()
                    break
                except TimeoutError:
                    yield b": still there\n\n"
    finally:
        job.listeners -= 1
