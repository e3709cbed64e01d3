"""One leaf of text and what changes in it: worked out once, written per copy.

A splice keeps every byte around it. Where charset or transfer encoding cannot carry what goes in, the leaf alone is
encoded anew: quoted-printable (base64 if it was that), and UTF-8 if the charset was the obstacle.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import NamedTuple

from gateway import text
from gateway.errors import Misuse
from gateway.mail import encode, html, plaintext
from gateway.mail.form import Piece
from gateway.mail.headers import Field
from gateway.mail.mention import Mention
from gateway.mail.page import Spot, expression
from gateway.mail.placeholders import Found, Kind
from gateway.mail.source import Source
from gateway.mail.structure import Broken, Part
from gateway.mail.tracking import Watch

_NAME_MOST = 200  # bytes in which the name of a tag is looked for
_IN_NAME = expression(rb"<[/!?]?[^\s<>\"'=]*\Z")
_EDITS_MOST = 5_000
_BLANK = frozenset({b" ", b"\t"})
_PARAM_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~")


class Edit(NamedTuple):
    """`data[start:end]` gives way to the mention (`spot` says how), or to what a placeholder stands for.

    `opening`: to the first line; `watch`: to what does not watch the person.
    """

    start: int
    end: int
    spot: Spot | plaintext.Spot | None = None
    found: Found | None = None
    opening: bool = False
    watch: Watch | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be put into a leaf besides what placeholders stand for, and whether what watches people goes."""

    mention: bool
    opening: bool = False
    strip: bool = True


