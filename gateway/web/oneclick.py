"""`/1/{token}`: the URL in List-Unsubscribe (RFC 8058).

POST acts: no cookie, no login, no redirect, no question; twice is once. GET, HEAD and OPTIONS never change anything,
because scanners, previews and mail systems send them by themselves.

Where a POST comes from does not matter here: mail programs in browsers send it from their own sites.
"""

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse
from starlette.routing import Route

from gateway.web import body, render
from gateway.web.counter import Counter

METHODS = ["GET", "HEAD", "POST", "OPTIONS"]
FIELD, VALUE = "list-unsubscribe", "one-click"  # compared without case; RFC 8058, 3.1


def route(counter: Counter) -> Route:
    """Return the route of the one-click door."""

    async def one_click(request: Request) -> Response:
        token: str = request.path_params["token"]
        if request.method == "OPTIONS":
            return allow()
        link = counter.link(request)
        if request.method != "POST":
            return render.person(request, token, await counter.page(link))
        content = await body.read(request)
        # Some clients POST without the body (peers.md, 2A.14); on this URL a POST can mean one thing only.
        if content.strip() and (await body.fields(request.headers, content)).get(FIELD, "").lower() != VALUE:
            return render.person(request, token, await counter.page(link), status=400, did="garbled")
        view = await counter.stop(link, everything=True, origin="one-click")
        if "text/html" in request.headers.get("accept", ""):
            return render.person(request, token, view)
        return PlainTextResponse("OK\n")  # nobody reads what a mail system is told, and a page costs half the time

    return Route("/1/{token}", one_click, methods=METHODS)


def allow() -> Response:
    """Return the answer to OPTIONS."""
    return Response(status_code=204, headers={"Allow": ", ".join(METHODS)})
