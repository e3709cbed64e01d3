"""Where in an HTML document the mention goes, so that every reader shows it: outside whatever is open or hidden.

Tidy documents are read by simple expressions that give up at the first doubt; all others by a tokeniser after the HTML
standard (13.2.5) for all that can swallow a tag: comments, raw text, quoted attributes. Both work on bytes, every
charset in which the bytes below 0x40 mean what they mean in ASCII. Tests hold the two equal, and equal to the standard
library's parser and to a browser's.
"""

import re
from dataclasses import dataclass

_ATTRIBUTES = rb"""
(?:[\s/]++
  |[^\s/>][^\s/>=]*+ (?:\s*+=\s*+ (?:"[^"]*+(?:"|\Z) |'[^']*+(?:'|\Z) |[^\s>"'][^\s>]*+ )?+ )?+
)*+"""
_RAW = rb"script|style|title|textarea|xmp|iframe|noembed|noframes"  # text until their own end tag (13.2.6.2)
_TOKEN = re.compile(
    rb"""<(?:
      !--(?:-?>|(?P<comment>.*?)(?:--!?>|\Z))
      |(?P<bogus>[!?][^>]*+|/[^a-z>][^>]*+)(?:>|\Z)
      |(?P<raw>%(raw)b)(?=[\s/>])%(attributes)b>(?P<text>.*?)</(?P=raw)(?=[\s/>])%(attributes)b>
      |(?P<slash>/?)(?P<name>[a-z][^\s/>]*+)%(attributes)b(?P<close>>?)
    )"""
    % {b"raw": _RAW, b"attributes": _ATTRIBUTES},
    re.VERBOSE | re.DOTALL,
)


def _names(text: bytes) -> frozenset[bytes]:
    return frozenset(text.split())


_VOID = _names(b"area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr")
_RAW_NAMES = frozenset(_RAW.split(b"|"))
_ROOT = _names(b"html head body")
_ROOT_ENDS = _names(b"/html /head /body")
_SLASH = ord("/")
_FOREIGN = _names(b"svg math")
# Formatting reaches beyond the end of what it was opened in (13.2.4.3), but not beyond these.
_FORMATTING = _names(b"a b big code em font i nobr s small strike strong tt u")
_FENCE = _names(b"td th caption table object marquee applet template")
_BLOCK = _names(
    b"div table ul ol dl blockquote center section article header footer main nav aside h1 h2 h3 h4 h5 h6 hr pre form p"
    b" address figure fieldset menu details"
)
_CELL = _names(b"td th p")
_ROWS = _names(b"td th tr p tbody thead tfoot colgroup caption")
# Start tag → what it closes when that is innermost (end tags that may be left out, 13.1.2.4).
_CLOSES = {
    **dict.fromkeys(_BLOCK, _names(b"p")),
    **dict.fromkeys((b"dt", b"dd"), _names(b"dt dd p")),
    **dict.fromkeys((b"td", b"th"), _CELL),
    **dict.fromkeys((b"tbody", b"thead", b"tfoot"), _ROWS),
    b"li": _names(b"li p"),
    b"tr": _names(b"td th tr p colgroup caption"),
    b"option": _names(b"option"),
}
_OPEN_MOST = 400  # deeper documents are not followed: keeps the time linear


@dataclass(frozen=True, slots=True)
class Spot:
    """Insert at `offset`, after `close`: the end tags of what is still open there, b"" in a tidy document."""

    offset: int
    close: bytes


# A value quoted with a bracket in it, or a blank before the quote: then ">" need not end a tag, nor "<" begin one.
_DOUBT = re.compile(rb"""=(?:\s+["']|"[^"<>]*[<>]|'[^'<>]*[<>])""")
_LEAF = re.compile(rb"<(style|title)(?=[\s/>])[^<>]*>[^<]*</\1>")
_TIDY = re.compile(rb"<(?:(/?[a-z][a-z0-9:-]*)(?=[\s/>])[^<>]*>|!--(?!-?>).*?-->|!doctype[^<>]*>|(.?))", re.DOTALL)
_UNTIDY = _RAW_NAMES | _FOREIGN | _names(b"frameset plaintext template select noscript")


def find(data: bytes) -> Spot | None:
    """Return where the mention goes in the HTML `data`; None when no place can be vouched for, as in a frameset.

    That is before the last `</body>` that is a tag, else before the last `</html>`, else at the end; in a document
    that ends inside a comment, a tag or raw text, before that.
    """
    return quick(data) or careful(data)


