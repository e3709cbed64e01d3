"""An HTML page, read once for all who look something up in it; and where the mention goes in a tidy one.

Tidy pages are read by simple expressions that give up at the first doubt: `Page.plain` when there are only text and
tags written in the usual way, `quick` when there are comments, too. What they cannot answer is for `html.careful`.
"""

import re
from dataclasses import dataclass

CLIPPED = 95_000  # bytes; Gmail shows 102 KB of a text, with the mention and what the next hop may still write into it
BLANKS = b"\t\n\f\r "


def expression(pattern: bytes, flags: int = 0) -> re.Pattern[bytes]:
    r"""Return the expression where `\s`, within brackets, is a blank of HTML; a vertical tab is none (13.2.5)."""
    return re.compile(pattern.replace(rb"\s", BLANKS), flags)


def words(text: bytes) -> frozenset[bytes]:
    """Return the names that are written in `text` with blanks between them."""
    return frozenset(text.split())


RAW = rb"script|style|title|textarea|xmp|iframe|noembed|noframes"  # text until their own end tag (13.2.6.2)
VOID = words(b"area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr")
ROOT = words(b"html head body")
FOREIGN = words(b"svg math")
_ALONE = VOID | ROOT
_ROOT_ENDS = words(b"/html /head /body")
_RAW_NAMES = frozenset(RAW.split(b"|"))
_SLASH = ord("/")


@dataclass(frozen=True, slots=True)
class Spot:
    """Insert at `offset`, after `close`: the end tags of what is still open there, b"" in a tidy document."""

    offset: int
    close: bytes


# Attributes after which the tag ends at its first ">" for all readers: each "=" stands behind a name and before a whole
# value, and no quote or bracket is anywhere else.
_USUAL = rb"""(?:[\s/][^<>"'=]*+(?:(?<![\s/"'])=(?:"[^"<>]*+"|'[^'<>]*+'|[^\s<>"'=]++(?=[\s>]))[^<>"'=]*+)*+)?+>"""
_TAG = expression(rb"<(?:([a-z/][a-z0-9]*+)" + _USUAL + rb"|)")  # or a "<" that begins something else: no name
_DOCTYPE = expression(rb"[\s]*<!doctype[^<>]*>")
_ORDINARY = {
    name: b"/" + name
    for name in words(
        b"a abbr address article aside b big blockquote button caption center cite code colgroup dd del details div dl"
        b" dt em figcaption figure font footer form h1 h2 h3 h4 h5 h6 header i ins label li main mark nav ol p pre q s"
        b" section small span strike strong sub summary sup table tbody td tfoot th thead tr u ul"
    )
}
_EARLY = 1_024  # bytes within which comments begin, if there are any

# All of a page up to its `<body>`, when nothing of it is shown: `html.begin`.
_HEAD = expression(
    rb"""(?:\xef\xbb\xbf)?+(?:[\t\n\r ]*+<(?:!doctype[^<>\[]*+>
      |(?:html|/?head|meta|link|base|basefont|bgsound)%(usual)b
      |(style|title)%(usual)b[^<]*+</\1>))*+[\t\n\r ]*+<body%(usual)b"""
    % {b"usual": _USUAL},
    re.VERBOSE,
)


class Page:
    """A page as it came (`data`) and in lower case (`low`), the same places in both.

    `plain` is the spot of a page without comments or anything unusual; None is no answer: ask `quick`.
    """

    __slots__ = ("_alone", "data", "low", "plain")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.low = data.lower()
        self._alone: list[bytes] = []
        self.plain = None if self.low.find(b"<!--", 0, _EARLY) >= 0 else _plain(self.low, self._alone)

    def count(self, name: bytes) -> int | None:
        """Return how many start tags of a `name` are in a plain page, of an element that opens nothing; else None."""
        return self._alone.count(name) if self.plain else None

    def head(self) -> int:
        """Return where the start tag of the body ends, -1 if something is shown before or this cannot be told."""
        found = _HEAD.match(self.low)
        return found.end() if found else -1


def _tags(data: bytes) -> list[bytes]:
    """Return the names of the tags in order, b"" for any other "<" but that of the doctype."""
    names = _TAG.findall(data)
    return names[1:] if names and not names[0] and _DOCTYPE.match(data) else names


def _plain(data: bytes, alone: list[bytes]) -> Spot | None:
    """Return `Page.plain`, and put the names of tags that open nothing, and of sheets, into `alone`."""
    around: list[bytes | None] = []  # the end tags of what is open, but for the innermost
    awaited: bytes | None = None
    bodies, following = 0, iter(_tags(data))
    for name in following:
        if name == awaited:
            awaited = around.pop()
        elif end := _ORDINARY.get(name):
            around.append(awaited)
            awaited = end
        elif name in (b"style", b"title"):
            if next(following, b"") != b"/" + name:
                return None
            alone.append(name)
        elif name in _ALONE or (name in _ROOT_ENDS and not around):
            alone.append(name)
            bodies += name == b"/body"
        else:
            return None
    return None if around else _before_the_end(data, bodies)


def _before_the_end(data: bytes, bodies: int) -> Spot | None:
    """Return the spot in a tidy document with so many end tags of its body."""
    offset = data.rfind(b"</body") if bodies else data.find(b"</html")
    return Spot(offset if offset >= 0 else len(data), b"") if bodies or offset < 0 else None


# A value quoted with a bracket in it, or a blank before the quote: then ">" need not end a tag, nor "<" begin one.
_DOUBT = expression(rb"""=(?:[\s]++["']|"[^"<>]*+[<>]|'[^'<>]*+[<>])""")
_TIDY = expression(
    rb"""<(?:
      style(?=[\s/>])[^<>]*+>[^<]*+</style>
      |title(?=[\s/>])[^<>]*+>[^<]*+</title>
      |(/?[a-z][a-z0-9:-]*+)(?=[\s/>])[^<>]*+>
      |!--(?!-?>|[\s]*\[if|<!\[endif).*?-->
      |(?>!--\[if(?:(?!--)[^>])*>(?!<!--|--).*?-->)(?<=<!\[endif\]-->)
      |!--(\[if)[^<>\]]*\](?:><!|>)-->
      |!--<!(\[endif)\]-->
      |!doctype[^<>]*>
      |(.*)
    )""",
    re.VERBOSE | re.DOTALL,
)
_UNTIDY = _RAW_NAMES | FOREIGN | words(b"frameset plaintext template select noscript")


def quick(page: Page) -> Spot | None:
    """Return the spot of a document whose every tag is closed in order; None is no answer: ask `careful`."""
    data = page.low
    # "--!>" ends a comment as well (HTML 13.2.5.52), which the patterns of this way do not know.
    if data.endswith((b"<", b"</")) or b"--!>" in data or _DOUBT.search(data):
        return None
    still_open: list[bytes] = []
    bodies, conditional, at_body = 0, False, False
    for name, revealed, endif, doubt in _TIDY.findall(data):
        if doubt or name in _UNTIDY:
            return None
        if not name:
            conditional = bool(revealed) or (conditional and not endif)
        elif name in _ALONE:
            continue
        elif name[0] != _SLASH:
            still_open.append(name)
        elif still_open and still_open[-1] == name[1:]:
            still_open.pop()
        elif name not in _ROOT_ENDS or still_open:
            return None
        elif name == b"/body":
            bodies, at_body = bodies + 1, conditional
    if still_open or bodies != data.count(b"</body") or (at_body if bodies else conditional):
        return None
    return _before_the_end(data, bodies)
