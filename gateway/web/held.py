"""`/p/{token}/data`: what is held on the person and why, and the rights; nothing here shows the data themselves."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.flow.held import Held
from gateway.flow.rights import LIFE, RIGHTS, Rights
from gateway.web import body, pages, render
from gateway.web.counter import Counter
from gateway.web.pages import METHODS


def route(counter: Counter, rights: Rights) -> Route:
    """Return the route of the page about the data."""

    async def data(request: Request) -> Response:
        if request.method == "OPTIONS":
            return pages.allow()
        link = counter.link(request)
        if request.method != "POST":
            held = await counter.ask(partial(rights.held, link))
            return show(request, held, did=request.query_params.get("did", ""))
        form = await body.fields(request.headers, await body.read(request))
        asks = form.get("do") == "ask" and form.get("right") in RIGHTS
        wish, status = pages.wanted(request, form["right"] if asks else "")
        if not wish:
            return show(request, await counter.ask(partial(rights.held, link)), status=status, did="garbled")
        request.state.again = {"do": "ask", "right": wish}
        sent = await counter.ask(partial(rights.ask, link, wish))
        return pages.back(request, "data", "asked" if sent else "")

    return Route("/p/{token}/data", data, methods=METHODS)


def show(request: Request, held: Held, *, status: int = 200, did: str = "") -> Response:
    """Return the page; `did` is "asked" after a letter went out, "garbled" for a form that was not understood."""
    token = request.path_params["token"]
    return render.page(
        request, "data.html", held.imprint, here=f"../../p/{token}/data", status=status, held=held, rights=RIGHTS,
        did=did, days=LIFE.days, home=f"../../p/{token}",
    )  # fmt: skip
