"""The pages themselves: one file each, style inside, no script, nothing fetched from anywhere.

The style sheet stands in the page under the hash that the Content-Security-Policy names, because one request is
faster than two and nothing else can then be styled in.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from importlib.resources import files
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway import text
from gateway.flow.scene import Imprint
from gateway.text import local
from gateway.web.color import palette
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


def page(
    request: Request, template: str, imprint: Imprint, *, here: str, status: int = 200, **fields: object
) -> HTMLResponse:
    """Return a page of the advertiser in the reader's language.

    `here` is the relative address of the page itself, plain because its token was opened; forms go to `action`, the
    same with the language that was asked for. Templates have, beside `fields`: `t` (a sentence in the page's
    language), `many` (one for a number), `day` (a date in words), `say` (a sentence in any language).
    """
    lang = language(request, imprint.lang)
    asked = f"?lang={lang}" if "lang" in request.query_params else ""
    return _page(
        template,
        lang,
        color=imprint.color,
        status=status,
        imprint=imprint,
        here=here,
        action=here + asked,
        asked=asked,
        privacy_url=_web_url(imprint.privacy_url),
        contact=imprint.contact if _MAILBOX.fullmatch(imprint.contact) else "",
        **fields,
    )


def apology(request: Request, status: int, reference: str = "") -> HTMLResponse:
    """Return the bland page for `status` (404, 503, 500 …), which tells nothing about any person.

    After a 503 a button repeats what was asked for, when a route left its fields in `request.state.again`.
    """
    known = {404: "unknown", 429: "slowly", 500: "bug", 503: "later" if request.method == "POST" else "away"}
    lang = language(request, "")
    say = partial(text.say, lang=lang)
    key = f"web.{known.get(status, 'refused')}"
    body = say(f"{key}.body", reference=reference)
    again = getattr(request.state, "again", {}) if status == 503 else {}
    return _page("apology.html", lang, status=status, title=say(f"{key}.title"), body=body, again=again)


def api(info: Mapping[str, str], operations: Sequence[Mapping[str, object]]) -> HTMLResponse:
    """Return the page of the API; it is for programmers, so it speaks English only."""
    return _page("api.html", "en", status=200, info=info, operations=operations)


def _page(template: str, lang: str, *, color: str = "", status: int, **fields: object) -> HTMLResponse:
    style, digest = _style(color)
    body = fragment(template, lang, style=style, **fields)
    headers = {
        "Content-Language": lang,
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'",
        "Vary": "Accept-Language",
    }
    return HTMLResponse(body, status, headers)


def fragment(template: str, lang: str, **fields: object) -> str:
    """Return a template filled in; what every one of them has is described at `page`."""
    return _ENVIRONMENT.get_template(template).render(
        t=partial(text.say, lang=lang),
        many=partial(local.count, lang=lang),
        day=partial(local.day, lang=lang),
        day_of=partial(local.day_of, lang=lang),
        minute_of=partial(local.minute_of, lang=lang),
        lang=lang,
        dir=local.direction(lang),
        others=[(code, local.name(code), local.direction(code)) for code in text.languages() if code != lang],
        say=text.say,
        web_url=_web_url,
        **fields,
    )


def document(content: str) -> HTMLResponse:
    """Return an HTML document of the house that needs nothing but the style inside it."""
    digests = [
        base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        for style in re.findall(r"<style>(.*?)</style>", content, re.DOTALL)
    ]
    styles = " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
    policy = f"default-src 'none'; style-src {styles}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    return HTMLResponse(content, headers={"Content-Security-Policy": policy})


def language(request: Request, otherwise: str) -> str:
    """Return the language of the answer; `otherwise` is the person's or the list's."""
    return choose(request.query_params.get("lang"), request.headers.get("accept-language"), otherwise)


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
