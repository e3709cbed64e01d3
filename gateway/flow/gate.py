"""What the door asks of the house: four questions of one SMTP session, each answered with a reply.

The contract. `Gate.message` answers 250 only after everything needed to deliver is durable; any other answer means that
nothing was kept. Methods raise `errors.TryLater` when something needed cannot be reached (the door says 451 4.3.0);
any other exception is a bug and is answered 451 4.3.0 with a reference.
"""

from dataclasses import dataclass, field
from typing import Protocol

from gateway.flow.facts import Case
from gateway.mail.address import Address
from gateway.mail.reply import Reply
from gateway.store.tables import Account


@dataclass(frozen=True, slots=True)
class Login:
    """A tool that proved who it is.

    `list` is the name given as `user+list`, None when none was given; `domains` are those it may write from
    (lower-case A-labels, with everything below them).
    """

    account: Account
    list: str | None = None
    domains: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Recipient:
    """One accepted RCPT with its delivery status parameters (RFC 3461), verbatim or "".

    `case` is what was read about the person when RCPT was answered, None when it was not asked then.
    """

    address: Address
    notify: str = ""
    orcpt: str = ""
    case: Case | None = None


@dataclass(slots=True)
class Draft:
    """One mail transaction in the making (RFC 5321 3.3)."""

    login: Login
    mail_from: str  # "" is the null sender
    smtputf8: bool = False
    eight_bit: bool = False
    envid: str = ""
    ret: str = ""
    recipients: list[Recipient] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is on the line, for the Received field."""

    helo: str
    address: str
    protocol: str  # ESMTP, ESMTPS, ESMTPA, ESMTPSA, UTF8SMTPSA … (RFC 3848, RFC 6531)


class Gate(Protocol):
    """The door's view of `flow.accept`."""

    async def login(self, username: str, password: bytes) -> Login | None:
        """Return the login, or None when name or password are wrong or the account is disabled."""

    async def sender(self, draft: Draft) -> Reply:
        """Answer MAIL: whether this login may send as `draft.mail_from`."""

    async def recipient(self, draft: Draft, address: Address, notify: str, orcpt: str) -> Reply:
        """Answer RCPT; when the reply is positive the recipient has been added to the draft."""

    async def message(self, draft: Draft, content: bytes, peer: Peer) -> Reply:
        """Answer the end of DATA for the whole message (CRLF lines, dots already unstuffed)."""
