"""What a courier takes and what it says afterwards.

Contract. `Courier.hand` offers one letter to the next hop, once, and says how it went:

- `delivered`: the next hop took responsibility; it now answers for the letter (RFC 5321 6.1).
- `failed`: offering the same letter again is pointless; the sender must be told.
- `deferred`: nobody took it, or nobody can tell; the caller (flow) keeps the letter and decides when to offer it again.

Only that reply counts that concerns this letter. Trouble of the connection (name not found, refused, TLS, our own
login, silence, nonsense) is always `deferred` with 4.4.x, 4.5.x or 4.7.x, never a bounce. When the connection is lost
between the last byte of the message and the reply, the letter may have been delivered; it is deferred, says so, and
offering it again may make a duplicate (RFC 1047). A courier never retries by itself after the message was sent.

Whether the letter is still ours to send is asked at the last moment at which it can be kept here (`Letter.ours`).
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

from gateway.errors import TryLater
from gateway.mail.reply import Reply

Fate = Literal["delivered", "deferred", "failed"]


class Withdrawn(TryLater):
    """The letter is no longer ours to send: it was not sent."""


def always() -> bool:
    """Return that a letter is ours to send."""
    return True


class Letter(NamedTuple):
    """One copy for one recipient. `content` has CRLF lines only; DSN parameters are verbatim (RFC 3461) or ""."""

    sender: str  # "" is the null sender
    recipient: str
    content: bytes
    smtputf8: bool = False  # the headers need RFC 6531; an address outside ASCII needs it in any case
    notify: str = ""
    orcpt: str = ""
    envid: str = ""
    ret: str = ""
    ours: Callable[[], bool] = always


class Outcome(NamedTuple):
    """How it went, with the reply of the next hop, or one of our own in its place."""

    fate: Fate
    reply: Reply
    reports: bool = False  # the next hop took over what NOTIFY asks for (RFC 3461 5.2)


class Courier(Protocol):
    """Carries letters to one next hop."""

    async def hand(self, letter: Letter) -> Outcome:
        """Offer one letter; never raises for what the next hop does. Safe to call from many tasks at once.

        Raise `Withdrawn` when the letter was no longer ours.
        """

    async def close(self) -> None:
        """Say goodbye to the next hop; letters under way end first. No letter may be handed afterwards."""


def delivered(reply: Reply) -> Outcome:
    """Return the outcome of a letter that was taken."""
    return Outcome("delivered", reply)


def deferred(code: int, status: str, text: str) -> Outcome:
    """Return the outcome of a letter that nobody took, in our own words (printable ASCII is made of `text`)."""
    return Outcome("deferred", Reply(code, status, plain(text)))


def failed(code: int, status: str, text: str) -> Outcome:
    """Return the outcome of a letter that can never be taken, in our own words."""
    return Outcome("failed", Reply(code, status, plain(text)))


def plain(text: str, most: int = 500) -> str:
    """Return `text` as one line of printable ASCII of at most `most` characters."""
    line = " ".join(text.split())[:most]
    return line if line.isascii() and line.isprintable() else "".join(c if " " <= c <= "~" else "?" for c in line)
