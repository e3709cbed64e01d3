"""What holds for every answer: strict headers, and no failure that says more, or promises more, than it may."""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import journal
from gateway.errors import TryLater

RETRY_AFTER = "30"  # seconds

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "interest-cohort=()",
    "Referrer-Policy": "no-referrer",  # the address of the page is the person's key
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
SECURE_HEADERS = {"Strict-Transport-Security": "max-age=31536000"}  # RFC 8058 asks for https anyway

Apology = Callable[[Request, int, str], Response]  # request, status, reference → the page that says so


class Guard:
    """ASGI middleware around the routes; `apology` makes the page for a failure, and for what no route answers."""

    def __init__(self, app: ASGIApp, *, apology: Apology, secure: bool) -> None:
        self._app = app
        self._apology = apology
        headers = HEADERS | (SECURE_HEADERS if secure else {})
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("app", self)  # where there is one, Starlette's router raises what it does not know
        started = False

        async def dressed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                own = message["headers"]
                named = {name for name, _ in own}
                message["headers"] = [*own, *(header for header in self._headers if header[0] not in named)]
            await send(message)

        try:
            await self._app(scope, receive, dressed)
        except ClientDisconnect:
            return
        except Exception as error:
            answer = self._failed(Request(scope), error)
            if not started:
                await answer(scope, receive, dressed)

    def _failed(self, request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            answer = self._apology(request, error.status_code, "")
            answer.headers.update(error.headers or {})
            return answer
        if not isinstance(error, TryLater):
            return self._apology(request, 500, journal.fault("web", error, method=request.method))
        journal.warn("web.later", method=request.method, why=str(error))
        answer = self._apology(request, 503, "")
        answer.headers["Retry-After"] = RETRY_AFTER
        return answer
