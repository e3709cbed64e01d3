"""The two applications: the public pages, and the operations page for probes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anyio import to_thread
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.routing import BaseRoute, Mount, Router
from starlette.types import ASGIApp

from gateway import meters
from gateway.errors import GatewayError, TryLater
from gateway.flow.context import Context
from gateway.flow.rights import Rights
from gateway.tokens import Tokens
from gateway.web import held, join, letter, oneclick, pages, render
from gateway.web.counter import Counter
from gateway.web.desk import Desk, Presses
from gateway.web.guard import Guard
from gateway.web.network import HOME, Networks
from gateway.web.throttle import Throttle

# No documentation pages; no traces, whoever configures them: the path of a request is a person's key.
BARE: dict[str, Any] = {
    "openapi_url": None,
    "docs_url": None,
    "redoc_url": None,
    "telemetry": {"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False},
}


@dataclass(frozen=True, slots=True)
class WebOptions:
    """How the pages are served.

    `public_url`: where people reach them. `trusted_proxies`: see `[web]`. `threads`: how many answers may wait for the
    store at once. `guesses`: how many wrong tokens one network may try in a minute. `sign_ups`: how many
    sign-up forms one network may send in a minute.
    """

    public_url: str
    trusted_proxies: Sequence[str] = HOME
    threads: int = 40
    guesses: int = 60
    sign_ups: int = 20


def create_app(
    desk: Desk,
    presses: Presses,
    tokens: Tokens,
    options: WebOptions,
    rights: Rights | None = None,
    context: Context | None = None,
    more: Mapping[str, ASGIApp] | None = None,
) -> ASGIApp:
    """Return the public application: `/1/{token}` and `/p/{token}`.

    With `rights` their pages too, with `context` sign-up, and applications of their own below the places of `more`;
    nothing else.
    """
    networks = Networks(options.trusted_proxies)
    counter = Counter(desk, presses, tokens, networks, Throttle(options.guesses), threads=options.threads)
    # Starlette alone: nothing here has parameters, models or a description for FastAPI to make, and it would take time.
    routes: list[BaseRoute] = [oneclick.route(counter), pages.route(counter)]
    if rights:
        routes += [held.route(counter, rights), letter.route(counter, rights)]
    if context:
        routes += join.routes(counter, context, networks, Throttle(options.sign_ups))
    routes += [_below(place, application) for place, application in (more or {}).items()]
    router = Router(routes, redirect_slashes=False)
    return Guard(router, apology=render.apology, secure=options.public_url.startswith("https:"))


def _below(place: str, application: ASGIApp) -> Mount:
    """Return the route of everything below a place, line breaks in the path included."""
    mount = Mount(place, application)
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount


Check = Callable[[], None]


def create_ops_app(checks: Mapping[str, Check], figures: Callable[[], bytes]) -> FastAPI:
    """Return the application for probes, not meant for the public listener.

    `/healthz` says that the process answers. `/readyz` runs the checks (blocking; each raises `errors.TryLater` while
    what it needs is away) and answers 200 or 503 with the names of what is missing, and no details. `/metrics` answers
    with `figures` (blocking), in the form of Prometheus.
    """
    app = FastAPI(**BARE)

    @app.api_route("/healthz", methods=["GET", "HEAD"])
    async def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.api_route("/readyz", methods=["GET", "HEAD"])
    async def readyz() -> JSONResponse:
        missing = [name for name, check in checks.items() if not await to_thread.run_sync(_passes, check)]
        return JSONResponse({"ready": not missing, "missing": missing}, 503 if missing else 200)

    @app.get("/metrics")
    async def metrics() -> Response:
        try:
            return Response(await to_thread.run_sync(figures), media_type=meters.TYPE)
        except TryLater:
            return PlainTextResponse("the store does not answer\n", 503)

    return app


def _passes(check: Check) -> bool:
    try:
        check()
    except GatewayError:  # also what an administrator has to put right first
        return False
    return True
