"""What in a page tells its sender that this person opened it, or followed a link (LIL 82; CNIL 2026-042; EDPB 2/2023).

Pixels are found by their size, at most two by two, or by the address the well-known tools give them. Of the links that
count clicks for each person, those that can be made to count for nobody are found with what to write instead; others
are only named, as nobody but their tool knows where they lead.
"""

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlsplit

from gateway.mail import html


@dataclass(frozen=True, slots=True)
class Watch:
    """`data[start:end]` watches the person; `instead` goes in its place for those who did not agree to it."""

    start: int
    end: int
    instead: bytes = b""


# One of these is in every page with a pixel that is found by its size: others need no closer look.
_SMALL_SIZE = re.compile(
    rb"(?:width|height)\s*(?:=\s*[\"']?\s*(?:&|0*+[12](?![0-9])|0++(?![0-9]))|:\s*0*+[012](?![0-9]))"
)
_VALUE = rb"""\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))"""
_SRC = re.compile(rb"(?<=[\s/\"'])src" + _VALUE, re.IGNORECASE)
_HREF = re.compile(rb"(?<=[\s/\"'])href" + _VALUE, re.IGNORECASE)
_WIDTH, _HEIGHT = (re.compile(rb"(?<=[\s/\"'])%b" % name + _VALUE, re.IGNORECASE) for name in (b"width", b"height"))
_STYLE = re.compile(rb"(?<=[\s/\"'])style" + _VALUE, re.IGNORECASE)
_STYLED = {
    name: re.compile(
        rb"(?:^|[;\s])(?:max-)?%b\s*:\s*([0-9.]+)(?:px|pt)?\s*(?:!important)?\s*(?:;|$)" % name, re.IGNORECASE
    )
    for name in (b"width", b"height")
}
_REMOTE = re.compile(rb"[\0- ]*(?:https?:|[/\\]{2})", re.IGNORECASE)
_IMAGE = re.compile(rb"<img[^>]*")
_SMALL = 2.0
# Where the well-known tools count openings; the host is the sender's, so that the path has to tell.
_PIXEL = re.compile(
    rb"""[/.](?:campaign/[0-9a-f-]{36}/[0-9a-f-]{36}/px\.png           # listmonk
      |email/[0-9a-f]{8,}\.gif|ut\.php\?u=                          # Mautic, phpList
      |mail/track/\d+/|mailing-read\.php\?                          # Odoo, Dolibarr
      |wf/open\?|track/open(?:\.php)?[/?]|e/o/ey?[a-z0-9_-]{8}      # SendGrid, Mandrill and Mailchimp, Mailgun
      |tr/op/|oo/[a-z0-9]{8,}|pstmrk\.it/open|awstrack\.me/i0/       # Brevo, Mailjet, Postmark, SES
      |q/[a-z0-9_~-]{20,})                                          # SparkPost""",
    re.VERBOSE,
)
# One of these is in every such address.
_NEEDLES = b"px.png .gif ut.php mail/track mailing-read /open .it/open e/o/ tr/op/ oo/ /i0/ q/".split()
_CLICK = re.compile(
    r"""/(?:ls|wf)/click\?|/track/click(?:\.php)?[/?]|/c/ej[a-z0-9_-]{16}|/lt\.php\?|/r/[a-z0-9]+(?:/m/\d+|\?ct=)
      |/(?:tr|mk)/cl/|/lnk/[a-z0-9]{8,}|click\.pstmrk\.it/|awstrack\.me/l0/|/f/a/[a-z0-9_~-]{16}|/e3t/ct""",
    re.VERBOSE | re.IGNORECASE,
)
_LISTMONK = re.compile(rb"(/link/[0-9a-f-]{36}/[0-9a-f-]{36}/)([0-9a-f-]{36})(?![0-9a-f-])", re.IGNORECASE)
_NOBODY = b"00000000-0000-0000-0000-000000000000"  # what listmonk itself writes when it does not follow people
_TOLD = 3


def find(data: bytes) -> tuple[Watch, ...]:
    """Return what watches the person in the page `data`, in order of place; only in tags that a reader acts upon."""
    low = data.lower()
    if not _may_watch(low):
        return ()
    found = []
    for name, start, end in html.tags(data):
        tag = data[start:end]
        if name == b"img" and _is_pixel(tag):
            found.append(Watch(start, end))
        elif name in (b"a", b"area") and (link := _LISTMONK.search(tag)) and link[2] != _NOBODY:
            found.append(Watch(start + link.start(2), start + link.end(2), _NOBODY))
    return tuple(found)


def _may_watch(low: bytes) -> bool:
    """Return whether the page is worth reading tag by tag."""
    if b"<img" in low:
        images = b" ".join(_IMAGE.findall(low))
        if b"&" in images or any(word in images for word in _NEEDLES) or _SMALL_SIZE.search(low):
            return True
    return b"/link/" in low and _LISTMONK.search(low) is not None


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


def _is_pixel(tag: bytes) -> bool:
    source = _given(_SRC, tag)
    if source is None or not _REMOTE.match(source):
        return False
    return _PIXEL.search(source.lower()) is not None or all(
        size is not None and size <= _SMALL for size in (_size(tag, b"width", _WIDTH), _size(tag, b"height", _HEIGHT))
    )


def _size(tag: bytes, name: bytes, attribute: re.Pattern[bytes]) -> float | None:
    """Return width or height in pixels; style goes before attribute."""
    styled = _STYLED[name].search(_given(_STYLE, tag) or b"")
    value = styled[1] if styled else (_given(attribute, tag) or b"").strip().lower().removesuffix(b"px").strip()
    try:
        return float(value)
    except ValueError:
        return None


def _given(attribute: re.Pattern[bytes], tag: bytes) -> bytes | None:
    """Return the value of an attribute as a reader takes it: references resolved, line ends left out."""
    found = attribute.search(tag)
    value = next((value for value in found.groups() if value is not None), b"") if found else None
    if value and b"&" in value:
        value = unescape(value.decode("latin-1")).encode("latin-1", "replace")
    return value and re.sub(rb"[\t\r\n]", b"", value)
