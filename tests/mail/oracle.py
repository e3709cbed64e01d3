"""What must hold of any copy of any message, judged without a line of the rewriter: by two parsers that are not ours.

The standard library says what the parts are; a parser written in Rust (mailparse) is asked again; a browser's HTML
parser (Lexbor) says what is seen. `hold` raises AssertionError, with the reason, for a copy that breaks the promise.
"""

import email
import re
from collections.abc import Iterator
from copy import copy
from email.message import Message
from email.policy import compat32

import fast_mail_parser as rust
from selectolax.lexbor import LexborHTMLParser

from tests.mail import golden_rules as rules

LABEL = 100  # characters that a link has around its address; the shortest mention has 400
SIZED = re.compile(r"(?:width|height)\s*:", re.IGNORECASE)
TEXTS = {"text/plain", "text/html", "text/x-amp-html", "text/watch-html"}


def hold(before: bytes, after: bytes, stop: str, *, wrapped: bool, edits: bool = False) -> None:
    """Compare a message with its copy. `stop` is the address in the mention; `edits` allows for placeholders."""
    assert after.count(b"\r\n") == after.count(b"\n") == after.count(b"\r"), "a bare line end"
    if wrapped:
        _wrapped(before, after, stop)
        return
    was, became = (list(email.message_from_bytes(each, policy=compat32).walk()) for each in (before, after))
    assert [part.get_content_type() for part in was] == [part.get_content_type() for part in became], "the shape"
    _fields(was[0], became[0])
    changed = [number for number, pair in enumerate(zip(was, became, strict=True)) if _differs(*pair, first=not number)]
    assert changed, "no part has changed"
    linked = [number for number in changed if _told(became[number], stop)]
    told = [number for number in linked if not _filed(became[number])]
    assert told, "no part that is shown has the mention"
    for number in changed:
        assert _kind(was[number]) in TEXTS, "a part that is no text has changed"
        placeholders = edits or _marked(was[number])
        assert placeholders or number in told, "a part has changed without getting the mention"
        if number in linked and number not in told:
            _linked_only(was[number], became[number], stop)
        if not placeholders:
            _inserted_only(was[number], became[number])
    _alternatives(became[0], [became[number] for number in told])
    _second_opinion(before, after)


def pixels(content: bytes) -> list[str]:
    """Return the addresses of remote pictures and grounds of one or two by two that the bodies show."""
    found = []
    for part in _shown(email.message_from_bytes(content, policy=compat32)):
        if _kind(part) in TEXTS - {"text/plain"}:
            for node in LexborHTMLParser(rules.text_of(part)).css("img, [background]:not(body, style)"):
                size = (node.attributes.get(name) for name in ("width", "height"))
                source = node.attributes.get("src" if node.tag == "img" else "background") or ""
                sized = SIZED.search(node.attributes.get("style") or "")  # goes before the attributes
                small = all(value in {"0", "1", "2"} for value in size) and not sized
                if small and source.lower().startswith(("http:", "https:", "//")):
                    found.append(source)
    return found


def _shown(part: Message) -> Iterator[Message]:
    """Yield the parts that are neither files nor within somebody else's message."""
    if part.get_content_maintype() == "message":
        return
    if part.is_multipart():
        for child in part.get_payload():
            yield from _shown(child)
    elif part.get_content_disposition() in (None, "inline") and part.get_filename() is None:
        yield part


def _fields(was: Message, became: Message) -> None:
    """The sender's fields are there in order, but for those that describe the body and those that may not pass."""
    mine = [pair for pair in was.items() if not _ours(pair[0])]
    kept = [pair for pair in became.items() if not _ours(pair[0])]
    assert mine == kept[len(kept) - len(mine) :], "the sender's fields"


def _ours(name: str) -> bool:
    name = name.lower()
    return name.startswith(("list-", "x-consentgate-", "content-", "mime-version")) or name in {
        "bcc",
        "resent-bcc",
        "return-path",
    }


def _differs(was: Message, became: Message, *, first: bool) -> bool:
    if was.is_multipart():
        return False
    same_fields = first or was.items() == became.items()
    # Not `get_payload`, which stumbles over a charset in pieces (RFC 2231).
    return not (same_fields and was._payload == became._payload)


def _kind(part: Message) -> str:
    """Return the content type without a comment, which the standard library takes for a part of it."""
    return part.get_content_type().partition("(")[0].strip()


def _told(part: Message, stop: str) -> bool:
    """Return whether a person who is shown this part sees the link."""
    text = rules.text_of(part)
    if _kind(part) == "text/plain":
        return stop in text
    return bool(rules.shown_links(text, stop))


def _filed(part: Message) -> bool:
    """Return whether the part is a file: to some readers only, when its disposition is no word that they know."""
    return part.get_content_disposition() not in (None, "inline")


