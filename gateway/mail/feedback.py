"""What comes back, read: bounces (RFC 3464 and what was before), complaints (RFC 5965), machines' answers (RFC 3834).

Pure, and every input is hostile: whatever cannot be read is nothing. Who somebody is, is never taken from what is
read here but from our own tokens, which the caller opens; here they are only found.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message

from flufl.bounce import all_failures

from gateway.errors import Misuse
from gateway.mail.address import parse

# The mailbox or its domain does not exist (RFC 3463 3.2, RFC 7505): says something about the address and nothing else.
# 5.2.x (full, disabled for now), 5.7.x (policy) and 4.x.x say nothing about it, however often they come.
INVALID = frozenset({"5.1.1", "5.1.2", "5.1.6", "5.1.10"})

_TOKEN = re.compile(rb"(?<![A-Za-z0-9])[A-Za-z2-7]{53}(?![A-Za-z0-9])")
_TOKENS_MOST = 50  # of one message; each costs a decryption to try
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
# Of a report that no machine was meant to read, so much is looked at: the patterns that know such reports take time
# that grows with the square of a line.
_GUESS_MOST, _LINE_MOST = 16_384, 500
# The standard library takes a time that grows with the square of such a field; nobody honest writes one.
_HUGE = re.compile(rb"^content-[a-z-]{1,30}:(?:[^\n]|\n[ \t]){4000}", re.IGNORECASE | re.MULTILINE)
# It compares each line with the boundary of every part that the line is within, and makes an object of each part.
_BOUNDARY = re.compile(rb"boundary", re.IGNORECASE)
_COMPARED_MOST, _PARTS_MOST = 3_000_000, 5_000
_FOLD = re.compile(rb"\r?\n[ \t]+")
_SOFT = re.compile(rb"=\r?\n")


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient who did not get a copy: the addresses it may be known by (keys), status and diagnostic."""

    addresses: frozenset[str]
    status: str
    diagnostic: str = ""

    @property
    def invalid(self) -> bool:
        """Return whether the address does not exist."""
        return self.status in INVALID


@dataclass(frozen=True, slots=True)
class Complaint:
    """A feedback report: its kind in lower case (`abuse`, `opt-out`, `not-spam` …), and what may be tokens of ours.

    `tokens` come from the reported message, those in its header section first.
    """

    kind: str
    tokens: tuple[str, ...]


def read(content: bytes) -> Message | None:
    """Return the message for the functions below, or None when it cannot be read (nested without end, say)."""
    compared = content.count(b"\n") * len(_BOUNDARY.findall(content))
    if compared > _COMPARED_MOST or content.count(b"\n--") > _PARTS_MOST or _HUGE.search(content):
        return None
    try:
        return message_from_bytes(content)
    except Exception:  # noqa: BLE001, RUF100 - hostile input finds what the standard library did not think of
        return None


def failures(message: Message, content: bytes) -> tuple[Failure, ...]:
    """Return who finally did not get a copy, as far as a bounce says so; nothing for delays and other mail.

    `content` is what `message` was read from.
    """
    try:
        found = tuple(_reported(message))
        return found or tuple(_guessed(content))
    except Exception:  # noqa: BLE001, RUF100 - see `read`
        return ()


def _reported(message: Message) -> Iterator[Failure]:
    """Read delivery-status parts (RFC 3464 2.3, RFC 6533)."""
    for part in message.walk():
        if part.get_content_type() != "message/delivery-status" or not part.is_multipart():
            continue
        for group in part.get_payload():
            if not isinstance(group, Message) or not _field(group, "action").lower().startswith(("fail", "error")):
                continue
            names = (_field(group, name) for name in ("original-recipient", "final-recipient"))
            diagnostic = _field(group, "diagnostic-code")
            status = _field(group, "status")
            yield Failure(frozenset(_keys(names)), _exact(status, diagnostic), diagnostic[:500])


def _exact(status: str, diagnostic: str) -> str:
    """Return the status; that of the diagnostic when the status itself says nothing in particular."""
    said = _STATUS.search(status)
    if said and not said[1].endswith(".0.0"):
        return said[1]
    more = _STATUS.search(diagnostic)
    return more[1] if more else said[1] if said else ""


def _guessed(content: bytes) -> Iterator[Failure]:
    """Read what is no delivery-status report as Mailman does; a status then has to stand in its words."""
    lines = content[:_GUESS_MOST].split(b"\n")
    message = message_from_bytes(b"\n".join(line[:_LINE_MOST] for line in lines))
    if "@" not in _field(message, "from"):
        return  # no server sends such; and the patterns stumble over it
    _, permanent = all_failures(message)
    if not permanent:
        return
    text = next((_text(part) for part in message.walk() if part.get_content_maintype() == "text"), "")
    status = _STATUS.search(text)
    names = (address.decode("ascii", "replace") for address in permanent)
    yield Failure(frozenset(_keys(names)), status[1] if status else "")


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _field(part: Message, name: str) -> str:
    return " ".join(str(part.get(name, "")).split())


def _keys(names: Iterator[str]) -> Iterator[str]:
    """Yield the keys of the addresses among `names`, each written as "rfc822; address" or bare."""
    for name in names:
        text = name.rpartition(";")[2].strip().strip("<>")
        if text:
            try:
                yield parse(text).key
            except Misuse:
                continue


def complaint(message: Message) -> Complaint | None:
    """Return the feedback report that the message is (RFC 5965), or None."""
    try:
        return _complaint(message)
    except Exception:  # noqa: BLE001, RUF100 - see `read`
        return None


def _complaint(message: Message) -> Complaint | None:
    report = message.get_param("report-type", "")
    if message.get_content_type() != "multipart/report" or str(report).lower() != "feedback-report":
        return None
    parts = message.get_payload()
    machine, reported = None, None
    for part in parts if isinstance(parts, list) else []:
        if not isinstance(part, Message):
            continue
        if part.get_content_type() == "message/feedback-report":
            machine = machine or part.as_bytes()
        elif part.get_content_type() in {"message/rfc822", "message/global", "text/rfc822-headers"}:
            reported = reported or part.as_bytes()
    if machine is None:
        return None
    kind = re.search(rb"^feedback-type[ \t]*:[ \t]*([A-Za-z-]{1,40})", machine, re.IGNORECASE | re.MULTILINE)
    if kind is None:
        return None
    return Complaint(kind[1].decode("ascii").lower(), tuple(_tokens(reported or b"", machine)))


def _tokens(reported: bytes, machine: bytes) -> Iterator[str]:
    """Yield what may be tokens: of the reported header section, then its body, then the fields of the report."""
    seen: set[bytes] = set()
    for text in (_FOLD.sub(b" ", reported), _FOLD.sub(b" ", _SOFT.sub(b"", reported)), machine):
        for found in _TOKEN.finditer(text):
            if found[0] not in seen and len(seen) < _TOKENS_MOST:
                seen.add(found[0])
                yield found[0].decode("ascii")


def automatic(message: Message) -> bool:
    """Return whether a machine wrote it, so that no machine may answer it (RFC 3834 2)."""
    submitted = _field(message, "auto-submitted").partition(";")[0].strip().lower()
    bulk = _field(message, "precedence").lower() in {"bulk", "list", "junk"}
    return submitted not in {"", "no"} or bulk or message.get("list-id") is not None


def message_id(message: Message) -> str:
    """Return the Message-ID with its brackets, or "" when there is none fit to be repeated."""
    found = re.fullmatch(r"<[!-;=?-~]{1,200}>", _field(message, "message-id"))
    return found[0] if found else ""