@dataclass(slots=True)
class Leaf:
    """A leaf with its edits in order of place; `data` is its body decoded, in charset `charset`.

    `anew` says that it cannot be spliced whatever goes in. `places` are the edits' offsets in `raw`.
    """

    part: Part
    raw: bytes
    data: bytes
    charset: str
    reading: str
    markup: bool
    anew: bool
    edits: tuple[Edit, ...]
    places: tuple[tuple[int, int], ...]
    _coded: tuple[memoryview, ...] = ()
    _heads: dict[str | None, bytes] = field(default_factory=dict)

    def body(self, mention: Mention, links: Mapping[str, str]) -> tuple[list[Piece], str | None]:
        """Return the body for one copy and, when it is encoded anew, its new charset ("" for the same); else None."""
        pieces: list[bytes | None] = []
        if not self.anew:
            pieces = [self._piece(edit, mention, links, self.charset) for edit in self.edits]
            spliced = self._spliced(pieces)
            if spliced is not None:
                return spliced, None
        charset = "" if self.markup else "utf-8"
        if self.anew or (charset and self.charset != charset):
            pieces = [self._piece(edit, mention, links, charset or self.charset) for edit in self.edits]
        return self._encoded_anew([piece or b"" for piece in pieces], charset), charset

    def head(self, content: bytes, fields: tuple[Field, ...], charset: str | None) -> bytes:
        """Return header `fields` of the leaf, without the empty line; with what `body` said of its charset."""
        if charset not in self._heads:  # the same for every copy
            self._heads[charset] = self._head(content, fields, charset)
        return self._heads[charset]

    def _head(self, content: bytes, fields: tuple[Field, ...], charset: str | None) -> bytes:
        if charset is None and not self.part.loose:
            return b"".join([content[found.start : found.end] for found in fields])
        encoding = b"base64" if self.part.encoding == "base64" else b"quoted-printable"
        new = {"content-transfer-encoding": b"Content-Transfer-Encoding: " + encoding + b"\r\n"}
        if charset:
            new["content-type"] = _content_type(self.part, charset)
        out = [new.pop(found.name, b"") or content[found.start : found.end] for found in fields]
        return b"".join([*out, *reversed(new.values())])

    def _piece(self, edit: Edit, mention: Mention, links: Mapping[str, str], charset: str) -> bytes | None:
        """Return what goes in, in `charset`; None when that cannot hold it."""
        if isinstance(edit.spot, Spot):
            return b"%s\r\n%s" % (edit.spot.close, mention.page)
        if edit.opening and self.markup:
            return mention.opening_page
        if edit.opening or edit.spot:
            text = (
                plaintext.block(mention.text, edit.spot, flowed=self._flowed)
                if edit.spot
                else plaintext.opening(mention.opening, flowed=self._flowed)
            )
            return encode.fitted(text, charset)
        return edit.watch.instead if edit.watch else self._link(edit.found, mention.lang, links) if edit.found else b""

    @property
    def _flowed(self) -> bool:
        return self.part.type.params.get("format", "").lower() == "flowed"

    def _link(self, found: Found, lang: str, links: Mapping[str, str]) -> bytes:
        if found.kind is Kind.DROP:
            return b""
        address = links.get(found.kind) or links.get(Kind.STOP, "")
        if not address.isascii() or not address.isprintable() or not address or set(address) & set(" \"'<>"):
            raise Misuse(f"The message has a placeholder for {found.kind}, and {address[:80]!r} is no address for it.")
        if not self.markup:
            return address.encode("ascii")
        address = escape(address)
        if found.label:
            label = text.say("mail.stop" if found.kind is Kind.STOP else "mail.preferences", lang)
            address = f'<a href="{address}">{escape(label)}</a>'
        return address.encode("ascii", "xmlcharrefreplace")

    def _spliced(self, pieces: Sequence[bytes | None]) -> list[Piece] | None:
        """Return the body with `pieces` between its own bytes; None when charset or encoding cannot hold them."""
        fitting = [piece for piece in pieces if piece is not None]
        if len(fitting) < len(pieces):
            return None
        if self.part.encoding == "quoted-printable":
            return self._spliced_qp(fitting)
        if self.part.encoding == "base64":
            start = self.edits[0].start // 3 * 3
            tail = b"".join([self.data[start : self.edits[0].start], *self._woven(fitting)])
            head = self.raw[: encode.base64_place(self.raw, start)].rstrip()
            return [head, b"\r\n" if head else b"", encode.base64(tail), b"\r\n"]
        seven = self.part.encoding in ("", "7bit") and self.raw.isascii()
        if any((seven and not piece.isascii()) or encode.long_lined(piece) for piece in fitting):
            return None
        # A line that begins with "--" could be taken for a boundary.
        dash = b"\n&#45;-" if self.markup else b"\n --"
        safe = [piece.replace(b"\n--", dash) if b"\n--" in piece else piece for piece in fitting]
        return [memoryview(self.data)[: self.edits[0].start], *self._woven(safe)]

    def _woven(self, pieces: Sequence[bytes]) -> list[Piece]:
        """Return the data from the first edit on, with `pieces` in the place of the edits."""
        data = memoryview(self.data)
        ends = [edit.start for edit in self.edits[1:]] + [len(data)]
        out: list[Piece] = []
        for edit, piece, end in zip(self.edits, pieces, ends, strict=True):
            out += (piece, data[edit.end : end])
        return out

    def _spliced_qp(self, pieces: Sequence[bytes]) -> list[Piece]:
        raw = memoryview(self.raw)
        out: list[Piece] = []
        last = 0
        for piece, (start, end) in zip(pieces, self.places, strict=True):
            out.append(raw[last:start])
            out += _broken_off(piece, self.raw[start - 1 : start] if start else b"\n")
            last = end
        out.append(raw[last:])
        return out

    def _encoded_anew(self, pieces: Sequence[bytes], charset: str) -> list[Piece]:
        if self.part.encoding == "base64":
            kept = self._kept(charset)
            woven = [part for pair in zip(pieces, kept[1:], strict=True) for part in pair]
            return [encode.base64(b"".join([kept[0], *woven])), b"\r\n"]
        if not self._coded:  # the same for every copy
            self._coded = tuple([memoryview(encode.qp(part)) for part in self._kept(charset)])
        out: list[Piece] = [self._coded[0]]
        before = bytes(self._coded[0][-1:]) or b"\n"
        for piece, kept_qp in zip(pieces, self._coded[1:], strict=True):
            out += (*_broken_off(piece, before), kept_qp)
            before = bytes(kept_qp[-1:]) or b"\n"
        return out

    def _kept(self, charset: str) -> list[bytes]:
        """Return the sender's bytes between the edits, in `charset` or ("") as they are."""
        starts = [0, *[edit.end for edit in self.edits]]
        ends = [*[edit.start for edit in self.edits], len(self.data)]
        kept = [self.data[start:end] for start, end in zip(starts, ends, strict=True)]
        same = not charset or self.reading in ("ascii", charset)
        return kept if same else [part.decode(self.reading).encode(charset) for part in kept]


def _broken_off(piece: bytes, before: bytes) -> tuple[bytes, ...]:
    """Return `piece` in quoted-printable, with the soft line breaks it needs; `before` is the byte before it.

    Lines of their own stand as they are, but a blank must not end the line before; what goes into a line breaks it.
    """
    if not piece:
        return () if before == b"\n" else (b"=\r\n",)
    own = before == b"\n" or (piece.startswith(b"\r\n") and before not in _BLANK)
    return (b"" if own else b"=\r\n", encode.qp_again(piece), b"" if piece.endswith(b"\r\n") else b"=\r\n")


