"""The tree of MIME parts with their places in the message (RFC 2046), found by scanning for delimiter lines.

The scanner agrees with the standard library's parser wherever it answers at all; it refuses to answer where readers of
mail are known to differ, because a mention put where only some of them look is no mention.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.mail import params
from gateway.mail.headers import Headers, parse

DEPTH_MOST, PARTS_MOST, FIELDS_MOST = 16, 500, 5_000
_BOUNDARY_MOST = 200  # RFC 2046 5.1.1 says 70; some senders do not know
_PLAIN_ENCODINGS = frozenset({"", "7bit", "8bit", "binary"})
_TEXT = params.Value("text/plain", {})
_INLINE = params.Value("inline", {})
_MESSAGE = params.Value("message/rfc822", {})
_DASHES = re.compile(rb"--(?<=\r\n--)")  # found in a third of the time that `bytes.find` takes for a whole delimiter


class Broken(Exception):
    """The structure is ambiguous or beyond bounds; `key` names the sentence for it, `detail` fills it."""

    def __init__(self, key: str, detail: str = "") -> None:
        super().__init__(key)
        self.key = key
        self.detail = detail


@dataclass(slots=True)
class Part:
    """One part: `content[start:end]` with its header section; its body is `content[headers.body_start:end]`.

    `kind` is the content type as "type/subtype"; `encoding` the transfer encoding, lower-case, "" when none is given;
    `loose` says that blanks stand around it, for which some readers do not know it.
    """

    start: int
    end: int
    headers: Headers
    type: params.Value
    encoding: str
    loose: bool
    disposition: params.Value
    depth: int
    parts: list["Part"] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Return the content type, lower-case."""
        return self.type.value

    @property
    def named(self) -> bool:
        """Return whether it is a file to every reader: not in line, or with a name."""
        given = self.disposition
        return given.value not in ("", "inline") or "filename" in given.params or "name" in self.type.params

    @property
    def attached(self) -> bool:
        """Return whether some reader may show it as a file instead of text."""
        return self.named or self.disposition.doubtful

    @property
    def body_start(self) -> int:
        """Return the offset of the body."""
        return self.headers.body_start

    def seems(self, main: str) -> bool:
        """Return whether the content type is one that readers may read apart, and begins like `main`."""
        return self.type.doubtful and (self.headers.get("content-type") or "").lower().startswith(main)

    def walk(self) -> list["Part"]:
        """Return this part and all below it in the order of the message; does not look into attached messages."""
        found = [self]
        for part in self.parts:
            found += part.walk()
        return found


def scan(content: bytes, fields: Headers | None = None) -> Part:
    """Return the message as its outermost part; `fields` is its header section, if at hand. Raises `Broken`."""
    return _Scanner(content).part(0, len(content), _TEXT, 0, fields)


class _Scanner:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.left = PARTS_MOST
        self.fields_left = FIELDS_MOST

    def part(self, start: int, end: int, default: params.Value, depth: int, fields: Headers | None = None) -> Part:
        self.left -= 1
        if self.left < 0 or depth > DEPTH_MOST:
            raise Broken("structure-large")
        headers = fields or parse(self.content, start, end)
        self.fields_left -= len(headers.fields)
        if self.fields_left < 0:
            raise Broken("headers-many")
        if headers.broken >= 0:
            raise Broken("headers-many" if headers.too_many else "headers-broken")
        part = Part(start, end, headers, *_described(headers, default), depth)
        if part.kind.startswith("multipart/") or part.seems("multipart"):
            self._children(part)
        return part

    def _children(self, part: Part) -> None:
        boundary = part.type.params.get("boundary", "")
        if part.type.doubtful or not 0 < len(boundary) <= _BOUNDARY_MOST or not _spellable(boundary):
            raise Broken("boundary-bad")
        if part.encoding not in _PLAIN_ENCODINGS:
            raise Broken("multipart-encoded")
        default = _MESSAGE if part.kind == "multipart/digest" else _TEXT
        for start, end in self._regions(part, b"\r\n--" + boundary.encode("ascii")):
            part.parts.append(self.part(start, end, default, part.depth + 1))
        if not part.parts:
            raise Broken("multipart-empty")

    def _regions(self, part: Part, delimiter: bytes) -> Iterator[tuple[int, int]]:
        """Yield the places between delimiter lines; text before the first and behind the closing one is no part."""
        start = -1
        # The line end before a delimiter belongs to it; before the first part that is the one of the empty line.
        at = part.body_start - 2 if part.headers.closed else part.end
        while (at := self._find(delimiter, at, part.end)) >= 0:
            stop = at + len(delimiter)
            line_end = self.content.find(b"\r\n", stop, part.end)
            rest = self.content[stop : line_end if line_end >= 0 else part.end].rstrip(b" \t")
            if rest not in (b"", b"--"):
                at = stop
                continue
            if start >= 0 and at >= start:
                yield start, at
            elif start >= 0 and rest:  # closed before anything is in it: some readers go on looking for parts
                raise Broken("multipart-empty")
            if rest:
                return
            if line_end < 0:  # and nothing follows: a part to some readers
                raise Broken("multipart-empty")
            start, at = line_end + 2, line_end
        if start >= 0:
            yield start, part.end

    def _find(self, delimiter: bytes, start: int, end: int) -> int:
        """Return where the delimiter is, or -1. Most often what begins like one is one."""
        dashes = _DASHES.search(self.content, start + 2, end)
        if dashes is None:
            return -1
        at = dashes.start() - 2
        return at if self.content.startswith(delimiter, at, end) else self.content.find(delimiter, at + 1, end)


def _spellable(boundary: str) -> bool:
    return boundary.isascii() and boundary.isprintable() and not boundary.endswith(" ")


def _described(headers: Headers, default: params.Value) -> tuple[params.Value, str, bool, params.Value]:
    """Return type, transfer encoding, whether that is loose, disposition. Raises `Broken` for fields given twice."""
    kind, encoding, loose, disposition = default, "", False, _INLINE
    seen = 0
    for found in headers.fields:
        if not found.name.startswith("content-"):
            continue
        if found.name == "content-type":
            kind, bit = params.read("content-type", found.raw), 1
        elif found.name == "content-transfer-encoding":
            written, bit = found.raw.decode("ascii", "replace").lower(), 2
            encoding = written.strip(" \t\r\n")
            loose = encoding != written and encoding not in _PLAIN_ENCODINGS
        elif found.name == "content-disposition":
            disposition, bit = params.read("content-disposition", found.raw), 4
        else:
            continue
        if seen & bit:
            raise Broken("field-twice", found.name)
        seen |= bit
    return kind, encoding, loose, disposition
