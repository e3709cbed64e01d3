"""One leaf of text as its sender wrote it: decoded, and what was found in it that a copy changes."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from gateway.mail import encode, html, placeholders, tracking
from gateway.mail.bodies import HTML
from gateway.mail.page import Page, Spot
from gateway.mail.placeholders import Found, Kind
from gateway.mail.structure import Broken, Part
from gateway.mail.tracking import Watch

_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SHIFTS = (b"\0", b"\x1b", b"\x0e")
_PGP = b"-----BEGIN PGP MESSAGE-----"


class Source(NamedTuple):
    """A leaf whose body is `raw`, and `data` when decoded; `charset` is its label's, `reading` the one it is read by.

    `anew` says that its charset must change whatever goes in: `data` is in UTF-8 then. `found` and `watches` are places
    in `data`; so is what `place` returns for an offset in `page`, which is None for plain text.
    """

    part: Part
    raw: bytes
    data: bytes
    charset: str
    reading: str
    anew: bool
    page: Page | None
    place: Callable[[int], int]
    found: tuple[Found, ...]
    watches: tuple[Watch, ...]
    spot: Spot | None  # where a mention goes in `page`


def read(content: bytes, part: Part, *, mention: bool) -> Source | None:
    """Return the leaf, read once for all that is planned with it; None when it cannot be read safely.

    `mention` says whether it is to bear one. Raises `Broken` for what must not leave: inline PGP, a placeholder that
    nobody can fill in.
    """
    raw = content[part.body_start : part.end]
    data = encode.transfer_decoded(raw, part.encoding)
    charset = None if part.type.doubtful else encode.charset(part.type.params.get("charset", ""))
    if data is None or charset is None:
        return None
    markup = part.kind in HTML
    anew = not encode.transparent(charset)
    reading = "ascii" if data.isascii() and not anew else "" if markup and not anew else encode.reading(data, charset)
    if reading is None or (markup and anew) or (not anew and _guessed(data)):
        return None
    if anew:
        data, reading = data.decode(reading).removeprefix("\ufeff").encode(), "utf-8"
    if _PGP in data:
        raise Broken("encrypted")
    page = Page(data) if markup else None
    place: Callable[[int], int] = int
    found = _found(data, page)
    if page and found:
        page, place = _filled_in(data, found)
        if any(each.label for each in found):
            found = _addressed([(place(start), place(end)) for start, end in html.marked(page)], found)
    watches = tracking.find(page) if page else ()
    if watches and found:
        watches = tuple([Watch(place(one.start), place(one.end), one.instead) for one in watches])
    spot = html.find(page) if page and mention else None
    return Source(part, raw, data, charset, reading, anew, page, place, found, watches, spot)


def _guessed(data: bytes) -> bool:
    """Return whether some reader may take `data` for another charset than it says, one that is not written in ASCII.

    By its first bytes, as browsers do (UTF-16), or by an escape (ISO-2022): what goes in behind would be other letters.
    """
    return data.startswith(_MARKS) or any(sign in data for sign in _SHIFTS)


def _found(data: bytes, page: Page | None) -> tuple[Found, ...]:
    found = placeholders.find(data, page.low if page else None)
    for each in found:
        if each.kind is Kind.STUCK:
            raise Broken("placeholder", data[each.start : each.end][:60].decode("ascii", "replace"))
    return found


def _filled_in(data: bytes, found: tuple[Found, ...]) -> tuple[Page, Callable[[int], int]]:
    """Return the page with a letter for each address, and what says where in `data` an offset of it is.

    Some placeholders are written with brackets and quotes: without them tags end elsewhere.
    """
    out: list[bytes] = []
    ends: list[tuple[int, int]] = [(0, 0)]  # behind each placeholder: in the page, in `data`
    for each in found:
        out += (data[ends[-1][1] : each.start], b"" if each.kind is Kind.DROP else b"x")
        ends.append((ends[-1][0] + len(out[-2]) + len(out[-1]), each.end))
    out.append(data[ends[-1][1] :])

    def place(offset: int) -> int:
        of_page, of_data = ends[bisect_right(ends, offset, key=lambda end: end[0]) - 1]
        return of_data + offset - of_page

    return Page(b"".join(out)), place


def _addressed(spans: list[tuple[int, int]], found: tuple[Found, ...]) -> tuple[Found, ...]:
    """Return placeholders for links as ones for addresses within `spans`: a tag, a comment or raw text.

    A link would end a quoted attribute there, and upset all that follows.
    """

    def within(at: int) -> bool:
        before = bisect_left(spans, (at, 0)) - 1
        return before >= 0 and at < spans[before][1]

    return tuple([replace(each, label=False) if within(each.start) else each for each in found])
