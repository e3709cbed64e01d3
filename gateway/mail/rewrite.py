"""A submitted message becomes the copy of one recipient: planned once a submission, spliced per copy.

The promise: a copy carries the mention where any reader shows it, in every alternative; and every byte outside the
splices is the sender's. What cannot be served so is `Unfit`, with the reason, and never leaves without the mention.

- A body leaf gets the mention spliced in (`leaf`).
- Where no leaf can bear it (something signed, an image or a file alone, a charset or a document nobody can vouch for)
  the whole is wrapped: an outer multipart/mixed holds the mention first, then the sender's part untouched (`wrap`).
- Encrypted and fragmentary mail is refused, as nobody could tell what it says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from gateway import text
from gateway.mail import bodies, encode, headers, leaf, lines, placeholders, source, structure, tracking, wrap
from gateway.mail.form import Form, Piece, StandIns
from gateway.mail.headers import Field, Headers
from gateway.mail.leaf import Leaf, Wanted
from gateway.mail.mention import Mention
from gateway.mail.page import Page
from gateway.mail.placeholders import Flood, Kind
from gateway.mail.source import Source
from gateway.mail.structure import Broken, Part
from gateway.mail.wrap import Writer

_DROPPED = frozenset({"bcc", "resent-bcc", "return-path"})
_DROPPED_STARTS = ("list-", "x-consentgate-")
_KEPT = ("content-", "mime-version")  # without these the rest would mean something else
_READ_BY_PEOPLE = frozenset({"from", "reply-to", "subject", "to"})
_SYNTAX = frozenset({"headers-broken", "headers-many", "field-twice", "nul"})
_MIME = b"MIME-Version: 1.0\r\n"
_FORMS_MOST = 64  # of one message: one for each wording of the mention


@dataclass(frozen=True, slots=True)
class Unfit:
    """The message cannot be sent: `code` is the public reason, `key` and `detail` choose the sentence."""

    code: str
    key: str
    detail: str = ""

    @property
    def why(self) -> str:
        """Return the sentence in English, for replies and logs; ASCII but for what a message itself held."""
        return self.say(text.FALLBACK)

    def say(self, lang: str) -> str:
        """Return the sentence in `lang`."""
        return text.say(f"mail.unfit-{self.key}", lang, detail=self.detail)


@dataclass(frozen=True, slots=True, eq=False)
class Insert:
    """What one copy gets: `headers` on top in that order, the mention, and the addresses for placeholders.

    `links` maps "unsubscribe_url" and "preferences_url"; the second falls back to the first.
    """

    headers: tuple[tuple[str, str], ...]
    mention: Mention
    links: Mapping[str, str] = field(default_factory=dict)
    tracking: bool = False  # the person agreed to be watched: pixels and counted links stay

    def filled(self, stand_ins: StandIns, words: Sequence[str]) -> "Insert":
        """Return the insert with `words` for the stand-ins in it."""

        def put(text: str) -> str:
            for stand_in, word in zip(stand_ins.words, words, strict=True):
                text = text.replace(stand_in, word)
            return text

        page = put(self.mention.page.decode("ascii")).encode("ascii")
        return Insert(
            headers=tuple([(name, put(value)) for name, value in self.headers]),
            mention=self.mention._replace(text=put(self.mention.text), page=page),
            links={name: put(address) for name, address in self.links.items()},
            tracking=self.tracking,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """A message ready to be copied; safe to use from several threads."""

    _copy: Writer
    wrapped: bool
    needs_links: bool  # the message has placeholders
    _watched: Writer | None = None  # writes a copy that leaves pixels in
    _fillable: bool = True  # what goes in can be seen in the copies
    _forms: dict[Insert, Form] = field(default_factory=dict)

    @property
    def tracks(self) -> bool:
        """Return whether the message holds what tells its sender of openings or clicks."""
        return self._watched is not None

    def copy(self, insert: Insert) -> bytes:
        """Return the copy with mention. Raises `Misuse` for headers or links that would break it."""
        return b"".join(self._written(insert))

    def form(self, insert: Insert, stand_ins: StandIns) -> Form | None:
        """Return the copy, in whose insert are stand-ins, with gaps for the words of each person.

        None when these cannot be put in afterwards. Raises as `copy` does.
        """
        if not self._fillable:
            return None
        form = self._forms.get(insert)
        if form is None:
            if len(self._forms) >= _FORMS_MOST:
                self._forms.clear()
            form = self._forms[insert] = Form(self._written(insert), stand_ins)
        return form

    def _written(self, insert: Insert) -> list[Piece]:
        write = self._watched if insert.tracking and self._watched else self._copy
        return [_on_top(insert.headers), *write(insert.mention, insert.links)]


def plan(
    content: bytes,
    *,
    remove: frozenset[str] = frozenset(),
    opening: bool = False,
    fields: Headers | None = None,
    even: bool = False,
) -> Plan | Unfit:
    """Return how copies of `content` are made, or why there can be none. CRLF lines, dots unstuffed.

    `opening`: the message does not show that it is advertising, and is to begin with a line that does. List-*,
    X-Consentgate-*, Bcc and Return-Path fields are dropped, and those named (lower-case) in `remove`. `fields` is its
    header section, if at hand; `even` says that it came in by SMTP: there is no CR or LF alone.
    Never raises for what the message holds.
    """
    bad = _malformed(content, even=even)
    if bad is not None:
        return bad
    try:
        root = structure.scan(content, fields)
        bodies.check(root)
        return _planned(content, root, _kept_fields(root.headers, remove), opening=opening)
    except Broken as broken:
        return _unfit(broken)
    except Flood:
        return _unfit(Broken("structure-large"))


def plain(content: bytes, top: bytes, *, remove: frozenset[str] = frozenset()) -> bytes | Unfit:
    """Return a copy without mention, for messages that need none: `top` before it, dropped headers gone.

    That is possible for any message whose header section can be read, opaque ones too (service mail).
    """
    bad = _malformed(content)
    if bad is not None:
        return bad
    parsed = headers.parse(content)
    if parsed.broken >= 0:
        return _unfit(Broken("headers-many" if parsed.too_many else "headers-broken"))
    kept = _bytes_of(content, _kept_fields(parsed, remove))
    return b"".join((top, kept, b"\r\n", memoryview(content)[parsed.body_start :]))


def _malformed(content: bytes, *, even: bool = False) -> Unfit | None:
    if not even and not lines.even(content):
        return Unfit("R-SMTP-BARE", "line-ends")
    return _unfit(Broken("nul")) if b"\0" in content else None


def _unfit(broken: Broken) -> Unfit:
    if broken.key in _SYNTAX:
        return Unfit("R-SMTP-SYNTAX", broken.key, broken.detail)
    code = "R-MSG-PLACEHOLDER" if broken.key.startswith("placeholder") else "R-MSG-OPAQUE"
    return Unfit(code, broken.key, broken.detail)


def _planned(content: bytes, root: Part, fields: tuple[Field, ...], *, opening: bool) -> Plan:
    shown = [found.raw for found in fields if found.name in _READ_BY_PEOPLE]
    if placeholders.possible(b"\n".join(shown)):
        for raw in shown:
            _check_field(raw)
    kept = _bytes_of(content, fields)
    known: dict[int, Source | None] = {}
    leaves = _leaves(content, root, Wanted(mention=True, opening=opening), known)
    if leaves is None:
        _check_sealed(content, root)
        return Plan(wrap.plan(content, root, fields), wrapped=True, needs_links=False)
    edits, watched = [edit for each in leaves for edit in each.edits], None
    if any(edit.watch for edit in edits):
        whole = _leaves(content, root, Wanted(mention=True, opening=opening, strip=False), known) or leaves
        watched = _splicer(content, root, fields, kept, whole)
        edits += [edit for each in whole for edit in each.edits]
    links = any(edit.found is not None and edit.found.kind is not Kind.DROP for edit in edits)
    own = _splicer(content, root, fields, kept, leaves)
    seen = not any(each.part.encoding == "base64" for each in leaves)
    return Plan(own, wrapped=False, needs_links=links, _watched=watched, _fillable=seen)


def _check_field(raw: bytes) -> None:
    if stuck := placeholders.find(raw):
        raise Broken("placeholder-sealed", raw[stuck[0].start : stuck[0].end][:60].decode("ascii", "replace"))


def _leaves(content: bytes, root: Part, wanted: Wanted, known: dict[int, Source | None]) -> list[Leaf] | None:
    """Return every leaf that changes, in order of place; None when the message can only be wrapped.

    Those are the bodies, and other leaves of text with placeholders or pixels in them. `known` are, by their place,
    those that have been read, and is added to.
    """
    chosen = bodies.choose(root)
    leaves = [_leaf(content, part, wanted, known) for part in chosen] if chosen else [None]
    if any(each is None for each in leaves):
        return None
    edited = [each for each in leaves if each is not None]
    for part in bodies.others(root, chosen or []):
        planned = _leaf(content, part, Wanted(mention=False, strip=wanted.strip), known)
        if planned is None:
            _check_part(content, part)
        elif planned.edits:
            edited.append(planned)
    edited.sort(key=lambda each: each.part.start)
    return edited


def _leaf(content: bytes, part: Part, wanted: Wanted, known: dict[int, Source | None]) -> Leaf | None:
    if part.start not in known:
        known[part.start] = source.read(content, part, mention=wanted.mention)
    read = known[part.start]
    return leaf.plan(read, wanted) if read else None


def _check_sealed(content: bytes, root: Part) -> None:
    """Raise `Broken` for a placeholder, a pixel, or inline PGP, in what is going to be wrapped."""
    for part in bodies.others(root, []):
        _check_part(content, part)


def _check_part(content: bytes, part: Part) -> None:
    if not encode.known(part.encoding):  # some readers show what is in it, pixels and all
        raise Broken("encoding-unknown", part.encoding[:40].encode("ascii", "replace").decode("ascii"))
    raw = content[part.body_start : part.end]
    for data in encode.readings(raw, part.encoding, part.type.params.get("charset", "")):
        if b"-----BEGIN PGP MESSAGE-----" in data:
            raise Broken("encrypted")
        if bodies.is_page(part) and tracking.find(Page(data)):
            raise Broken("pixel-sealed")
        for found in placeholders.find(data):
            if found.kind is not Kind.DROP:
                raise Broken("placeholder-sealed", data[found.start : found.end][:60].decode("ascii", "replace"))


def _splicer(content: bytes, root: Part, fields: tuple[Field, ...], kept: bytes, leaves: list[Leaf]) -> Writer:
    """Return the function that writes a copy from its leaves and the bytes between them; `kept` are the fields."""
    names = {found.name for found in fields}
    versioned = "mime-version" in names

    if leaves[0].part is root:
        only = leaves[0]

        def alone(mention: Mention, links: Mapping[str, str]) -> list[Piece]:
            body, charset = only.body(mention, links)
            version = b"" if versioned or (charset is None and "content-type" not in names) else _MIME
            return [version, only.head(content, fields, charset), b"\r\n", *body]

        return alone

    top = memoryview((b"" if versioned else _MIME) + kept)
    whole = memoryview(content)  # attachments are large, and none of their bytes is copied before they leave
    between, last = [], root.body_start - 2  # from the empty line on
    for each in leaves:
        between.append(whole[last : each.part.start])
        last = each.part.end
    tail = whole[last:]

    def several(mention: Mention, links: Mapping[str, str]) -> list[Piece]:
        out: list[Piece] = [top]
        for before, each in zip(between, leaves, strict=True):
            body, charset = each.body(mention, links)
            out += (before, each.head(content, each.part.headers.fields, charset), b"\r\n", *body)
        out.append(tail)
        return out

    return several


def _kept_fields(parsed: Headers, remove: frozenset[str]) -> tuple[Field, ...]:
    dropped = _DROPPED | remove
    return tuple(
        [
            found
            for found in parsed.fields
            if not (found.name in dropped or found.name.startswith(_DROPPED_STARTS)) or found.name.startswith(_KEPT)
        ]
    )


def _bytes_of(content: bytes, fields: tuple[Field, ...]) -> bytes:
    return b"".join([content[found.start : found.end] for found in fields])


@lru_cache(maxsize=256)
def _on_top(fields: tuple[tuple[str, str], ...]) -> bytes:
    return b"".join([headers.line(name, value) for name, value in fields])