def _linked_only(was: Message, became: Message, stop: str) -> None:
    """A file has the link where its sender marked a place, for who shows it in line, and no mention."""
    new = rules.text_of(became)
    assert len(new) - len(rules.text_of(was)) < new.count(stop) * (len(stop) + LABEL), "a mention in a file"


def _marked(part: Message) -> bool:
    """Return whether the part may hold a placeholder that only marks a place, and is taken out."""
    text = rules.text_of(part).casefold()
    return "footer" in text or "msys-unsub" in text


def _inserted_only(was: Message, became: Message) -> None:
    """What a person read before is there still, in one piece or with the mention in between."""
    old, new = rules.text_of(_by_the_book(was)), rules.text_of(became)
    if was.get_content_charset("utf-8").lower().startswith(("utf-16", "utf-32")):
        old = old.removeprefix("\ufeff")
    ahead = _common(old, new)
    behind = min(_common(old[::-1], new[::-1]), len(old) - ahead)
    # A final line end may have been added, or an unfinished "</" left before the mention.
    assert ahead + behind >= len(old) - 2, "the sender's words have changed"


def _by_the_book(part: Message) -> Message:
    """Return a part with the blanks around its transfer encoding left out, as RFC 2045 3 has them read.

    It is a structured field, and readers that take it as one decode; the standard library and mailparse do not know the
    encoding then, and show its code. The copy is judged by these: there the field has to be plain.
    """
    encoding = part["content-transfer-encoding"]
    if encoding is None or str(encoding) == str(encoding).strip():
        return part
    plain = copy(part)
    plain._headers = list(part._headers)
    plain.replace_header("content-transfer-encoding", str(encoding).strip())
    return plain


def _common(one: str, other: str) -> int:
    """Return the length of the longest common beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _alternatives(root: Message, told: list[Message]) -> None:
    """Whichever alternative a reader chooses has the mention; nothing told is in somebody else's message."""

    def served(part: Message) -> bool:
        if part.get_content_maintype() == "message" or not part.is_multipart():
            return any(part is other for other in told)
        inner = [(child, served(child)) for child in part.get_payload()]
        if part.get_content_type() == "multipart/alternative":
            inner = [(child, yes) for child, yes in inner if yes or child.get_content_type() != "text/calendar"]
            return bool(inner) and all(yes for _, yes in inner)
        return any(yes for _, yes in inner)

    # Elsewhere a placeholder may have become the link in one alternative, as its sender wrote it.
    assert served(root), "an alternative without the mention"
    for part in root.walk():
        if part.get_content_type() == "message/rfc822":
            assert not any(each is other for each in part.walk() for other in told), (
                "a mention inside an attached message"
            )


def _second_opinion(before: bytes, after: bytes) -> None:
    """The other parser finds the same files, byte for byte, and as many texts, one of them with the mention."""
    if _loosely_delimited(before):
        return
    try:
        was = rust.parse_email(before)
    except rust.ParseError:
        return  # it understands less than the standard library: nothing to compare
    became = rust.parse_email(after)
    files = [[(file.mimetype, file.filename) for file in mail.attachments] for mail in (was, became)]
    assert files[0] == files[1], "other files"
    for old, new in zip(was.attachments, became.attachments, strict=True):
        text = old.mimetype.partition("(")[0].strip() in TEXTS  # what it does not know to be a text, such as AMP
        assert old.content == new.content or text, "a file has changed"
    for kind in ("text_plain", "text_html"):
        old, new = getattr(was, kind), getattr(became, kind)
        assert len(old) == len(new), "other texts"


def _loosely_delimited(content: bytes) -> bool:
    """Return whether a line begins with a delimiter and goes on, which the other parser takes for the delimiter."""
    for part in email.message_from_bytes(content, policy=compat32).walk():
        if boundary := part.get_boundary():
            line = re.escape(boundary.encode("ascii", "replace"))
            if re.search(rb"(?:^|\n)--" + line + rb"(?!(?:--)?[ \t]*(?:\r\n|\Z))", content):
                return True
    return False


def _wrapped(before: bytes, after: bytes, stop: str) -> None:
    """The body came through as it was, in the second part of a mixed message whose first part is the mention."""
    body = before.partition(b"\r\n\r\n")[2]
    if not before.startswith(b"\r\n"):
        assert body in after, "the body has changed"
    message = email.message_from_bytes(after, policy=compat32)
    assert message.get_content_type() == "multipart/mixed", "not wrapped"
    mention, inner = message.get_payload()
    assert [part.get_content_type() for part in mention.get_payload()] == ["text/plain", "text/html"]
    assert all(_told(part, stop) for part in mention.get_payload()), "no mention"
    original = email.message_from_bytes(before, policy=compat32)
    assert inner.get_content_type() == original.get_content_type(), "another type inside"
