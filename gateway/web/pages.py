"""`/p/{token}`: the person's page. GET shows, POST acts.

A form that a browser says came from another site does nothing (Sec-Fetch-Site): the person did not press our button.
There is no token against such forms, which would prove nothing: no cookie or login is involved, so a foreign site has
no authority of the visitor's to abuse, and whoever can name the URL holds the message and could ask for such a token.
"""

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.routing import Route

from gateway.web import body, render
from gateway.web.counter import Counter
from gateway.web.language import known
from gateway.web.oneclick import FIELD, METHODS, VALUE, allow

# To stop is to stop everything of the advertiser; less than that is for the person to choose (rules.md, A7).
STOP, LIST, UNDO = "stop", "list", "undo"
ACTIONS = {STOP, LIST, UNDO}
FOREIGN = {"cross-site", "same-site"}


def route(counter: Counter) -> Route:
    """Return the route of the person's page."""

    async def page(request: Request) -> Response:
        token: str = request.path_params["token"]
        if request.method == "OPTIONS":
            return allow()
        link = counter.link(request)
        if request.method != "POST":
            did = UNDO if request.query_params.get("did") == UNDO else ""
            return render.person(request, token, await counter.page(link), did=did)
        wish = _wish(await body.fields(request.headers, await body.read(request)))
        foreign = request.headers.get("sec-fetch-site") in FOREIGN
        if foreign or not wish:
            return render.person(
                request, token, await counter.page(link), status=403 if foreign else 400, did="garbled"
            )
        request.state.again = wish  # the button on the page that asks to try again
        if wish == UNDO:
            await counter.undo(link)
        else:
            await counter.stop(link, everything=wish == STOP, origin="page")
        return _back(request, token, wish)

    return Route("/p/{token}", page, methods=METHODS)


def _wish(form: body.Form) -> str:
    """Return which button was pressed, "" for none; a one-click form that came to this URL is honoured too."""
    wish = form.get("do", "")
    if wish in ACTIONS:
        return wish
    return STOP if form.get(FIELD, "").lower() == VALUE else ""


def _back(request: Request, token: str, wish: str) -> Response:
    """Send the browser to the page by GET, so that reloading and going back repeat nothing.

    The place is relative and made of the opened token and words of ours: nowhere else can this lead.
    """
    lang = known(request.query_params.get("lang", ""))
    asked = [f"did={wish}"] if wish == UNDO else []
    asked += [f"lang={lang}"] if lang else []
    return RedirectResponse(token + ("?" + "&".join(asked) if asked else ""), 303)
