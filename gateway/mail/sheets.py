"""What the style sheets of a page may do to a block that is put at the end of it (CSS Syntax 3, Selectors 4).

The block overrules all that a sheet says of its own elements (`mention`). Out of its reach are the elements around it,
which are `<html>` and `<body>`, what a sheet paints before and after elements, redefined fonts, and sheets that are
fetched when the message is read. Of what could hide there, anything that is not known to be harmless counts.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

MOST = 200_000  # bytes of style; what is longer is not followed
_ASCII = 128
_DEEPEST = 8  # parentheses within each other, rules within rules


class Root(NamedTuple):
    """What `<html>` and `<body>` are like, all in lower case: names of attributes, `.class` and `#id`, and styles."""

    names: frozenset[bytes]
    words: frozenset[bytes]
    styles: tuple[bytes, ...]


_UNSEEN = frozenset({b"hidden", b"inert", b"popover", b"contenteditable"})  # not shown, or its links not followed
_OURS = frozenset(b"div table tbody tr td p a strong span b em i u small ul ol li".split())
_ANY = (b"", b"*")
_ROOTS = (*_ANY, b"html", b"body")
_OUR_NAMES = frozenset(b"style lang dir role width border cellspacing cellpadding bgcolor href title".split())
_PAINTS = frozenset({b"before", b"after"})
_FIRSTS = frozenset({b"first-line", b"first-letter"})

_ESCAPE = re.compile(rb"\\(?:([0-9a-f]{1,6})(?:\r\n|[ \t\r\n\f])?|(\r\n|[\r\n\f])|(.)|\Z)", re.DOTALL)
_ASIDE = re.compile(
    rb"""/\*.*?(?:\*/|\Z)|"([^"\r\n\f]*)(?:["\r\n\f]|\Z)|'([^'\r\n\f]*)(?:['\r\n\f]|\Z)
    |(?<![a-z0-9_\x80-\xff-])url\([ \t\r\n\f]*+(?!["'])[^)]*+(?:\)|\Z)|<!--|-->""",
    re.VERBOSE | re.DOTALL,
)
_STRANGE = re.compile(rb"[^a-z0-9-]+")
_CHUNK = re.compile(rb"([^{};]*+)([{};]|\Z)")
_INNERMOST = re.compile(rb"\([^()]*\)")
_BRACKETS = re.compile(rb"\[\s*+([a-z-]*+)[^\[\]]*+\]")
_APART = re.compile(rb"[\s>+~]+")
_COMPOUND = re.compile(rb"(?:[^|.#:\[]*\|)?([^.#:\[]*)")
_PIECE = re.compile(rb"([.#\[:])([^.#\[:]*)")
_PROPERTY = re.compile(rb"\s*(-{0,2}[a-z][a-z-]*)\s*:(.*)", re.DOTALL)

# On what is around the block. Negative margins pull it out of the window; what is cut off must have no size.
_FREE = re.compile(
    rb"""background(?:-.+)?|color|color-scheme|supported-color-schemes|fonts?(?:-.+)?|line-height|letter-spacing
    |word-.+|white-space|text-.+|-(?:webkit|moz|ms)-(?:text-size-adjust|font-smoothing|hyphens|box-sizing|box-shadow)
    |-moz-osx-font-smoothing|-webkit-tap-highlight-color|-webkit-font-.+|-ms-interpolation-mode|-ms-overflow-style
    |-webkit-overflow-scrolling|-webkit-nbsp-mode|(?:-webkit-)?line-break|-webkit-print-color-adjust
    |-ms-word-.+|mso-(?!hide).+|-premailer-.+
    |box-sizing|box-shadow|outline(?:-.+)?|vertical-align|list-style(?:-.+)?|direction|table-layout|quotes|cursor
    |visibility|hyphens|overflow-wrap|tab-size|align-.+|orphans|widows|print-color-adjust|page(?:-break)?-.+|break-.+|scroll-behavior|transition(?:-.+)?
    |clear|--.+""",
    re.VERBOSE,
)
_SPACES = re.compile(rb"(?:margin|padding)(?:-.+)?")
_AWAY = re.compile(rb"-\s*\.?[0-9]|\(|[0-9]{4}|[0-9]e[0-9+]|(?!100)[0-9]{3}(?:v|%)")
_LARGE = re.compile(rb"[0-9]{3}")
# These move the block no further than one can scroll, unless something is cut off.
_MOVING = re.compile(
    rb"column.*|flex(?:-(?:grow|shrink|basis|wrap|flow|direction))?|justify-.+|(?:row-)?gap|border(?:-.+)?"
)
_BACKWARDS = re.compile(rb"reverse|end|right|[0-9]{4,}p|[0-9]e\+?[0-9]+p")
_SIZES = re.compile(rb"(?:max-|min-)?(?:(width|inline-size)|height|block-size)")
_ANY_WIDTH = re.compile(rb"100%|auto|none|inherit|initial|unset")
_ANY_HEIGHT = re.compile(rb"auto|none|inherit|initial|unset")
_CUTS = re.compile(rb"overflow(-[xy])?")
_BOTH = frozenset({b"-x", b"-y"})
_UNCUT = re.compile(rb"visible|auto|scroll|initial|unset")
_FITTING = {
    b"display": re.compile(rb"(?:inline-)?(?:block|flex|table)|inline|flow-root|inherit|initial|unset|revert"),
    b"position": re.compile(rb"static|relative|inherit|initial|unset"),
    b"float": re.compile(rb"none|left|right|inherit|initial|unset"),
    b"opacity": re.compile(rb"1(?:\.0*)?|0*\.[5-9][0-9]*|100%|inherit|initial|unset"),
    b"zoom": re.compile(rb"1(?:\.0*)?|100%|normal"),
    b"filter": re.compile(rb"none"),
    b"transform": re.compile(rb"none"),
    b"animation": re.compile(rb"none"),
    b"top": re.compile(rb"0(?:px)?|auto"),
    b"left": re.compile(rb"0(?:px)?|auto"),
}
# On the block itself, for readers that do not know `all`; and what `all` leaves out.
_FADING = {
    b"opacity": re.compile(rb"(?:0*\.?0*|0*\.[0-4][0-9]*|[0-4]?[0-9](?:\.[0-9]*)?%)"),
    b"mso-hide": re.compile(rb".*"),
    b"unicode-bidi": re.compile(rb".*override.*"),
    b"text-indent": re.compile(rb".*-.*"),
    b"letter-spacing": re.compile(rb".*-.*"),
}
_HIDING_WORDS = re.compile(rb"display|visib|opacity|hidden")
_OUR_FONTS = re.compile(rb"arial|helvetica")
_FETCHED = re.compile(rb"""@import\s*+(?:url\(\s*+)?+["']?+\s*+([^"')\s;]*+)""")
_OF_FONTS = re.compile(
    rb"(?:https?:)?//(?:fonts\.(?:googleapis|bunny|cdnfonts|gstatic)\.(?:com|net)|(?:use|p)\.typekit\.net"
    rb"|fast\.fonts\.net|cloud\.typography\.com|use\.fontawesome\.com|rsms\.me)/"
)


def veil(sheets: Sequence[bytes], root: Root) -> bool:
    """Return whether the sheets, or the root's own style, may hide what is put at the end of the page.

    All in lower case; `root.styles` with references resolved.
    """
    if _UNSEEN & root.names or sum(map(len, sheets)) > MOST:
        return True
    judge = _Judge(root)
    return any(judge.hides(sheet) for sheet in sheets) or any(judge.styled(style) for style in root.styles)


def root(tags: Sequence[Mapping[bytes, bytes]]) -> Root:
    """Return what the tags of the root are like, whose attributes are given."""
    words = [_word(b".", each) for tag in tags for each in tag.get(b"class", b"").split()]
    words += [_word(b"#", tag[b"id"].strip()) for tag in tags if b"id" in tag]
    names = frozenset(key for tag in tags for key in tag)
    return Root(names, frozenset(words), tuple(tag[b"style"] for tag in tags if b"style" in tag))


def fetches(address: bytes) -> bool:
    """Return whether a sheet at `address`, in lower case, may hold anything but fonts."""
    return _OF_FONTS.match(address.strip()) is None


def _word(sign: bytes, name: bytes) -> bytes:
    """Return a class (sign `.`) or an id (`#`) as selectors are compared with it."""
    return sign + _STRANGE.sub(b"_", name)


def _unescaped(escape: re.Match[bytes]) -> bytes:
    """Return what an escape stands for: a letter, a digit or a hyphen; any other sign as `_`, which means nothing."""
    if escape[2] is not None:
        return b""
    sign = bytes([int(escape[1], 16)]) if escape[1] and int(escape[1], 16) < _ASCII else escape[3] or b"_"
    return sign.lower() if re.fullmatch(rb"[A-Za-z0-9-]", sign) else b"_"


def _even(sheet: bytes) -> bytes:
    """Return a sheet without comments, quotes, and addresses; strings keep their letters only."""
    return _ASIDE.sub(lambda aside: _STRANGE.sub(b"_", aside[1] or aside[2] or b""), sheet)


class _Concerns(NamedTuple):
    """What the selectors of a rule may choose."""

    root: bool
    ours: bool
    pseudo: frozenset[bytes]


class _Judge:
    """Reads sheets rule by rule; `_cut` and `_sized` are the directions in which the root is, so far."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._cut: set[bytes] = set()
        self._sized: set[bytes] = set()

    def hides(self, sheet: bytes) -> bool:
        """Return whether a sheet may hide the block."""
        if b"\\" in sheet:
            sheet = _ESCAPE.sub(_unescaped, sheet)
        if any(fetches(found[1]) for found in _FETCHED.finditer(sheet)):
            return True
        rules: list[tuple[bytes, _Concerns | None]] = []
        for chunk in _CHUNK.finditer(_even(sheet)):
            said, sign = chunk[1].strip(), chunk[2]
            if sign == b"{":
                if len(rules) >= _DEEPEST or said.startswith(b"@scope"):
                    return True
                rules.append((said, None if said.startswith(b"@") else self._concerns(said)))
                continue
            if rules and said and self._harmful(said, rules):
                return True
            if sign == b"}" and rules:
                rules.pop()
        return False

    def styled(self, style: bytes) -> bool:
        """Return whether the style of the root itself may hide the block."""
        if b"\\" in style:
            style = _ESCAPE.sub(_unescaped, style)
        around = _Concerns(root=True, ours=False, pseudo=frozenset())
        for chunk in _even(style).split(b";"):
            found = _PROPERTY.fullmatch(chunk)
            if found is None and _HIDING_WORDS.search(chunk):  # no declaration, to most readers
                return True
            if found and ((found[1] == b"visibility" and b"visible" not in found[2]) or self._upsets(found, around)):
                return True
        return False

    def _concerns(self, selectors: bytes) -> _Concerns:
        for _ in range(_DEEPEST):
            fewer = _INNERMOST.sub(b"", selectors)
            if fewer == selectors:
                break
            selectors = fewer
        if b"(" in selectors or b")" in selectors or b"&" in selectors:
            return _Concerns(root=True, ours=True, pseudo=_PAINTS)
        root = ours = False
        pseudo: set[bytes] = set()
        for selector in _BRACKETS.sub(rb"[\1", selectors).split(b","):
            *others, subject = _APART.split(selector.strip())
            of_root, of_ours, of_pseudo = self._chosen(subject)
            # What is beside the block may be anything; what is around it is the root, and the block itself.
            if (of_root or of_ours) and (b"+" in selector or b"~" in selector or all(map(self._around_ours, others))):
                root, ours, pseudo = root or of_root, ours or of_ours, pseudo | of_pseudo
        return _Concerns(root, ours, frozenset(pseudo))

    def _around_ours(self, compound: bytes) -> bool:
        of_root, of_ours, _ = self._chosen(compound)
        return of_root or of_ours

    def _chosen(self, compound: bytes) -> tuple[bool, bool, set[bytes]]:
        """Return whether a compound may choose the root or the block, and its pseudo-elements and -classes."""
        kind = _COMPOUND.match(compound)
        name = kind[1] if kind else b""
        pieces = _PIECE.findall(compound, kind.end() if kind else 0)
        of_root = name in _ROOTS and all(map(self._of_root, pieces))
        of_ours = (name in _ANY or name in _OURS) and all(map(_of_ours, pieces))
        return of_root, of_ours, {word for sign, word in pieces if sign == b":"}

    def _of_root(self, piece: tuple[bytes, bytes]) -> bool:
        sign, name = piece
        if sign in (b".", b"#"):
            return _word(sign, name) in self._root.words
        return sign == b":" or not name or name in self._root.names

    def _harmful(self, said: bytes, rules: Sequence[tuple[bytes, _Concerns | None]]) -> bool:
        found = _PROPERTY.fullmatch(said)
        if found is None:
            return False
        if rules[-1][0].startswith(b"@font-face"):
            return found[1] == b"font-family" and _OUR_FONTS.search(found[2]) is not None
        concerns = next((each for _, each in reversed(rules) if each), None)
        return concerns is not None and self._upsets(found, concerns)

    def _upsets(self, declared: re.Match[bytes], concerns: _Concerns) -> bool:
        name, value = declared[1], declared[2].replace(b"!important", b"").strip()
        if not (concerns.root or concerns.ours):
            return False
        if concerns.pseudo & _FIRSTS or (name == b"content" and concerns.pseudo & _PAINTS):
            return True
        if concerns.ours and (fading := _FADING.get(name)) and fading.fullmatch(value):
            return True
        return concerns.root and self._around(name, value)

    def _around(self, name: bytes, value: bytes) -> bool:
        """Return whether the block may be hidden when this is said of what is around it."""
        if name in _FITTING:
            return _FITTING[name].fullmatch(value) is None
        if _SPACES.fullmatch(name):
            if _AWAY.search(value):
                return True
            self._sized |= _BOTH if _LARGE.search(value) else set()
        elif _MOVING.fullmatch(name):
            if _BACKWARDS.search(value):
                return True
            self._sized |= set() if name.startswith(b"border") else _BOTH
        elif cuts := _CUTS.fullmatch(name):
            if _UNCUT.fullmatch(value) is None:
                self._cut |= {cuts[1]} if cuts[1] else _BOTH
        elif size := _SIZES.fullmatch(name):
            if size[1] and _AWAY.search(value):
                return True
            if (_ANY_WIDTH if size[1] else _ANY_HEIGHT).fullmatch(value) is None:
                self._sized.add(b"-x" if size[1] else b"-y")
        elif _FREE.fullmatch(name) is None:
            return True
        return bool(self._cut & self._sized)


def _of_ours(piece: tuple[bytes, bytes]) -> bool:
    sign, name = piece
    return sign == b":" or (sign == b"[" and (not name or name in _OUR_NAMES))
