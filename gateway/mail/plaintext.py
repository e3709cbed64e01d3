"""Where in a text/plain body the mention goes, and how its lines are ended and stuffed (RFC 3676)."""

import re
from dataclasses import dataclass

from gateway.mail.page import CLIPPED

# It begins with the sign that is rare, which is how the expression is found in a third of the time.
_SIGNATURE = re.compile(rb"-- (?:(?<=\n-- )|(?<=\A-- ))(?=\r?\n|\Z)")
_STUFFED = re.compile(r"^(?=[ >]|From )", re.MULTILINE)
_PGP_SIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----"


@dataclass(frozen=True, slots=True)
class Spot:
    """Insert at `offset` with the line end `eol`; `fresh`: a line begins there; `first`: nothing is before it."""

    offset: int
    eol: str
    fresh: bool
    first: bool = False


def find(data: bytes) -> Spot:
    """Return the spot in `data`: before the signature ("-- " on a line of its own), or the end where there is none.

    Of a text of which Gmail shows the beginning only, it is the beginning. The line end is the one the text uses, CRLF
    if it uses several or none.
    """
    eol = "\n" if b"\n" in data and b"\r\n" not in data else "\r\n"
    if len(data) > CLIPPED:
        return Spot(begin(data), eol, fresh=True, first=True)
    offset = len(data)
    for mark in _SIGNATURE.finditer(data):
        offset = mark.start()
    if offset < len(data) and _PGP_SIGNED in data:  # what is signed must not change; its own "-- " is stuffed
        offset = len(data)
    return Spot(offset, eol, offset == 0 or data[offset - 1 : offset] == b"\n")


def begin(data: bytes) -> int:
    """Return where a first line goes in `data`: at its beginning, behind a byte order mark."""
    return 3 if data.startswith(b"\xef\xbb\xbf") else 0


def opening(text: str, *, flowed: bool) -> str:
    """Return the first line(s) `text` as they go in at the very beginning, with an empty line behind them."""
    if flowed:
        text = _STUFFED.sub(" ", text)
    return f"{text}\n\n".replace("\n", "\r\n")


def block(text: str, spot: Spot, *, flowed: bool) -> str:
    """Return the mention `text`, whose lines end in LF, as it goes in at `spot`.

    An empty line separates them from the sender's, which also ends a flowed paragraph (RFC 3676 4.1).
    """
    if flowed:
        text = _STUFFED.sub(" ", text)
    lead, tail = ("", "\n\n") if spot.first else ("\n" if spot.fresh else "\n\n", "\n")
    return f"{lead}{text}{tail}".replace("\n", spot.eol) if spot.eol != "\n" else f"{lead}{text}{tail}"