def quick(data: bytes) -> Spot | None:
    """Return the spot of a document whose every tag is closed in order; None is no answer: ask `careful`."""
    data = data.lower()
    if data.endswith(b"<") or _DOUBT.search(data):
        return None
    still_open: list[bytes] = []
    bodies = 0
    for name, doubt in _TIDY.findall(_LEAF.sub(b"", data)):
        if doubt or name in _UNTIDY:
            return None
        if not name or name in _VOID or name in _ROOT:
            continue
        if name[0] != _SLASH:
            still_open.append(name)
        elif still_open and still_open[-1] == name[1:]:
            still_open.pop()
        elif name not in _ROOT_ENDS or still_open:
            return None
        else:
            bodies += name == b"/body"
    if still_open or bodies != data.count(b"</body"):
        return None
    offset = data.rfind(b"</body") if bodies else -1 if b"</html" in data else len(data)
    return Spot(offset, b"") if offset >= 0 and _revealed_to_all(data, offset) else None


def _revealed_to_all(data: bytes, offset: int) -> bool:
    """Return whether the spot lies outside of what conditional comments show to some readers only."""
    last = max(data.rfind(b"]><!-->", 0, offset), data.rfind(b"]>-->", 0, offset))
    return last < 0 or data.find(b"<!--<![endif]-->", last, offset) >= 0


def careful(data: bytes) -> Spot | None:
    """Return what `find` promises, for any bytes at all."""
    walk = _Walk()
    for token in _TOKEN.finditer(data.lower()):
        name = token["name"]
        if name is None:
            if not walk.aside(token):
                return None
        elif not token["close"] or (name in _RAW_NAMES and not token["slash"]):
            return walk.spot(token.start())  # the document ends inside it
        elif token["slash"]:
            walk.end(name, token.start())
        elif name not in _VOID and name not in _ROOT and not walk.begin(name, token):
            return None
    return walk.spot(len(data)) if walk.unclosed < 0 else walk.spot(walk.unclosed)


class _Walk:
    """What is open while the tags of a document go by."""

    __slots__ = ("conditional", "lost", "open", "seen", "unclosed")

    def __init__(self) -> None:
        self.open: list[bytes] = []
        self.seen: dict[bytes, tuple[int, tuple[bytes, ...], bool]] = {}
        self.conditional = False  # inside a conditional that only some readers look into
        self.unclosed = -1
        self.lost = False

    def spot(self, end: int) -> Spot | None:
        offset, still_open, conditional = (
            self.seen.get(b"body") or self.seen.get(b"html") or (end, tuple(self.open), self.conditional)
        )
        if conditional or self.lost:
            return None
        return Spot(offset, b"".join(b"</%b>" % name for name in reversed(still_open)))

    def aside(self, token: re.Match[bytes]) -> bool:
        """Take a comment, doctype, conditional or raw text; return whether the document can still be followed."""
        comment, bogus, text = token["comment"], token["bogus"], token["text"]
        if text is not None:
            return not (_FOREIGN.intersection(self.open) or (token["raw"] == b"script" and b"<!--" in text))
        if comment is None and bogus is None:
            return True
        said = comment if comment is not None else bogus[1:]
        if said.lstrip().startswith(b"[if"):
            self.conditional = self.conditional or b"[endif]" not in said
        elif b"[endif]" in said:
            self.conditional = False
        elif bogus is not None and bogus.startswith(b"![cdata[") and _FOREIGN.intersection(self.open):
            return False
        if comment is not None and not token[0].endswith((b"-->", b"--!>")) and self.unclosed < 0:
            self.unclosed = token.start()
        return True

    def begin(self, name: bytes, token: re.Match[bytes]) -> bool:
        """Take a start tag; return whether the document can still be followed."""
        if name in (b"frameset", b"plaintext") or len(self.open) >= _OPEN_MOST:
            return False
        closes = _CLOSES.get(name)
        if closes is not None:
            while self.open and self.open[-1] in closes:
                self.open.pop()
        if not (_FOREIGN.intersection(self.open) and token[0].endswith(b"/>")):
            self.open.append(name)
        return True

    def end(self, name: bytes, offset: int) -> None:
        """Take an end tag."""
        if name in _ROOT:
            if name != b"head":
                self.seen[name] = (offset, tuple(self.open), self.conditional)
            return
        if self.open and self.open[-1] == name:
            self.open.pop()
            return
        for at in range(len(self.open) - 1, -1, -1):
            if self.open[at] == name:
                above = self.open[at + 1 :] if name not in _FENCE else []
                self.open[at:] = [other for other in above if other in _FORMATTING]
                return
            if self.open[at] in _FENCE and name not in _FENCE:
                return  # an end tag does not reach out of a cell
