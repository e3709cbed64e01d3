"""Where in an HTML document the mention goes, so that every reader shows it: outside whatever is open or hidden.

Tidy documents are read by simple expressions that give up at the first doubt; all others by a tokeniser after the HTML
standard (13.2.5) for all that can swallow a tag: comments, raw text, quoted attributes. Both work on bytes, every
charset in which the bytes below 0x40 mean what they mean in ASCII. Tests hold the two equal, and equal to the standard
library's parser and to a browser's.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from html import unescape

from gateway.mail import sheets
from gateway.mail.page import BLANKS, CLIPPED, FOREIGN, RAW, ROOT, VOID, Page, Spot, expression, quick, words

# Those written in the usual way first: an expression for them alone is quicker.
_ATTRIBUTES = rb"""
(?:[\s]++[a-z]++="[^"]*+")*+
(?:[\s/]++
  |[^\s/>][^\s/>=]*+ (?:[\s]*+=[\s]*+ (?:"[^"]*+(?:"|\Z) |'[^']*+(?:'|\Z) |[^\s>"'][^\s>]*+ )?+ )?+
)*+"""
_TOKEN = expression(
    rb"""<(?:
      !--(?:-?>|(?P<comment>.*?)(?P<shut>--!?>|\Z))
      |(?P<bogus>[!?][^>]*+|/[^a-z>][^>]*+)(?:>|\Z)
      |(?P<raw>%(raw)b)(?=[\s/>])%(attributes)b>
        (?:(?>(?P<text>.*?)</(?P=raw)(?=[\s/>]))%(attributes)b>|(?P<rest>.*))
      |(?P<slash>/?)(?P<name>[a-z][^\s/>]*+)%(attributes)b(?P<close>>?)
    )"""
    % {b"raw": RAW, b"attributes": _ATTRIBUTES},
    re.VERBOSE | re.DOTALL,
)
# Start tag → the open elements it ends (end tags that may be left out, 13.1.2.4), and those beyond which it does not
# reach. A table does not end a paragraph in old documents; a form may be ignored whole.
_BLOCK = words(
    b"div ul ol dl blockquote center section article header footer main nav aside h1 h2 h3 h4 h5 h6 pre p address"
    b" figure fieldset menu details"
)
_ROWS = words(b"td th tr tbody thead tfoot colgroup caption")
_TABLE = words(b"table template")
_CELL = words(b"td th caption button object marquee applet") | _TABLE
_ENDS = {
    **dict.fromkeys(_BLOCK, (words(b"p"), _CELL)),
    **dict.fromkeys((b"dt", b"dd"), (words(b"dt dd p"), _CELL | words(b"dl"))),
    **dict.fromkeys((b"td", b"th"), (words(b"td th"), _TABLE)),
    **dict.fromkeys((b"tbody", b"thead", b"tfoot"), (_ROWS, _TABLE)),
    b"li": (words(b"li p"), _CELL | words(b"ul ol")),
    b"tr": (words(b"td th tr colgroup caption"), _TABLE),
    b"option": (words(b"option"), words(b"select template")),
}
_MAY_STAY_OPEN = words(b"p li dt dd")  # these end with the block around them
_WITHIN_MOST = 3  # conditional comments and raw text within each other that are looked into
_OPEN_MOST = 400  # deeper documents are not followed: keeps the time linear


def find(page: Page) -> Spot | None:
    """Return where the mention goes in the page; None when no place can be vouched for, as in a frameset.

    That is before the last `</body>` that is a tag, else before the last `</html>`, else at the end; in a document
    that ends inside a comment, a tag or raw text, before that. Of a page of which Gmail shows the beginning only, it is
    where a first line goes.
    """
    if _veiled(page):
        return None
    spot = page.plain or quick(page) or careful(page)
    if spot and len(page.data) > CLIPPED:
        return None if _overtopped(page.low) else Spot(begin(page), b"")
    return None if spot and _covered(page.low, spot.offset) else spot


# What may be painted over a mention that stands first: what has the highest place, or one that is not written plainly.
_HIGH = re.compile(rb"z-index(?!\s*:\s*(?:auto|-?[0-9]{1,8})(?![0-9.e(]))")
_ESCAPED = re.compile(rb"\\[-a-z0-9]")
_REFERRED = re.compile(rb"""style\s*=\s*(?:"[^"]*?|'[^']*?|[^\s"'>]{0,300}?)&#""")


def _overtopped(low: bytes) -> bool:
    return any(
        sign in low and found.search(low)
        for sign, found in ((b"z-index", _HIGH), (b"\\", _ESCAPED), (b"&#", _REFERRED))
    )


_TAGS_SIZE = 20_000  # bytes of tags, each of which may look as if it went on to the end of the page
_SHEET = expression(
    rb"<style(?=[\s/>])%(attributes)b(?:>|\Z)([^<]*+(?:<(?!/style[\s/>])[^<]*+)*+)" % {b"attributes": _ATTRIBUTES},
    re.VERBOSE,
)
_START_TAG = re.compile(rb"<[a-z]")


def _veiled(page: Page) -> bool:
    """Return whether what is put at the end of the page may not be shown: the page as a whole, or by its sheets."""
    low = page.low
    if not page.plain and b"shadowroot" in low:  # of a template: only what is in the shadow is shown
        return True
    tags: list[bytes] = []
    size = 0
    for name in (b"html", b"body", b"link", b"meta"):
        for tag in _named(page, name):
            tags.append(tag)
            size += len(tag)
            if size > _TAGS_SIZE:
                return True
    found = _sheets(page)
    if found is None:
        return True
    small = sum(map(len, found)) < _REMEMBERED_MOST
    return (_veil_remembered if small else _veil)(tuple(tags), tuple(found))


def _sheets(page: Page) -> list[bytes] | None:
    """Return the text of each style sheet, in any reading: one may begin in what another reading has for a comment.

    None when that is more than is followed.
    """
    found, size = [], 0
    for at in _places(page, b"style"):
        sheet = _SHEET.match(page.low, at)
        if sheet is None:
            continue
        found.append(sheet[1])
        size += len(sheet[0])
        if size > sheets.MOST:
            return None
    return found


def _named(page: Page, name: bytes) -> Iterator[bytes]:
    """Yield each tag of a `name` with four letters, in any reading."""
    low = page.low
    for at in _places(page, name):
        if not low.startswith(b">", at + 5):
            token = _TOKEN.match(low, at)
            yield token[0] if token else low[at:]


def _places(page: Page, name: bytes) -> Iterator[int]:
    """Yield where "<" is with `name` behind it, in a plain page as often as there are such tags."""
    at, there = -1, page.count(name)
    while there is None or there > 0:
        at = page.low.find(b"<" + name, at + 1)
        if at < 0:
            return
        yield at
        there = there and there - 1


_REMEMBERED_MOST = 20_000  # bytes of sheets; the messages of a campaign have the same


def _veil(tags: tuple[bytes, ...], found: tuple[bytes, ...]) -> bool:
    roots = []
    for tag in tags:
        given = _attributes(tag)
        if tag.startswith(b"<link"):
            if b"stylesheet" in given.get(b"rel", b"") and sheets.fetches(given.get(b"href", b"")):
                return True
        elif tag.startswith(b"<meta"):  # it may forbid styles, those of the mention too, or lead away
            says = given.get(b"http-equiv", b"")
            if b"security" in says or b"refresh" in says:
                return True
        else:
            roots.append(given)
    return sheets.veil(found, sheets.root(roots))


_veil_remembered = lru_cache(maxsize=64)(_veil)


def _attributes(tag: bytes) -> dict[bytes, bytes]:
    """Return the values of attributes by name; those of one name together, as some readers take the last."""
    found: dict[bytes, bytes] = {}
    for each in _ATTRIBUTE.finditer(tag, 5):
        group = each.lastindex or 1
        value = each[group] if group > 1 else b""
        if b"&" in value:
            value = unescape(value.decode("latin-1")).lower().encode("latin-1", "replace")
        found[each[1]] = b"%b ; %b" % (found[each[1]], value) if each[1] in found else value
    return found


def _covered(low: bytes, offset: int) -> bool:
    """Return whether something behind `offset` may be painted over what is put there, which has the highest place."""
    if low.find(b"<", offset) < 0 or not _START_TAG.search(low, offset):
        return False
    return b"z-index" in low or b"\\" in low or b"&" in low[offset:]


def careful(page: Page) -> Spot | None:
    """Return what `find` promises, for any bytes at all."""
    walk, data = _Walk(), page.low
    for token in _TOKEN.finditer(data):
        name = token["name"]
        if token["rest"] is not None or (name and not token["close"]):  # the document ends inside it
            return None if FOREIGN.intersection(walk.open) else walk.spot(token.start())
        if name is None:
            if not walk.aside(token):
                return None
        elif token["slash"]:
            walk.end(name, token.start())
        elif name not in VOID and name not in ROOT and not walk.begin(name, token):
            return None
    # What is cut off in the middle of "</" would take the next tag with it.
    end = len(data) - 2 if data.endswith(b"</") else len(data)
    return walk.spot(end if walk.unclosed < 0 else walk.unclosed)


def _is_shut(token: re.Match[bytes]) -> bool:
    """Return whether a comment, or what is taken for one, ends before the document does."""
    return bool(token["shut"]) if token["comment"] is not None else token[0].endswith(b">")


# What a document may begin with before anything of it is shown.
_BOM = b"\xef\xbb\xbf"
_UNSHOWN = words(b"html head /head meta link base basefont bgsound")


def begin(page: Page) -> int:
    """Return where a first line of the page goes: behind `<body>`, else before the first thing that is shown."""
    head = page.head()
    return head if head >= 0 else careful_begin(page)


def careful_begin(page: Page) -> int:
    """Return the same for any bytes at all."""
    data = page.low
    at = end = len(_BOM) if data.startswith(_BOM) else 0
    conditional = False
    for token in _TOKEN.finditer(data):
        if data[end : token.start()].strip(b" \t\r\n"):
            break
        end = token.end()
        name, said = token["name"], token["comment"] or token["bogus"] or b""
        if name is None:
            if token["raw"] in (b"textarea", b"xmp", b"iframe") or token["rest"] is not None or not _is_shut(token):
                break
            if b"[if" in said or b"[endif]" in said:
                conditional = b"[endif]" not in said
        elif not token["close"] or token["raw"] or (token["slash"] + name not in _UNSHOWN and name != b"body"):
            break
        if not conditional:
            at = end
        if name == b"body":
            break
    return at


def marked(page: Page) -> Iterator[tuple[int, int]]:
    """Yield where what is no text of the page begins and ends: tags, comments, and elements whose text is raw."""
    for token in _TOKEN.finditer(page.low):
        yield token.span()


# The start tags of a page that is `Page.plain`.
_START = expression(rb"<(?:(style|title)(?:[\s/][^>]*+)?+>[^<]*+<[^>]*+>|([a-z][a-z0-9]*+)[^>]*+>)")


def tags(page: Page) -> Iterator[tuple[bytes, int, int]]:
    """Yield what some reader may take for a start tag of the page: lower-case name, and where each begins and ends.

    Conditional comments hold some, and readers that do not know an element read what is raw in others. What is raw
    comes as a whole before.
    """
    if page.plain:
        return ((tag[1] or tag[2], *tag.span()) for tag in _START.finditer(page.low))
    return careful_tags(page)


def careful_tags(page: Page) -> Iterator[tuple[bytes, int, int]]:
    """Yield the same for any bytes at all."""
    return _tags(page.low, (0, len(page.low)), _WITHIN_MOST)


# With the end tags behind it that are written in the usual way, so that each of them costs no match of its own.
_BEGUN = re.compile(rb"(?P<token>%b)(?:[^<]*+</[a-z][a-z0-9]*+>)*+" % _TOKEN.pattern, _TOKEN.flags)
_NAMED = [_BEGUN.groupindex[group] for group in ("name", "slash", "close")]  # found by number in half the time


def _tags(low: bytes, span: tuple[int, int], deeper: int) -> Iterator[tuple[bytes, int, int]]:
    for token in _BEGUN.finditer(low, *span):
        name, slash, close = token.group(*_NAMED)
        if name:
            if close and not slash:
                yield name, *token.span(1)
            continue
        conditional = (token["comment"] or b"").lstrip(BLANKS).startswith(b"[if")
        inner = "comment" if conditional else "text" if token["text"] else "rest"
        if token["raw"]:
            yield token["raw"], *token.span(1)
        if deeper and token[inner]:
            yield from _tags(low, token.span(inner), deeper - 1)


_ATTRIBUTE = expression(
    rb"""([^\s/>][^\s/>=]*+)(?:[\s]*+=[\s]*+(?:"([^"]*+)|'([^']*+)|([^\s>"'][^\s>]*+))?+["']?+)?+"""
)


def attributes(tag: bytes, name: bytes) -> dict[bytes, tuple[int, int]]:
    """Return where in the start tag of a `name` the value of each attribute is, by its lower-case name.

    Of several of one name the first counts.
    """
    found: dict[bytes, tuple[int, int]] = {}
    for each in _ATTRIBUTE.finditer(tag, 1 + len(name)):
        group = each.lastindex or 1
        found.setdefault(each[1].lower(), each.span(group) if group > 1 else (each.end(1), each.end(1)))
    return found


class _Walk:
    """What is open while the tags of a document go by: at least all that a browser has open, in its order.

    Ending too much does no harm, ending too little might hide the mention. So an end tag that does not fit, as when
    elements overlap, changes nothing here; `exact` says whether there was one, or anything like it, before.
    """

    __slots__ = ("conditional", "exact", "open", "seen", "unclosed")

    def __init__(self) -> None:
        self.open: list[bytes] = []
        self.seen: dict[bytes, tuple[int, tuple[bytes, ...], bool]] = {}
        self.conditional = False  # inside a conditional that only some readers look into
        self.exact = True
        self.unclosed = -1

    def spot(self, end: int) -> Spot | None:
        offset, still_open, conditional = (
            self.seen.get(b"body") or self.seen.get(b"html") or (end, tuple(self.open), self.conditional)
        )
        if conditional:
            return None
        return Spot(offset, b"".join(b"</%b>" % name for name in reversed(still_open)))

    def aside(self, token: re.Match[bytes]) -> bool:
        """Take a comment, doctype, conditional or raw text; return whether the document can still be followed."""
        comment, bogus, text = token["comment"], token["bogus"], token["text"]
        if text is not None:
            return not (FOREIGN.intersection(self.open) or (token["raw"] == b"script" and b"<!--" in text))
        if comment is None and bogus is None:
            return True
        said = comment if comment is not None else bogus[1:]
        if said.lstrip(BLANKS).startswith(b"[if"):
            self.conditional = self.conditional or b"[endif]" not in said
        elif b"[endif]" in said:
            self.conditional = False
        elif bogus is not None and bogus.startswith(b"![cdata[") and FOREIGN.intersection(self.open):
            return False
        if self.unclosed < 0 and not _is_shut(token):
            self.unclosed = token.start()
        return True

    def begin(self, name: bytes, token: re.Match[bytes]) -> bool:
        """Take a start tag; return whether the document can still be followed."""
        if name in (b"frameset", b"plaintext") or len(self.open) >= _OPEN_MOST:
            return False
        if name in _ENDS:
            ends, limits = _ENDS[name]
            while self.open and self.open[-1] in ends:
                self.open.pop()
            for other in reversed(self.open):
                if other in limits:
                    break
                self.exact = self.exact and other not in ends
        if not (FOREIGN.intersection(self.open) and token[0].endswith(b"/>")):
            self.open.append(name)
        return True

    def end(self, name: bytes, offset: int) -> None:
        """Take an end tag."""
        if name in ROOT:
            if name != b"head":
                self.seen[name] = (offset, tuple(self.open), self.conditional)
            return
        if self.exact and name in _BLOCK:
            at = len(self.open) - 1
            while at >= 0 and self.open[at] != name and self.open[at] in _MAY_STAY_OPEN:
                at -= 1
            if at >= 0 and self.open[at] == name:
                del self.open[at + 1 :]
        if self.open and self.open[-1] == name:
            self.open.pop()
        else:
            self.exact = self.exact and name not in self.open
