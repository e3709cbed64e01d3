"""The pages themselves: one file each, style inside, no script, nothing fetched from anywhere.

The style sheet stands in the page under the hash that the Content-Security-Policy names, because one request is
faster than two and nothing else can then be styled in.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.resources import files
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gateway import text
from gateway.web.color import palette
from gateway.web.desk import View
from gateway.web.language import choose

_ENVIRONMENT = Environment(
    loader=PackageLoader("gateway.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_STYLE = re.sub(r"/\*.*?\*/|\s*\n\s*", "", (files("gateway.web") / "static" / "page.css").read_text("utf-8"))
_MAILBOX = re.compile(r"[^\s@<>?&%\"']{1,64}@[^\s@<>?&%\"']{1,255}")


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said above everything else: a sentence, and whether it is good news."""

    sentence: str
    good: bool


def person(request: Request, token: str, view: View, *, status: int = 200, did: str = "") -> HTMLResponse:
    """Return the page of the holder of `token`: the one button, or what stands and how to change it.

    `did` is "undo" after an undo, "garbled" after a form that was not understood, "" otherwise.
    """
    lang = _language(request, view.lang)
    stopped = view.stopped_list or view.stopped_all
    here = f"../p/{token}"  # relative, so that the pages work under any prefix; the token was opened, so it is plain
    return _page(
        "person.html",
        lang,
        color=view.color,
        status=status,
        view=view,
        stopped=stopped,
        notice=_notice(did, stopped=stopped, lang=lang),
        here=here,
        action=f"{here}?lang={lang}" if "lang" in request.query_params else here,
        privacy_url=_web_url(view.privacy_url),
        contact=view.contact if _MAILBOX.fullmatch(view.contact) else "",
    )


def apology(request: Request, status: int, reference: str = "") -> HTMLResponse:
    """Return the bland page for `status` (404, 503, 500 …), which tells nothing about any person.

    After a 503 a button repeats what was asked for, when a route left it in `request.state.again`.
    """
    known = {404: "unknown", 429: "slowly", 500: "bug", 503: "later" if request.method == "POST" else "away"}
    lang = _language(request, "")
    say = partial(text.say, lang=lang)
    key = f"web.{known.get(status, 'refused')}"
    body = say(f"{key}.body", reference=reference)
    again = getattr(request.state, "again", "") if status == 503 else ""
    return _page("apology.html", lang, status=status, title=say(f"{key}.title"), body=body, again=again)


def _page(template: str, lang: str, *, color: str = "", status: int, **fields: object) -> HTMLResponse:
    style, digest = _style(color)
    t: Callable[..., str] = partial(text.say, lang=lang)
    body = _ENVIRONMENT.get_template(template).render(
        t=t, lang=lang, others=[code for code in text.languages() if code != lang], say=text.say, style=style, **fields
    )
    headers = {
        "Content-Language": lang,
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'",
        "Vary": "Accept-Language",
    }
    return HTMLResponse(body, status, headers)


def _language(request: Request, otherwise: str) -> str:
    return choose(request.query_params.get("lang"), request.headers.get("accept-language"), otherwise)


def _notice(did: str, *, stopped: bool, lang: str) -> Notice | None:
    if did == "undo":
        key = "not_undone" if stopped else "undone"
        return Notice(text.say(f"web.{key}", lang), good=not stopped)
    return Notice(text.say("web.garbled", lang), good=False) if did == "garbled" else None


def _web_url(url: str) -> str:
    try:
        return url if urlsplit(url).scheme in {"http", "https"} else ""
    except ValueError:
        return ""


@lru_cache(maxsize=1024)
def _style(color: str) -> tuple[Markup, str]:
    """Return the style sheet in that colour and its digest for the policy. Only checked digits reach the sheet."""
    colors = palette(color)
    sheet = (
        f":root{{--plain:{colors.plain};--brand:{colors.day}}}"
        f"@media (prefers-color-scheme:dark){{:root{{--brand:{colors.night}}}}}{_STYLE}"
    )
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    return Markup(sheet), digest  # noqa: S704 (our own file and six hexadecimal digits)
