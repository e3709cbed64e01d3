"""Delivery reports: what a sender is told about the recipients of one message (RFC 3461, 3464, 6522, 6533).

Pure: values in, one message with CRLF lines out. Everything that came from outside (addresses, the tool's ENVID and
ORCPT, replies of the next hop) is cut down to one printable line before it is written, so that nobody writes fields of
their own into a report.
"""

import quopri
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Literal

from gateway.mail import headers
from gateway.text import say

Action = Literal["failed", "delayed", "relayed"]

_XCHAR = re.compile(r"\+([0-9A-F]{2})")  # RFC 3461 4
_UCHAR = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")  # RFC 6533 3
_SUBJECT_MOST = 200
LANGUAGES = ("fr", "en")


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of one recipient.

    `status` is the enhanced status code (RFC 3463) and must be of the class of `action`: 5 failed, 4 delayed, 2
    relayed. `diagnostic` is an SMTP reply; `orcpt` the parameter of RCPT, verbatim or ""; `remote` the host whose reply
    it was, "" for our own; `words` says in each language why.
    """

    recipient: str
    action: Action
    status: str
    diagnostic: str = ""
    orcpt: str = ""
    remote: str = ""
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """One report: who writes to whom, about which message.

    `original` is the message as it was handed in (CRLF lines); all of it is returned when `full`, else its header
    section (RFC 3461 4.3). `envid` is the parameter of MAIL, verbatim or "".
    """

    mta: str
    author: str
    to: str
    date: datetime
    arrived: datetime
    original: bytes
    fates: Sequence[Reported]
    envid: str = ""
    full: bool = False


def report(about: DeliveryReport) -> bytes:
    """Return the report as a whole message, to be sent from the null sender."""
    boundary = f"=_{secrets.token_hex(12)}"
    returned = about.original if about.full else about.original[: headers.parse(about.original).body_start]
    parts = (_human(about), _machine(about), _returned(returned, full=about.full))
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), part) for part in parts)
    return _head(about, boundary) + body + b"--%s--\r\n" % boundary.encode()


def _head(about: DeliveryReport, boundary: str) -> bytes:
    """RFC 3464 2 and RFC 3834: a report is `auto-replied`, so that no machine answers it."""
    first = next(iter(about.fates)).action
    subject = " / ".join(say(f"dsn.subject-{first}", lang) for lang in LANGUAGES)
    domain = about.author.rpartition("@")[2]
    fields = (
        ("From", f"{headers.phrase('Mail Delivery System')} <{about.author}>"),
        ("Subject", headers.phrase(subject)),
        ("Date", format_datetime(about.date)),
        ("Message-ID", f"<{secrets.token_hex(16)}@{domain}>"),
        ("Auto-Submitted", "auto-replied"),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/report; report-type=delivery-status; boundary="{boundary}"'),
    )
    written = b"".join(headers.line(name, value) for name, value in fields)
    return f"To: <{_line(about.to)}>\r\n".encode() + written + b"\r\n"  # To may need RFC 6532, as the return path did


def _human(about: DeliveryReport) -> bytes:
    fields = headers.parse(about.original)
    subject = _line(fields.get("subject") or "")[:_SUBJECT_MOST]
    paragraphs = []
    for lang in LANGUAGES:
        paragraphs.append(say("dsn.opening", lang, mta=about.mta, subject=subject))
        for fate in about.fates:
            said = (fate.words.get(lang, ""), _line(fate.diagnostic))
            lines = [f"  <{_line(fate.recipient)}> — {say(f'dsn.{fate.action}', lang)}"]
            paragraphs.append("\n".join([*lines, *(f"    {text}" for text in said if text)]))
        paragraphs.append(say("dsn.closing", lang))
        if lang != LANGUAGES[-1]:
            paragraphs.append("----")
    text = "\n\n".join(paragraphs) + "\n"
    head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head + quopri.encodestring(text.encode()).replace(b"\n", b"\r\n")


def _machine(about: DeliveryReport) -> bytes:
    """Return the part for machines (RFC 3464 2.1), in the form of RFC 6533 as soon as an address is outside ASCII."""
    groups = [_message_fields(about), *(_recipient_fields(fate, about.date) for fate in about.fates)]
    text = "\r\n".join("".join(f"{name}: {value}\r\n" for name, value in group) for group in groups)
    kind, data = _form("delivery-status", text.encode())
    return kind + data


def _message_fields(about: DeliveryReport) -> list[tuple[str, str]]:
    fields = [("Reporting-MTA", f"dns; {_line(about.mta)}"), ("Arrival-Date", format_datetime(about.arrived))]
    envid = decoded(about.envid)
    return [("Original-Envelope-Id", envid), *fields] if envid else fields


def _recipient_fields(fate: Reported, date: datetime) -> list[tuple[str, str]]:
    fields = []
    kind, semicolon, original = fate.orcpt.partition(";")
    if semicolon:
        said = _unicode(original) if kind.lower() == "utf-8" else decoded(original)
        fields.append(("Original-Recipient", f"{_line(kind)}; {said}"))
    recipient = _line(fate.recipient)
    fields.append(("Final-Recipient", f"{'rfc822' if recipient.isascii() else 'utf-8'}; {recipient}"))
    fields.append(("Action", fate.action))
    fields.append(("Status", fate.status))
    if fate.remote:
        fields.append(("Remote-MTA", f"dns; {_line(fate.remote)}"))
    if fate.diagnostic:
        fields.append(("Diagnostic-Code", f"smtp; {_line(fate.diagnostic)}"))
    fields.append(("Last-Attempt-Date", format_datetime(date)))
    return fields


def _returned(content: bytes, *, full: bool) -> bytes:
    plain = headers.parse(content)
    ascii_head = content[: plain.body_start].isascii()
    if full:
        kind = b"message/rfc822" if ascii_head else b"message/global"
    else:
        kind = b"text/rfc822-headers" if ascii_head else b"message/global-headers"
    encoding = b"7bit" if content.isascii() else b"8bit"
    return b"Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n%s" % (kind, encoding, content)


def _form(name: str, data: bytes) -> tuple[bytes, bytes]:
    """Return the header section of a part of the family message/…, and its data."""
    if data.isascii():
        return f"Content-Type: message/{name}\r\n\r\n".encode(), data
    return f"Content-Type: message/global-{name}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".encode(), data


def decoded(xtext: str) -> str:
    """Return what `xtext` stands for (RFC 3461 4), as one printable line; as it is written when it would be none."""
    text = _XCHAR.sub(lambda found: chr(int(found[1], 16)), xtext)
    return text if text.isprintable() else _line(xtext)


def _unicode(text: str) -> str:
    """Return what an address of type utf-8 stands for (RFC 6533 3)."""

    def character(found: re.Match[str]) -> str:
        number = int(found[1], 16)
        return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else found[0]

    spelled = _UCHAR.sub(character, decoded(text))
    return spelled if spelled.isprintable() else _line(text)


def encoded(text: str) -> str:
    """Return ASCII text as xtext (RFC 3461 4)."""
    return "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in text)


def _line(text: str) -> str:
    """Return `text` as one line of printable characters."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
