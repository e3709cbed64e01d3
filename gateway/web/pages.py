"""`/p/{token}`: the person's page. GET shows, POST acts.

A form that a browser says came from another site does nothing (Sec-Fetch-Site): the person did not press our button.
There is no token against such forms, which would prove nothing: no cookie or login is involved, so a foreign site has
no authority of the visitor's to abuse, and whoever can name the URL holds the message and could ask for such a token.
"""

from collections.abc import Mapping
from typing import cast

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.flow.optout import WHYS, Scope, View
from gateway.law.channels import CHANNELS
from gateway.tokens import Link
from gateway.web import body, render
from gateway.web.counter import Counter
from gateway.web.language import known

METHODS = ["GET", "HEAD", "POST", "OPTIONS"]
FIELD, VALUE = "list-unsubscribe", "one-click"  # compared without case; RFC 8058, 3.1
FOREIGN = {"cross-site", "same-site"}
# To stop is to stop everything of the advertiser; less than that is for the person to choose (GDPR 21(2)-(3)).
ACTIONS = frozenset({"stop", "choose", "why", "undo", "untrack"})
SCOPES = frozenset({"list", "email", "all"})
TOLD = frozenset({"undo", "choose", "why", "untrack"})  # what the page says a word about afterwards


def route(counter: Counter) -> Route:
    """Return the route of the person's page."""

    async def page(request: Request) -> Response:
        if request.method == "OPTIONS":
            return allow()
        link = counter.link(request)
        if request.method != "POST":
            did = request.query_params.get("did", "")
            return show(request, await counter.page(link), did=did if did in TOLD else "")
        form = await body.fields(request.headers, await body.read(request))
        wish, status = wanted(request, _wish(form))
        if not wish:
            return show(request, await counter.page(link), status=status, did="garbled")
        request.state.again = _again(wish, form)  # the button on the page that asks to try again
        await _act(counter, request, link, wish, form)
        return back(request, request.path_params["token"], wish if wish in TOLD else "")

    return Route("/p/{token}", page, methods=METHODS)


async def _act(counter: Counter, request: Request, link: Link, wish: str, form: Mapping[str, str]) -> None:
    if wish == "undo":
        await counter.undo(link)
    elif wish == "untrack":
        await counter.untrack(link)
    elif wish == "why":
        await counter.explain(link, form["why"])
    elif wish == "choose":
        channels = [name for name in CHANNELS if form.get(f"channel-{name}")]
        await counter.choose(link, cast("Scope", form["scope"]), channels)
    else:
        await counter.stop(request, link, "page")


def _again(wish: str, form: body.Form) -> dict[str, str]:
    """Return the fields that ask for the same once more: words of ours, nothing that came in."""
    if wish == "why":
        return {"do": wish, "why": form["why"]}
    if wish == "choose":
        return {"do": wish, "scope": form["scope"], **{f"channel-{name}": "on" for name in _channels(form)}}
    return {"do": wish}


def _channels(form: body.Form) -> list[str]:
    return [name for name in CHANNELS if form.get(f"channel-{name}")]


def _wish(form: body.Form) -> str:
    """Return which button was pressed, "" for none; a one-click form that came to this URL is honoured too."""
    wish = form.get("do", "")
    whole = {"choose": form.get("scope") in SCOPES, "why": form.get("why") in WHYS}
    if wish in ACTIONS and whole.get(wish, True):
        return wish
    return "stop" if form.get(FIELD, "").lower() == VALUE else ""


def wanted(request: Request, wish: str) -> tuple[str, int]:
    """Return what to do, "" for nothing with the status that says so: 403 for a form on another site, 400 else."""
    foreign = request.headers.get("sec-fetch-site") in FOREIGN
    return ("", 403) if foreign else (wish, 200 if wish else 400)


def show(request: Request, view: View, *, status: int = 200, did: str = "") -> Response:
    """Return the page of the holder of the token: the one button, or what stands and how to change it.

    `did` is what was just done, or "garbled" for a form that was not understood.
    """
    token = request.path_params["token"]
    # Relative, so that the pages work under any prefix.
    return render.page(
        request, "person.html", view.imprint, here=f"../p/{token}", status=status, view=view, told=_told(did, view),
        whys=WHYS,
    )  # fmt: skip


def _told(did: str, view: View) -> tuple[str, bool] | None:
    """Return the key of what is said above everything else, and whether it is good news."""
    if did == "undo":
        return ("web.not_undone", False) if view.stopped else ("web.undone", True)
    known_ = {
        "choose": ("web.chosen", True),
        "why": ("web.thanks", True),
        "untrack": ("web.untracked", True),
        "garbled": ("web.garbled", False),
    }
    return known_.get(did)


def back(request: Request, place: str, did: str = "") -> Response:
    """Send the browser to the page by GET, so that reloading and going back repeat nothing.

    The place is relative and made of the opened token and words of ours: nowhere else can this lead.
    """
    lang = known(request.query_params.get("lang", ""))
    asked = [f"did={did}"] if did else []
    asked += [f"lang={lang}"] if lang else []
    return RedirectResponse(place + ("?" + "&".join(asked) if asked else ""), 303)


def allow() -> Response:
    """Return the answer to OPTIONS."""
    return Response(status_code=204, headers={"Allow": ", ".join(METHODS)})
