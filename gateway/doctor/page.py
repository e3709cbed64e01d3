"""The one-click link, tried as a mailbox provider would: one POST, no cookie, no redirect (RFC 8058 3.1)."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from http.client import HTTPException, HTTPMessage
from typing import IO

from gateway.doctor.finding import Finding, bad, ok
from gateway.mail.oneclick import BODY
from gateway.tokens import NOBODY, Purpose, Tokens

AREA = "pages"
PATIENCE = 10.0  # seconds
MARK = "noindex, nofollow, noarchive"  # X-Robots-Tag, as our pages have it (`web.guard`)


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a mailbox provider does not either."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Stay here."""


def one_click(public_url: str, tokens: Tokens) -> Iterator[Finding]:
    """Post to a link that is about nobody, and see that our pages answer it, with our secrets, and nothing between."""
    url = f"{public_url}/1/{tokens.seal(Purpose.LINK, NOBODY)}"
    try:
        status, headers = _post(url)
    except (OSError, HTTPException) as error:
        yield bad(AREA, "pages-away", url=public_url, why=getattr(error, "reason", error))
        return
    if 300 <= status < 400:
        yield bad(AREA, "pages-redirect", url=public_url, to=headers.get("Location", "–"))
    elif headers.get("X-Robots-Tag") != MARK:
        yield bad(AREA, "pages-foreign", url=public_url, status=status)
    elif headers.get("Set-Cookie"):
        yield bad(AREA, "pages-cookie", url=public_url)
    elif status == 404:
        yield bad(AREA, "pages-strange", url=public_url)
    elif status != 200:
        yield bad(AREA, "pages-trouble", url=public_url, status=status)
    else:
        yield ok(AREA, "pages-good", url=public_url)


def _post(url: str) -> tuple[int, Message]:
    opener = urllib.request.build_opener(_Stay())
    request = urllib.request.Request(url, BODY, method="POST")  # noqa: S310 - the operator's own http(s) address
    try:
        with opener.open(request, timeout=PATIENCE) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers
