"""What in a page tells its sender that this person opened it, or followed a link (LIL 82; CNIL 2026-042; EDPB 2/2023).

Pixels are found by their size, at most two by two, or by the address the well-known tools give them. They go as a whole
when they are pictures; of what paints the ground of something (`background`, `url()`, the fills of VML) goes the
address. Of the links that count clicks for each person, those that can be made to count for nobody are found with what
to write instead; others are only named, as nobody but their tool knows where they lead.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlsplit

from gateway.mail import html
from gateway.mail.page import Page


@dataclass(frozen=True, slots=True)
class Watch:
    """`data[start:end]` watches the person; `instead` goes in its place for those who did not agree to it."""

    start: int
    end: int
    instead: bytes = b""


# One of these is in every page with a pixel that is found by its size: others need no closer look. Apart, because what
# begins with one word is found in a fifth of the time.
_SMALL_SIZES = tuple(
    [
        re.compile(side + rb"\s*(?:=\s*[\"']?\s*(?:&|0*+[12](?![0-9])|0++(?![0-9]))|:\s*0*+[012](?![0-9]))")
        for side in (b"width", b"height")
    ]
)
# A width by which a picture may be small: any that is not plainly more, whatever style or attribute it is of.
_DOUBTFUL_WIDTH = re.compile(
    rb"""width\s*[:=](?!\s*["']?\s*(?:auto|0*(?:[3-9]|[1-9][0-9])[0-9]*)(?:[\s"';>/!%]|p[xt]))"""
)
_STYLED = {
    name: re.compile(
        rb"(?:^|[;\s])(?:max-)?%b\s*+:\s*+([0-9.]++)(?:px|pt)?+\s*+(?:!important)?+\s*+(?:;|$)" % name, re.IGNORECASE
    )
    for name in (b"width", b"height")
}
_WITHIN = re.compile(rb"[\0- ]*(?:cid:|data:|\Z)", re.IGNORECASE)  # shown without asking anybody
_IMAGE = re.compile(rb"<im(?:g|age)[^>]*")
_PICTURES = frozenset({b"img", b"image"})  # the second is read as the first (13.2.6.4.7)
_BACKGROUND = re.compile(rb"background\s*=")
_URL = re.compile(rb"url\(\s*[\"']?((?:&quot;|&#3[49];)?[^\s\"'()<>]++)", re.IGNORECASE)
_NO_PICTURE = b"cid:none"  # a part that is not there: nobody is asked for it
_SMALL = 2.0
# Where the well-known tools count openings; the host is the sender's, so that the path has to tell.
_PIXEL = re.compile(
    rb"""[/.](?:campaign/[0-9a-f-]{36}/[0-9a-f-]{36}/px\.png           # listmonk
      |email/[0-9a-f]{8,}\.gif|ut\.php\?u=                          # Mautic, phpList
      |mail/track/\d+/|mailing-read\.php\?                          # Odoo, Dolibarr
      |wf/open\?|track/open(?:\.php)?[/?]|e/o/ey?[a-z0-9_-]{8}      # SendGrid, Mandrill and Mailchimp, Mailgun
      |tr/op/|oo/[a-z0-9]{8,}|pstmrk\.it/open|awstrack\.me/i0/       # Brevo, Mailjet, Postmark, SES
      |q/[a-z0-9_~-]{20,}|emltrk\.com/)                             # SparkPost, Litmus""",
    re.VERBOSE,
)
# One of these is in every such address.
_NEEDLES = b"px.png .gif ut.php mail/track mailing-read /open .it/open e/o/ tr/op/ oo/ /i0/ q/ emltrk".split()
_CLICK = re.compile(
    r"""/(?:ls|wf)/click\?|/track/click(?:\.php)?[/?]|/c/ej[a-z0-9_-]{16}|/lt\.php\?|/r/[a-z0-9]+(?:/m/\d+|\?ct=)
      |/(?:tr|mk)/cl/|/lnk/[a-z0-9]{8,}|click\.pstmrk\.it/|awstrack\.me/l0/|/f/a/[a-z0-9_~-]{16}|/e3t/ct""",
    re.VERBOSE | re.IGNORECASE,
)
_LISTMONK = re.compile(rb"/link/[0-9a-f-]{36}/[0-9a-f-]{36}/([0-9a-f-]{36})(?![0-9a-f-])")
_NOBODY = b"00000000-0000-0000-0000-000000000000"  # what listmonk itself writes when it does not follow people
_TOLD = 3


def find(page: Page) -> tuple[Watch, ...]:
    """Return what watches the person in the page, in order of place; only in tags that a reader acts upon."""
    if not _may_watch(page):
        return ()
    low, found = page.low, []
    painted = _paints(low)
    for name, start, end in html.tags(page):
        tag = low[start:end]
        if name in _PICTURES:
            if _may_be_pixel(tag):
                found += [Watch(start, end) for _ in _pixels(page.data[start:end], name)]
        elif name in (b"a", b"area") and (link := _LISTMONK.search(tag)) and link[1] != _NOBODY:
            found.append(Watch(start + link.start(1), start + link.end(1), _NOBODY))
        elif painted and _paints(tag):
            pixels = _pixels(page.data[start:end], name)
            found += [Watch(start + at, start + to, _NO_PICTURE) for at, to in pixels]
    apart: list[Watch] = []
    for watch in sorted(found, key=lambda watch: (watch.start, -watch.end)):
        if not apart or watch.start >= apart[-1].end:  # and not within one that goes as a whole
            apart.append(watch)
    return tuple(apart)


def _may_watch(page: Page) -> bool:
    """Return whether the page is worth reading tag by tag."""
    low, pictures = page.low, page.count(b"img")
    if pictures or (pictures is None and b"<im" in low):
        images = b" ".join(_IMAGE.findall(low))
        if b"&" in images or _names_tool(images) or _sizes_small(low):
            return True
    if b"background" in low and _paints(low) and (_names_tool(low) or _sizes_small(low)):
        return True
    return _LISTMONK.search(low) is not None


def _may_be_pixel(tag: bytes) -> bool:
    """Return whether the tag of a picture, in lower case, is worth reading attribute by attribute."""
    # Signs that `_resolved` takes away or puts in may hide anything.
    hiding = b"&" in tag or b"\n" in tag or b"\r" in tag or b"\t" in tag
    return hiding or _DOUBTFUL_WIDTH.search(tag) is not None or _PIXEL.search(tag) is not None


def _names_tool(low: bytes) -> bool:
    return any(word in low for word in _NEEDLES)


def _sizes_small(low: bytes) -> bool:
    return any(size.search(low) for size in _SMALL_SIZES)


def _paints(low: bytes) -> bool:
    """Return whether anything in a page, or in a tag, has a picture for its ground."""
    return b"url(" in low or b"<v:" in low or (b"background" in low and _BACKGROUND.search(low) is not None)


def counters(text: str) -> tuple[str, ...]:
    """Return the hosts, at most three, whose links in the markup `text` look like those that count clicks."""
    hosts: dict[str, None] = {}
    for link in re.finditer(r"""href\s*=\s*["']?(https?://[^\s"'>]{1,2000})""", text, re.IGNORECASE):
        address = unescape(link[1])
        if _CLICK.search(address) and len(hosts) < _TOLD:
            try:
                hosts[urlsplit(address).hostname or ""] = None
            except ValueError:
                continue
    return tuple(filter(None, hosts))


def _pixels(tag: bytes, name: bytes) -> Iterator[tuple[int, int]]:
    """Yield where in a tag, or a style sheet, the address of a pixel is."""
    attributes = html.attributes(tag, name) if name != b"style" else {b"style": (0, len(tag))}
    small = None
    for start, end in _pictures(tag, name, attributes):
        address = _resolved(tag[start:end]).strip(b"\"'")
        if not _WITHIN.match(address):
            if small is None:  # once, however many there are
                small = all(0 <= _size(tag, attributes, side) <= _SMALL for side in (b"width", b"height"))
            if small or _PIXEL.search(address.lower()):
                yield start, end


def _pictures(tag: bytes, name: bytes, attributes: dict[bytes, tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield where in a tag the addresses of pictures are that a reader fetches."""
    if name in _PICTURES:
        yield attributes.get(b"src", (0, 0))
        return
    for key in (b"background", b"src") if name.startswith(b"v:") else (b"background",):
        yield attributes.get(key, (0, 0))
    for url in _URL.finditer(tag, *attributes.get(b"style", (0, 0))):
        yield url.span(1)


def _size(tag: bytes, attributes: dict[bytes, tuple[int, int]], side: bytes) -> float:
    """Return width or height in pixels, -1 if unknown; style goes before attribute."""
    start, end = attributes.get(b"style", (0, 0))
    styled = _STYLED[side].search(_resolved(tag[start:end]))
    start, end = attributes.get(side, (0, 0))
    value = styled[1] if styled else _resolved(tag[start:end]).strip().lower().removesuffix(b"px").strip()
    try:
        return float(value)
    except ValueError:
        return -1


def _resolved(value: bytes) -> bytes:
    """Return the value of an attribute as a reader takes it: references resolved, line ends left out."""
    if b"&" in value:
        value = unescape(value.decode("latin-1")).encode("latin-1", "replace")
    return re.sub(rb"[\t\r\n]", b"", value)
