"""A letter as commands, for what one next hop offers; pure."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from gateway.courier.courier import Letter, Outcome, failed
from gateway.mail.lines import even, stuffed

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_PARAMETER = re.compile(r"[!-~\x80-\U0010ffff]*")


class Envelope(NamedTuple):
    """The commands of one transaction, without CRLF, and what follows DATA: the message, and the end of it."""

    mail: bytes
    rcpt: bytes
    body: bytes
    end: bytes


def check(letter: Letter) -> Outcome | None:
    """Return why a letter can go nowhere, or None. Nothing that could smuggle a command or a message ever leaves."""
    for address in (letter.sender, letter.recipient):
        if not _is_plain(address) and (_CONTROLS.search(address) or not _encodable(address)):
            return failed(553, "5.1.3", "an address has control characters")
    if not letter.recipient:
        return failed(553, "5.1.3", "there is no recipient")
    for parameter in (letter.notify, letter.orcpt, letter.envid, letter.ret):
        if parameter and not (_PARAMETER.fullmatch(parameter) and _encodable(parameter)):
            return failed(554, "5.5.4", "a delivery status parameter is malformed")
    if not even(letter.content):
        return failed(554, "5.6.0", "the message has bare CR or bare LF")
    return None


def seal(letter: Letter, offers: Mapping[str, str]) -> Envelope | Outcome:
    """Return the commands for a next hop with those EHLO keywords (lower case), or why it cannot take the letter."""
    utf8 = letter.smtputf8 or not (letter.sender.isascii() and letter.recipient.isascii())
    if utf8 and "smtputf8" not in offers:
        return failed(553, "5.6.7", "the next hop does not offer SMTPUTF8, which this letter needs")
    eight_bit = not letter.content.isascii()
    if eight_bit and "8bitmime" not in offers:
        return failed(554, "5.6.3", "the next hop does not offer 8BITMIME, which this letter needs")
    most = offers.get("size", "")
    if most.isdigit() and 0 < int(most) < len(letter.content):
        return failed(552, "5.3.4", f"the next hop takes {most} bytes at most")
    mail = [f"MAIL FROM:<{letter.sender}>"]
    rcpt = [f"RCPT TO:<{letter.recipient}>"]
    if "size" in offers:
        mail.append(f"SIZE={len(letter.content)}")
    if eight_bit:
        mail.append("BODY=8BITMIME")
    if utf8:
        mail.append("SMTPUTF8")
    if "dsn" in offers:
        mail += [f"{name}={value}" for name, value in (("RET", letter.ret), ("ENVID", letter.envid)) if value]
        rcpt += [f"{name}={value}" for name, value in (("NOTIFY", letter.notify), ("ORCPT", letter.orcpt)) if value]
    body = stuffed(letter.content)
    end = b".\r\n" if body.endswith(b"\r\n") or not body else b"\r\n.\r\n"
    return Envelope(" ".join(mail).encode(), " ".join(rcpt).encode(), body, end)


def _is_plain(text: str) -> bool:
    """Return whether `text` is printable ASCII, as most addresses are."""
    return text.isascii() and text.isprintable()


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
