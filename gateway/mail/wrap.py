"""The mention beside what must not be touched: multipart/mixed {mention, the sender's part as it came} (RFC 1847).

The mention comes first, because readers that show one text only show the first.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256

from gateway.mail import encode
from gateway.mail.form import Piece
from gateway.mail.headers import Field
from gateway.mail.mention import Mention
from gateway.mail.structure import Part

# Returns a copy, but for the header fields on top, in pieces: most of its bytes are the sender's, and are copied once.
Writer = Callable[[Mention, Mapping[str, str]], list[Piece]]


def plan(content: bytes, root: Part, fields: tuple[Field, ...]) -> Writer:
    """Return what writes a wrapped copy; `fields` are those of the outermost header that stay."""
    boundary = _boundary(content)
    # Not a continuation of the outer one: some readers compare a delimiter with the beginning of a line only.
    inner_boundary = b"=_mention_" + boundary.rpartition(b"_")[2]
    outer = [content[each.start : each.end] for each in fields if not each.name.startswith("content-")]
    inner = [content[each.start : each.end] for each in fields if each.name.startswith("content-")]
    if not any(each.name == "mime-version" for each in fields):
        outer.append(b"MIME-Version: 1.0\r\n")
    outer.append(b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n')
    if not (content.isascii() or content[root.body_start :].isascii()):
        outer.append(b"Content-Transfer-Encoding: 8bit\r\n")
    top = b"".join([*outer, b"\r\n--", boundary, b"\r\n"])
    head = b"".join([b"\r\n--", boundary, b"\r\n", *inner, b"\r\n"])
    body, end = memoryview(content)[root.body_start :], b"\r\n--" + boundary + b"--\r\n"
    return lambda mention, _links: [top, _mention(mention, inner_boundary), head, body, end]


def _mention(mention: Mention, boundary: bytes) -> bytes:
    """Return the mention as a part of its own, in text and HTML."""
    text = f"{mention.text}\n".replace("\n", "\r\n").encode()
    html = b"<!DOCTYPE html>\r\n<html><body>\r\n%s</body></html>\r\n" % mention.page
    delimiter = b"\r\n--" + boundary
    return b"".join(
        (
            b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n',
            delimiter,
            b"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
            encode.qp_again(text),
            delimiter,
            b"\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
            encode.qp_again(html),
            delimiter,
            b"--\r\n",
        )
    )


def _boundary(content: bytes) -> bytes:
    """Return a boundary that the content does not hold; the same for the same content."""
    seed = content
    while True:
        boundary = b"=_consentgate_" + sha256(seed).hexdigest()[:24].encode("ascii")
        if boundary not in content:
            return boundary
        seed = boundary + seed
