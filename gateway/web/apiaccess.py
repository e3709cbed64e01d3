"""Who may do what in the API: bearer keys, rates, sizes, and one effect for one request."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.flow import apikeys
from gateway.flow.apikeys import Grant
from gateway.flow.context import Context
from gateway.flow.once import Busy, Differs, Done, once
from gateway.web.throttle import Throttle

LARGEST = 256 * 1024  # bytes of a body; the bulk check has a limit of its own
PATIENCE = 15.0  # seconds for all of it
BULK = "/check/bulk"
BULKS = 2  # bulk checks at once, for each worker: one may take every processor

_bearer = HTTPBearer(auto_error=False, description="A key made by `consentgate apikey add`.")
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]+$",
        description="The request has one effect however often it is sent with this key; the answer is kept for a week.",
    ),
]


def furnish(app: FastAPI, context: Context) -> None:
    """Give the routes of the API what they work with."""
    app.state.context = context
    app.state.throttle = Throttle(context.settings.web.api_rate)
    app.state.bulks = asyncio.Semaphore(BULKS)


def context_of(request: Request) -> Context:
    """Return the context that the routes work with."""
    context: Context = request.app.state.context
    return context


def may(verb: str) -> Callable[..., Grant]:
    """Return the dependency that lets a request through when its key may do `verb`."""

    def check(
        request: Request, presented: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None
    ) -> Grant:
        grant = apikeys.opened(context_of(request), presented.credentials) if presented else None
        if grant is None:
            raise HTTPException(
                401, "send Authorization: Bearer and a key that is valid", {"WWW-Authenticate": 'Bearer realm="api"'}
            )
        throttle: Throttle = request.app.state.throttle
        wait = throttle.more(str(grant.key_id))
        if wait:
            raise HTTPException(429, "this key has made too many requests", {"Retry-After": str(wait)})
        if verb not in grant.verbs:
            raise HTTPException(403, f"this key may not do {verb}")
        return grant

    return Depends(check)  # type: ignore[no-any-return]


def act(
    request: Request, by: Grant, key: str | None, said: BaseModel | None, work: Callable[[], BaseModel]
) -> Response:
    """Do `work` and answer with what it returns; with an idempotency key once, and the same answer ever after."""

    def done() -> Done:
        return Done(200, work().model_dump_json().encode())

    if key is None:
        return _answer(done())
    content = f"{request.method} {request.url.path}\n{said.model_dump_json() if said else ''}"
    fingerprint = hashlib.sha256(content.encode()).digest()
    try:
        return _answer(once(context_of(request), f"key:{by.key_id}", key, fingerprint, done))
    except Differs:
        raise HTTPException(422, "this Idempotency-Key was used for another request") from None
    except Busy:
        headers = {"Retry-After": "2"}
        raise HTTPException(409, "the same request is being worked on", headers) from None


def _answer(done: Done) -> Response:
    headers = {"Idempotent-Replayed": "true"} if done.again else {}
    return Response(done.body, done.status, headers, "application/json")


class Bounds:
    """ASGI middleware: a body is of bounded size and comes in bounded time; what is too much is an HTTPException."""

    def __init__(self, app: ASGIApp, *, largest: int = LARGEST, bulk: int = 0) -> None:
        self._app = app
        self._largest = largest
        self._bulk = bulk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on with a bounded body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        bulk = self._bulk and scope["path"].endswith(BULK)
        left, deadline = self._bulk if bulk else self._largest, asyncio.get_running_loop().time() + PATIENCE

        async def bounded() -> Message:
            nonlocal left
            try:
                async with asyncio.timeout_at(None if bulk else deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "the body came too slowly") from None
            if message["type"] == "http.request":
                left -= len(message.get("body", b""))
                if left < 0:
                    raise HTTPException(413, "the body is too large")
            return message

        await self._app(scope, bounded, send)
