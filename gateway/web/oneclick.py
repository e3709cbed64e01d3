"""`/1/{token}`: the URL in List-Unsubscribe (RFC 8058).

POST acts: no cookie, no login, no redirect, no question; twice is once. GET, HEAD and OPTIONS never change anything,
because scanners, previews and mail systems send them by themselves.

Where a POST comes from does not matter here: mail programs in browsers send it from their own sites.
"""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.web import body, pages
from gateway.web.counter import Counter
from gateway.web.pages import FIELD, METHODS, VALUE

# As nearly everybody sends it, which needs no reading; some clients POST without it, and on this URL a POST can mean
# one thing only.
USUAL = frozenset({b"List-Unsubscribe=One-Click", b""})


def route(counter: Counter) -> Route:
    """Return the route of the one-click door."""

    async def one_click(request: Request) -> Response:
        if request.method == "OPTIONS":
            return pages.allow()
        link = counter.link(request)
        if request.method != "POST":
            return pages.show(request, await counter.page(link))
        content = await body.read(request)
        usual = content.strip() in USUAL
        if not usual and (await body.fields(request.headers, content)).get(FIELD, "").lower() != VALUE:
            return pages.show(request, await counter.page(link), status=400, did="garbled")
        await counter.stop(request, link, "one-click")
        if "text/html" in request.headers.get("accept", ""):
            return pages.show(request, await counter.page(link))
        return PlainTextResponse("OK\n")  # nobody reads what a mail system is told, and a page costs half the time

    return Route("/1/{token}", one_click, methods=METHODS)
