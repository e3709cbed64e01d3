"""Header fields with their places in the message: read, decoded, and written (RFC 5322 2.2, RFC 2047, RFC 6532).

Nothing here changes a field that is kept: a field is a slice of the message. Input is hostile; reading never raises.
"""

import binascii
import codecs
import re
from base64 import b64encode
from dataclasses import dataclass
from typing import NamedTuple

from gateway.errors import Misuse

_FIELD = re.compile(rb"([!-9;-~]+):[ \t]*([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)\r\n")
_FOLD = re.compile(r"\r\n(?=[ \t])")
_WORD = re.compile(r"=\?([^?\s]{1,64})\?([bBqQ])\?([^?]*)\?=")
_GAP = re.compile(r"(?<=\?=)\s+(?==\?[^?\s]{1,64}\?[bBqQ]\?)")
_NAME = re.compile(r"[!-9;-~]{1,76}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_DECODED_MOST = 65_536  # more of one value is not decoded
FIELDS_MOST = 1_000  # of one section; mail that went through many hands has a tenth of that
_WORDS = re.compile(r" *[^ ]+(?: +$)?")
_LINE, _LINE_MOST = 78, 998  # RFC 5322 2.1.1
_WORD_BYTES = 42  # that many bytes make an encoded-word of at most 75 characters (RFC 2047 2)


class Field(NamedTuple):
    """One field: lower-case `name`; `content[start:end]` is the whole of it with its line end.

    `raw` is its value, still folded and encoded.
    """

    name: str
    start: int
    end: int
    raw: bytes

    @property
    def text(self) -> str:
        """Return the value unfolded and decoded."""
        return decode(self.raw)


@dataclass(frozen=True, slots=True)
class Headers:
    """The header section of a message or of a part.

    `body_start` is the offset behind the empty line; `closed` says whether that line is there. `broken` is the offset
    of the first line that is no field, or -1: what follows such a line is not read, as readers differ on it. What
    follows `FIELDS_MOST` fields is not read either.
    """

    fields: tuple[Field, ...]
    body_start: int
    closed: bool
    broken: int = -1

    @property
    def too_many(self) -> bool:
        """Return whether there are more fields than are read."""
        return self.broken >= 0 and len(self.fields) >= FIELDS_MOST

    def get(self, name: str) -> str | None:
        """Return the first value of field `name`, decoded and unfolded, or None."""
        name = name.lower()
        return next((field.text for field in self.fields if field.name == name), None)

    def all(self, name: str) -> list[str]:
        """Return every value of field `name`, decoded and unfolded, in the order of the message."""
        name = name.lower()
        return [field.text for field in self.fields if field.name == name]

    def pairs(self) -> list[tuple[str, str]]:
        """Return (lower-case name, decoded value) of every field in the order of the message."""
        return [(field.name, field.text) for field in self.fields]


def parse(content: bytes, start: int = 0, end: int | None = None) -> Headers:
    """Return the header section that begins at `start`; lines end in CRLF, `end` bounds the message or part."""
    end = len(content) if end is None else end
    fields: list[Field] = []
    at = start
    match = _FIELD.match
    while len(fields) < FIELDS_MOST and at < end and (found := match(content, at, end)) is not None:
        stop = found.end()
        name, raw = found.groups()
        fields.append(Field(name.decode("ascii").lower(), at, stop, raw))
        at = stop
    if content[at : at + 2] == b"\r\n" and at + 2 <= end:
        return Headers(tuple(fields), at + 2, closed=True)
    if at >= end:
        return Headers(tuple(fields), end, closed=False)
    return Headers(tuple(fields), at, closed=False, broken=at)


def decode(raw: bytes) -> str:
    """Return a field's value as people read it: unfolded, UTF-8 (RFC 6532), encoded words decoded (RFC 2047).

    What cannot be decoded stays as it is written or shows U+FFFD; control characters become spaces.
    """
    text = raw[:_DECODED_MOST].decode("utf-8", "replace")
    if "\r\n" in text:
        text = _FOLD.sub("", text)
    if "=?" in text:
        text = _words(text)
    return (text if text.isprintable() else _CONTROL.sub(" ", text)).strip()


def _words(text: str) -> str:
    """Decode the encoded words; neighbours of one charset are joined before, as senders split characters."""
    out: list[str] = []
    pending, charset, last = b"", "", 0
    text = _GAP.sub("", text)
    for word in _WORD.finditer(text):
        name = word[1].partition("*")[0].lower()  # RFC 2231 5 puts a language behind "*"
        if pending and (word.start() != last or name != charset):
            out.append(_as_text(pending, charset))
            pending = b""
        out.append(text[last : word.start()])
        last = word.end()
        try:
            data = _payload(word[2], word[3])
            codecs.lookup(name)
        except (ValueError, LookupError):
            out.append(word[0])
            continue
        pending, charset = pending + data, name
    if pending:
        out.append(_as_text(pending, charset))
    out.append(text[last:])
    return "".join(out)


def _payload(encoding: str, data: str) -> bytes:
    if encoding in "bB":
        data = data.rstrip("=")
        return binascii.a2b_base64(data + "=" * (-len(data) % 4))
    return binascii.a2b_qp(data.encode(), header=True)


def _as_text(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset, "replace")
    except (LookupError, ValueError):  # such as "hex", a codec that is no charset
        return data.decode("ascii", "replace")


def phrase(text: str) -> str:
    """Return `text` as an ASCII phrase for a display name or List-Id: atoms, a quoted string, or encoded words."""
    text = " ".join(_CONTROL.sub(" ", text).split())
    if text.isascii():
        if _ATOMS.fullmatch(text) and "=?" not in text:
            return text
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    words: list[bytes] = [b""]
    for character in text:
        data = character.encode("utf-8", "replace")
        if len(words[-1]) + len(data) > _WORD_BYTES:
            words.append(b"")
        words[-1] += data
    return " ".join(f"=?utf-8?b?{b64encode(word).decode('ascii')}?=" for word in words)


def line(name: str, value: str) -> bytes:
    """Return the field as bytes with CRLF, folded at spaces to lines of 78 where it can be (RFC 5322 2.2.3).

    Raises `Misuse` for a name or value that would not stay one field: control characters, CR, LF, NUL, anything that
    is not ASCII, or a word that needs a line of more than 998 characters.
    """
    if not _NAME.fullmatch(name) or not (value.isascii() and value.isprintable()) or not value or value.isspace():
        raise Misuse(f"The header field {name!r} cannot be written with the value {value[:80]!r}.")
    text = f"{name}: {value}"
    if len(text) <= _LINE:
        return text.encode("ascii") + b"\r\n"
    return _folded(name, text)


def _folded(name: str, text: str) -> bytes:
    lines: list[str] = []
    current = ""
    even = "  " not in text and text[-1] != " "
    for word in text.replace(" ", "\n ").split("\n") if even else _WORDS.findall(text):
        if current and len(current) + len(word) > _LINE and current.strip() != f"{name}:":
            lines.append(current)
            current = ""
        current += word
    lines.append(current)
    if any(len(part) > _LINE_MOST for part in lines):
        raise Misuse(f"The header field {name!r} has a word that no line can hold.")
    return "\r\n".join(lines).encode("ascii") + b"\r\n"
