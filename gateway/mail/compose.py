"""Messages that the gateway itself writes: one list of paragraphs becomes a text and an HTML body (RFC 5322, RFC 2046).

Both bodies say the same, because they are made of the same paragraphs. Everything is quoted-printable, so that any next
hop takes it. What comes from people is put on one line and escaped: nobody can add a header field, markup or a line.
"""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.header import Header
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from typing import Literal

from gateway.mail.address import parse
from gateway.text import local

_SPACES = "\u00a0\u202f"  # French typography; `str.isprintable` says no to them
_BODY = "margin:0;padding:24px 16px;font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:1.5"
_BUTTON = (
    "display:inline-block;padding:12px 20px;border-radius:6px;background-color:#0b4fa8;color:#ffffff;"
    "font-weight:bold;text-decoration:none"
)


@dataclass(frozen=True, slots=True)
class Button:
    """A link that stands on a line of its own."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Head:
    """The header fields. Names and subject are plain text in any script, addresses as `mail.address` spells them.

    `message_id` and `in_reply_to` come with their angle brackets. `automatic` is the value of Auto-Submitted (RFC 3834,
    5): "auto-replied" to answer a message, "auto-generated" for any other letter that no person sent; "" for none.
    """

    author: str
    author_name: str
    to: str
    subject: str
    date: datetime
    message_id: str
    lang: str
    reply_to: str = ""
    in_reply_to: str = ""
    automatic: Literal["", "auto-generated", "auto-replied"] = "auto-generated"


def compose(head: Head, body: Sequence[str | Button]) -> bytes:
    """Return the message with CRLF lines; seven-bit, unless an address needs SMTPUTF8 (RFC 6531).

    Raises `errors.Misuse` for what is no address, ValueError for what is no Message-ID.
    """
    bodies = EmailMessage(policy=policy.SMTP)
    bodies.set_content(text_of(body), cte="quoted-printable")
    bodies.add_alternative(html_of(body, _line(head.subject), head.lang), subtype="html", cte="quoted-printable")
    fields = "".join(f"{name}: {value}\r\n" for name, value in _fields(head) if value)
    return fields.encode() + bodies.as_bytes()


def _fields(head: Head) -> list[tuple[str, str]]:
    """Return names and values; "" where there is nothing to say.

    Written out here, as the standard library loses the quotes of a long display name when it folds.
    """
    return [
        ("From", _mailbox(head.author, head.author_name)),
        ("To", _mailbox(head.to)),
        ("Reply-To", _mailbox(head.reply_to) if head.reply_to and head.reply_to != head.author else ""),
        ("Subject", _encoded(_line(head.subject), "Subject")),
        ("Date", format_datetime(head.date)),
        ("Message-ID", _identity(head.message_id)),
        ("In-Reply-To", _identity(head.in_reply_to)),
        ("References", _identity(head.in_reply_to)),
        ("Auto-Submitted", head.automatic),
        ("Content-Language", head.lang),
    ]


def _mailbox(spelled: str, name: str = "") -> str:
    name, address = _line(name), parse(spelled).spelled
    if not name:
        return f"<{address}>"
    if name.isascii() and "=?" not in name:
        quoted = re.sub(r'(["\\])', r"\\\1", name)
        return f'"{quoted}" <{address}>'
    return f"{_encoded(name, 'From')} <{address}>"


def _encoded(value: str, field: str) -> str:
    """Return the value as RFC 2047 wants it, in lines of at most 76."""
    if value.isascii() and len(value) < 60 and "=?" not in value:
        return value
    return Header(value, "utf-8", header_name=field).encode(linesep="\r\n")


def _identity(message_id: str) -> str:
    if not re.fullmatch(r"(<[!-;=?-~]+>)?", message_id):
        raise ValueError(f"{message_id[:80]!r} is no Message-ID")
    return message_id


def text_of(body: Sequence[str | Button]) -> str:
    """Return the paragraphs in lines of at most 72, a link on its own line however long."""
    return "\n\n".join(_text(block) for block in body) + "\n"


def html_of(body: Sequence[str | Button], title: str, lang: str) -> str:
    """Return the paragraphs as a document without colours of its own, so that a dark reader stays dark."""
    return "\n".join(
        [
            f'<!DOCTYPE html>\n<html lang="{escape(lang)}" dir="{local.direction(lang)}">\n<head>',
            '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">',
            '<meta name="color-scheme" content="light dark">',
            f'<title>{escape(title)}</title>\n</head>\n<body style="{_BODY}">',
            '<div style="max-width:34em;margin:0 auto">',
            *(_html(block) for block in body),
            "</div>\n</body>\n</html>\n",
        ]
    )


def _text(block: str | Button) -> str:
    if isinstance(block, Button):
        return f"{_wrapped(block.label)}\n<{block.url}>"
    return _wrapped(block)


def _wrapped(paragraph: str) -> str:
    return textwrap.fill(_line(paragraph), 72, break_long_words=False, break_on_hyphens=False)


def _html(block: str | Button) -> str:
    if isinstance(block, Button):
        label = escape(_line(block.label))
        return f'<p style="margin:24px 0"><a href="{escape(block.url)}" style="{_BUTTON}">{label}</a></p>'
    return f'<p style="margin:0 0 16px">{escape(_line(block))}</p>'


def _line(value: str) -> str:
    """Return `value` on one line, without what is not printed: controls, marks that turn the direction."""
    kept = [character if character.isprintable() or character in _SPACES else " " for character in value]
    return " ".join("".join(kept).split(" ")).strip()