def plan(source: Source, wanted: Wanted) -> Leaf | None:
    """Return the leaf with its edits, the mention's among them if wanted; None when it cannot be changed safely.

    Raises `Broken` for a placeholder that nobody can fill in where it is.
    """
    edits = _edits(source, wanted)
    if edits is None:
        return None
    part, raw, data = source.part, source.raw, source.data
    quoted = part.encoding == "quoted-printable"
    places = _places(raw, data, edits) if quoted and not source.anew else ()
    written = places if quoted else [(edit.start, edit.end) for edit in edits]
    joins = part.encoding != "base64" and _joins(raw, edits, written or ())
    anew, markup = source.anew or joins or places is None, source.page is not None
    return Leaf(part, raw, data, source.charset, source.reading, markup, anew, edits, places or ())


def _joins(raw: bytes, edits: tuple[Edit, ...], places: Sequence[tuple[int, int]]) -> bool:
    """Return whether what goes in, or is taken out, may leave a line in `raw` that begins like a delimiter."""
    for edit, (start, end) in zip(edits, places, strict=False):
        line = raw.rfind(b"\n", 0, start) + 1
        taken = edit.start < edit.end and (raw[end : end + 1] == b"-" or raw[line : line + 1] == b"-")
        if taken or raw.startswith(b"--", line, start):
            return True
    return False


def _edits(source: Source, wanted: Wanted) -> tuple[Edit, ...] | None:
    data, page, place = source.data, source.page, source.place
    watches = source.watches if wanted.strip else ()
    edits = [Edit(each.start, each.end, found=each) for each in source.found]
    if watches:  # what goes takes with it the placeholders inside
        edits = [each for each in edits if not _met(each, watches)]
        edits += [Edit(one.start, one.end, watch=one) for one in watches]
    if page and (upset := next((each for each in edits if _upsets(data, each)), None)):
        if upset.found is None:
            return None
        raise Broken("placeholder", data[upset.start : upset.end][:60].decode("ascii", "replace"))
    if wanted.mention:
        spot = source.spot if page else plaintext.find(data)
        if spot is None:
            return None
        edits.append(Edit(place(spot.offset), place(spot.offset), spot))
    if wanted.opening:
        at = place(html.begin(page) if page else plaintext.begin(data))
        edits.insert(0, Edit(at, at, opening=True))
    ours = [edit.start for edit in edits if edit.spot or edit.opening]
    if len(edits) > len(ours) and any(each.start < at < each.end for at in ours for each in edits):
        return None
    if len(edits) > _EDITS_MOST:
        raise Broken("structure-large")
    edits.sort(key=lambda edit: (edit.start, edit.end))
    return tuple(edits)


def _met(edit: Edit, watches: Sequence[Watch]) -> bool:
    """Return whether an edit has a byte in common with one of `watches`, which are in order and apart."""
    at = bisect_left(watches, edit.end, key=lambda watch: watch.start)
    return at > 0 and watches[at - 1].end > edit.start


def _upsets(data: bytes, edit: Edit) -> bool:
    """Return whether an edit may make a tag, or the end of a comment, of what stands around it.

    That is so within the name of a tag, and where signs that end a comment come together.
    """
    before = data[max(0, edit.start - _NAME_MOST) : edit.start]
    ending = before[-1:] in (b"-", b"!") and data[edit.end : edit.end + 1] in (b"-", b"!", b">")
    return ending or _IN_NAME.search(before) is not None


def _places(raw: bytes, data: bytes, edits: tuple[Edit, ...]) -> tuple[tuple[int, int], ...] | None:
    """Return where in quoted-printable the edits are, None if one cannot be told."""
    places = encode.qp_places(raw, data, [at for edit in edits for at in (edit.start, edit.end)])
    return None if places is None else tuple(zip(places[::2], places[1::2], strict=True))


def _content_type(part: Part, charset: str) -> bytes:
    params = {key: value for key, value in part.type.params.items() if key != "charset" and value.isascii()}
    out = [f"{part.kind}; charset={charset}"]
    for key, value in params.items():
        plain = value and set(value) <= _PARAM_PLAIN
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        out.append(f"{key}={value}" if plain else f'{key}="{escaped}"')
    return ("Content-Type: " + ";\r\n ".join(out) + "\r\n").encode("ascii")
