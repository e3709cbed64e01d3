"""The door for what comes back: bounces, complaints and opt-outs by mail; no login, no relaying, nothing else.

The same connection, wire and commands as the door for tools (RFC 5321, STARTTLS included); who may write to whom is
`flow.inbound`'s to say. Every recipient that is none of ours counts as an error, and too many errors end the session:
nobody tries tokens here.
"""

# ruff: noqa: ARG002, N802 (aiosmtpd finds these methods by their names and gives each the same arguments)

import asyncio
from typing import ClassVar

from gateway.flow.inbound import Inbox, Incoming
from gateway.mail.address import Address
from gateway.mail.reply import Reply
from gateway.smtp.connection import Talk, Transaction
from gateway.smtp.handler import address_in, answer, sender_in
from gateway.smtp.options import SmtpOptions
from gateway.smtp.params import MailArgument, RcptArgument
from gateway.smtp.protocol import Dialog
from gateway.smtp.server import Door

HOOKS = frozenset({"handle_MAIL", "handle_RCPT", "handle_DATA", "handle_exception"})
NOBODY = Reply(550, "5.1.1", "nobody of that name is here")
ELSEWHERE = Reply(550, "5.7.1", "relaying is not offered")


class InboundDialog(Dialog):
    """Mail for us from anybody."""

    OFFERS: ClassVar[tuple[str, ...]] = ("8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES")
    ABOUT = "this takes bounces, complaints and opt-outs, see the manual of consentgate"

    @property
    def _may_login(self) -> bool:
        return False

    def _login_cb(self) -> None:
        """Let nobody be sent away for not logging in."""

    async def smtp_AUTH(self, arg: str) -> None:
        """Say that there is no login here."""
        await self.protest("502 5.5.1 AUTH is not offered")

    async def _shut(self) -> bool:
        if self.session.host_name:
            return False
        await self.protest("503 5.5.1 say EHLO first")
        return True

    async def _answer_rcpt(self, reply: Reply) -> None:
        await (self.protest(str(reply)) if reply.code == 550 else self.push(reply))


class InboundHandler:
    """Translates commands into questions to the inbox."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_MAIL(
        self, server: InboundDialog, talk: Talk, transaction: Transaction, wanted: MailArgument
    ) -> Reply:
        """Begin: anybody may write to us."""
        sender = sender_in(wanted)
        if isinstance(sender, Reply):
            return sender
        transaction.draft = Incoming(sender)
        return Reply(250, "2.1.0", "Sender ok")

    async def handle_RCPT(
        self, server: InboundDialog, talk: Talk, transaction: Transaction, wanted: RcptArgument
    ) -> Reply:
        """Take what is addressed to us."""
        incoming = transaction.draft
        assert isinstance(incoming, Incoming)  # noqa: S101 (handle_MAIL has made it)
        if wanted.path.lower() == "postmaster":  # RFC 5321 4.1.1.3: valid without a domain
            found: Address | Reply = Address("postmaster", self._inbox.domain)
        else:
            found = address_in(wanted.path, "5.1.3", smtputf8=True)
        if isinstance(found, Reply):
            return NOBODY
        target = self._inbox.target(found)
        if target is None:
            return NOBODY if found.domain == self._inbox.domain else ELSEWHERE
        incoming.recipients.append(target)
        return Reply(250, "2.1.5", "Recipient ok")

    async def handle_DATA(self, server: InboundDialog, talk: Talk, transaction: Transaction, content: bytes) -> Reply:
        """Do what the message is for; 250 only once that is durable and in force."""
        incoming = transaction.draft
        assert isinstance(incoming, Incoming)  # noqa: S101 (handle_MAIL has made it)
        peer = f"{talk.host_name} ({server.host})"
        loop = asyncio.get_running_loop()
        taken = await loop.run_in_executor(self._inbox.pool, self._inbox.take, incoming, content, peer)
        return Reply(250, "2.0.0", "Ok: done") if taken else Reply(554, "5.6.0", "this message cannot be read")

    async def handle_exception(self, error: Exception) -> str:
        """Answer for what went wrong inside: try again later, and for a bug where in the log to look."""
        return answer(error)


async def start_inbound(inbox: Inbox, options: SmtpOptions) -> Door:
    """Open the door for what comes back: return it listening; raises as `server.start` does."""
    door = Door(InboundHandler(inbox), options, InboundDialog, HOOKS)
    await door.listen()
    return door
