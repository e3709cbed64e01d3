"""The pages of signing up: the form, what follows it, what is behind the link of the letter; and the form to embed."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from gateway.errors import Misuse
from gateway.flow.join import Ask
from gateway.flow.joinform import JoinForm
from gateway.flow.scene import Scene
from gateway.mail.address import parse
from gateway.text import say
from gateway.web import render

KEYS = {"open": "confirm", "waiting": "waiting", "done": "done"}  # state of an `Ask` → its sentences
GONE = 410


@dataclass(frozen=True, slots=True)
class Kept:
    """What a form that has to be filled in again still holds: addresses only when they are some, so no echo."""

    address: str = ""
    parent: str = ""
    age: str = ""
    boxes: frozenset[str] = frozenset()
    inline: bool = False  # the snippet brings no style sheet


EMPTY = Kept()


def form(
    request: Request, found: JoinForm, days: int, *, error: str = "", kept: Kept = EMPTY, status: int = 200
) -> Response:
    """Return the form; `error` is a code of `flow.join.Refused`, or "foreign"; `days` until a sign-up is deleted."""
    return _page(
        request, "join.html", found.scene, f"../join/{found.list.name}", "join.", status,
        form=found, days=days, error=error, kept=kept,
    )  # fmt: skip


def after(request: Request, found: JoinForm, did: str) -> Response:
    """Return what is said after the form was `sent` or `refused`: the same to everybody."""
    return _page(request, "join.html", found.scene, f"../join/{found.list.name}", f"join.{did}.", 200, error="")


def asked(request: Request, found: Ask, token: str, stop: str, status: int = 200) -> Response:
    """Return what is behind the link of a letter; `stop` is where one changes one's mind, "" when nothing stands."""
    key = f"join.{KEYS[found.state]}."
    return _page(
        request, "joined.html", found.scene, f"../{found.list.name}/{token}", key, status, ask=found, stop=stop
    )


def over(request: Request, scene: Scene, name: str, token: str, *, declined: bool) -> Response:
    """Return what is said when nothing is left behind the link to the list `name`."""
    key, status = ("join.declined.", 200) if declined else ("join.gone.", GONE)
    return _page(request, "joined.html", scene, f"../{name}/{token}", key, status, ask=None, stop="", list_name=name)


def _page(
    request: Request, template: str, scene: Scene, here: str, key: str, status: int, **fields: object
) -> Response:
    title = scene.list_title
    return render.page(request, template, scene.imprint, here=here, status=status, key=key, title=title, **fields)


def snippet(found: JoinForm, public_url: str, back: str, days: int) -> str:
    """Return the form as HTML for another site, without style or script; `back` is the page to lead back to, or ""."""
    note = say("join.snippet.note", found.lang, list=found.list.name)
    action = f"{public_url}/join/{found.list.name}?lang={found.lang}"
    kept = Kept(inline=True)
    return render.fragment(
        "snippet.html", found.lang, form=found, action=action, back=back, days=days, kept=kept, note=note
    )


def kept(values: Mapping[str, str], boxes: frozenset[str]) -> Kept:
    """Return what of a refused form is shown again: nothing that is not an address, an age or a box of ours."""
    return Kept(_whole(values.get("address", "")), _whole(values.get("parent", "")), values.get("age", ""), boxes)


def _whole(text: str) -> str:
    try:
        return parse(text).spelled
    except Misuse:
        return ""
