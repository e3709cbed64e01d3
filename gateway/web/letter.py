"""`/r/{token}`: the page behind the link in a letter, which only the reader of the mailbox has.

GET shows what was asked and a button, because mail systems follow links. Data leave in the answer to a POST only.
"""

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import text
from gateway.flow import certificate
from gateway.flow.held import TRAITS
from gateway.flow.rights import Confirmation, Rights
from gateway.text import local
from gateway.tokens import Link, Purpose
from gateway.web import body, pages, render
from gateway.web.counter import Counter
from gateway.web.pages import METHODS

Answer = Callable[[Request, Link, body.Form], Awaitable[Response]]


class Buttons:
    """What each button of the page does."""

    def __init__(self, counter: Counter, rights: Rights) -> None:
        self._counter = counter
        self._rights = rights
        self.buttons: dict[str, Answer] = {
            "confirm": self._confirm,
            "cancel": self._cancel,
            "copy": self._copy,
            "json": self._copy,
            "save": self._save,
            "lift": self._lift,
        }

    async def look(self, request: Request, link: Link, *, status: int = 200, did: str = "") -> Response:
        """Show what was asked, what became of it, and what one may do."""
        return _show(request, await self._counter.ask(partial(self._rights.look, link)), status=status, did=did)

    async def _confirm(self, request: Request, link: Link, _form: body.Form) -> Response:
        seen = await self._counter.ask(partial(self._rights.confirm, link))
        if seen.right == "rectification" and seen.state in {"confirmed", "done"}:
            values = await self._counter.ask(partial(self._rights.open, link))
            return _show(request, seen, values=values)  # not by GET: these are the data
        return _back(request)

    async def _cancel(self, request: Request, link: Link, _form: body.Form) -> Response:
        await self._counter.ask(partial(self._rights.cancel, link))
        return _back(request, "cancel")

    async def _copy(self, request: Request, link: Link, form: body.Form) -> Response:
        machine, lang = form["do"] == "json", render.language(request, "")
        found = await self._counter.ask(partial(self._rights.copy, link, machine=machine, lang=lang))
        if not machine:
            return render.document(found)
        name = {"Content-Disposition": 'attachment; filename="data.json"'}
        return Response(found, media_type="application/json", headers=name)

    async def _save(self, request: Request, link: Link, form: body.Form) -> Response:
        changes = {name: form[name] for name in TRAITS if name in form}
        await self._counter.ask(partial(self._rights.correct, link, changes))
        return _back(request)

    async def _lift(self, request: Request, link: Link, _form: body.Form) -> Response:
        await self._counter.ask(partial(self._rights.lift, link))
        return _back(request)


def route(counter: Counter, rights: Rights) -> Route:
    """Return the route of the page behind a letter."""
    letter = Buttons(counter, rights)

    async def page(request: Request) -> Response:
        if request.method == "OPTIONS":
            return pages.allow()
        link = counter.link(request, Purpose.RIGHT)
        if request.method != "POST":
            did = request.query_params.get("did", "")
            return await letter.look(request, link, did=did if did == "cancel" else "")
        form = await body.fields(request.headers, await body.read(request))
        wish, status = pages.wanted(request, form.get("do", "") if form.get("do") in letter.buttons else "")
        if not wish:
            return await letter.look(request, link, status=status, did="garbled")
        request.state.again = {"do": "confirm" if wish == "save" else wish}
        return await letter.buttons[wish](request, link, form)

    return Route("/r/{token}", page, methods=METHODS)


def _back(request: Request, did: str = "") -> Response:
    return pages.back(request, request.path_params["token"], did)


def _show(
    request: Request, seen: Confirmation, *, status: int = 200, did: str = "", values: dict[str, str] | None = None
) -> Response:
    lang = render.language(request, seen.imprint.lang)
    return render.page(
        request, "letter.html", seen.imprint, here=f"../r/{request.path_params['token']}", status=status, seen=seen,
        did=did, values=values, tongues=[(code, local.name(code)) for code in text.languages()],
        paper=certificate.words(seen.certificate, lang, seen.timezone) if seen.certificate else {},
    )  # fmt: skip
