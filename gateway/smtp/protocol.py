"""The commands of a submission server (RFC 6409) on aiosmtpd; what they mean is asked of the handler."""

# ruff: noqa: N802 (aiosmtpd finds these methods by their names)

import asyncio
import ipaddress
import re
from typing import ClassVar

from aiosmtpd.smtp import MISSING

from gateway import journal
from gateway.mail.reply import Reply
from gateway.smtp import params
from gateway.smtp.connection import Connection
from gateway.smtp.wire import Flaw, Taken

_PATIENCE = 2.0  # seconds; see Wire.message
_HELO_UNFIT = re.compile(r"[^A-Za-z0-9._:\[\]-]")
_HELO_MOST = 255


class Dialog(Connection):
    """Submission only: nothing is taken from anybody who has not logged in.

    What comes from aiosmtpd and stays unused: its parsing of MAIL and RCPT (parameters in upper case, none for RCPT),
    its DATA (line by line), its STARTTLS (private parts of asyncio) and the replies without enhanced status.
    """

    OFFERS: ClassVar[tuple[str, ...]] = ("8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES", "DSN")
    ABOUT = "this is a submission server, RFC 6409; see the manual of consentgate"

    # Greetings.

    async def smtp_HELO(self, hostname: str) -> None:
        """RFC 5321 4.1.1.1."""
        if await self._greeted(hostname, extended=False):
            await self.push(f"250 {self.hostname}")

    async def smtp_EHLO(self, hostname: str) -> None:
        """RFC 5321 4.1.1.1; the keywords of docs/reference."""
        if not await self._greeted(hostname, extended=True):
            return
        offers = [self.hostname, f"SIZE {self.options.max_size}", *self.OFFERS]
        if self.house.tls and not self.session.secure:
            offers.append("STARTTLS")
        if self._may_login:
            offers.append("AUTH PLAIN LOGIN")
        offers.append("HELP")
        for offer in offers[:-1]:
            await self.push(f"250-{offer}")
        await self.push(f"250 {offers[-1]}")

    async def _greeted(self, hostname: str, *, extended: bool) -> bool:
        if not hostname:
            await self.protest("501 5.5.4 say who you are")
            return False
        self.forget()
        self.session.extended_smtp = extended
        self.session.host_name = _HELO_UNFIT.sub("-", hostname)[:_HELO_MOST]
        return True

    @property
    def _may_login(self) -> bool:
        """Return whether a password is safe on this line."""
        return self.session.secure or is_loopback(self.host)

    # TLS and login.

    async def smtp_STARTTLS(self, arg: str) -> None:
        """RFC 3207: afterwards nothing counts that was said before, and nothing that was sent in advance."""
        if arg:
            await self.protest("501 5.5.4 STARTTLS takes no argument")
        elif self.session.secure:
            await self.protest("503 5.5.1 TLS is already in use")
        elif self.house.tls is None:
            await self.protest("502 5.5.1 TLS is not available")
        else:
            await self.push("220 2.0.0 go ahead")
            await self.flush()
            if injected := self.wire.discard():
                journal.warn("smtp.injection", host=self.host, bytes=injected)
            await self._encrypt(self.house.tls)

    async def smtp_AUTH(self, arg: str) -> None:
        """RFC 4954."""
        words = arg.split()
        if not self.session.extended_smtp:
            await self.protest("503 5.5.1 say EHLO first")
        elif self.session.login is not None:
            await self.protest("503 5.5.1 already logged in")
        elif not self._may_login:
            await self.protest("538 5.7.11 encryption required, use STARTTLS first")
        elif not 1 <= len(words) <= 2:
            await self.protest("501 5.5.4 AUTH takes a mechanism and perhaps an initial response")
        elif (method := self._auth_methods.get(words[0].upper())) is None:
            await self.protest("504 5.5.4 mechanism not known here")
        else:
            await method.method(self, words)

    # The transaction.

    async def smtp_MAIL(self, arg: str) -> None:
        """RFC 5321 4.1.1.2."""
        if await self._shut():
            return
        envelope = self.envelope
        if envelope.draft is not None:
            if envelope.draft.recipients or not envelope.asked:
                await self.protest("503 5.5.1 a transaction is open, use RSET")
                return
            # All its recipients were refused. Many tools go on with the next MAIL then, without RSET.
            self.forget()
        try:
            wanted = params.mail(arg)
        except params.Refused as problem:
            await self.protest(str(problem.reply))
            return
        if wanted.size > self.options.max_size:
            await self.push("552 5.3.4 message too big")
            return
        await self.push(await self._call_handler_hook("MAIL", wanted))

    async def smtp_RCPT(self, arg: str) -> None:
        """RFC 5321 4.1.1.3."""
        if await self._shut():
            return
        envelope = self.envelope
        if envelope.draft is None:
            await self.protest("503 5.5.1 MAIL first")
            return
        if len(envelope.draft.recipients) >= self.options.max_recipients:
            await self.push("452 4.5.3 too many recipients, send the others in another transaction")
            return
        envelope.asked += 1
        try:
            wanted = params.rcpt(arg)
        except params.Refused as problem:
            await self.protest(str(problem.reply))
            return
        await self._answer_rcpt(await self._call_handler_hook("RCPT", wanted))

    async def _answer_rcpt(self, reply: Reply) -> None:
        await self.push(reply)

    async def smtp_DATA(self, arg: str) -> None:
        """RFC 5321 4.1.1.4."""
        if await self._shut():
            return
        draft = self.envelope.draft
        if arg:
            await self.protest("501 5.5.4 DATA takes no argument")
        elif draft is None:
            await self.protest("503 5.5.1 MAIL first")
        elif not draft.recipients:
            await self.push("554 5.5.1 no valid recipients" if self.envelope.asked else "503 5.5.1 RCPT first")
        else:
            await self.push("354 end with <CRLF>.<CRLF>")
            try:
                await self._take()
            finally:
                self.forget()

    _message_timer: asyncio.TimerHandle

    async def _take(self) -> None:
        most = self.options.max_size
        self._time_message()
        with self.house.room.share(most) as share:
            try:
                taken = await self.wire.message(most, _PATIENCE, share)
            finally:
                self._message_timer.cancel()
            await self._answer(taken)

    def _time_message(self) -> None:
        self._message_timer = self.loop.call_later(self.options.message_timeout, self._message_cb)

    def _message_cb(self) -> None:
        if self.wire.queued:
            self._time_message()
            return
        journal.warn("smtp.slow", host=self.host, account=self.account)
        self.wire.interrupt("421 4.4.2 the message takes too long")

    async def _answer(self, taken: Taken) -> None:
        if taken.flaw is Flaw.NEWLINE:
            journal.warn("smtp.newline", host=self.host, account=self.account)
            await self.hang_up("554 5.6.0 bare CR or LF in the message; lines end with CR LF")
        elif taken.flaw is Flaw.SIZE:
            journal.warn("smtp.size", host=self.host, account=self.account, ended=taken.ended)
            too_big = "552 5.3.4 message too big"
            await (self.push(too_big) if taken.ended else self.hang_up(too_big))
        elif b"\0" in taken.content:
            journal.warn("smtp.nul", host=self.host, account=self.account)
            await self.push("554 5.6.0 NUL in the message")
        else:
            reply = await self._call_handler_hook("DATA", taken.content)
            self.chatter = 0 if reply.ok else self.chatter
            await self.push(reply)

    async def _shut(self) -> bool:
        """Answer whoever has not logged in; return whether that was the case."""
        if self.session.login is not None:
            return False
        if not self.session.host_name:
            await self.protest("503 5.5.1 say EHLO first")
        elif self._may_login:
            await self.protest("530 5.7.0 Authentication required")
        else:
            await self.protest("530 5.7.0 Authentication required, use STARTTLS first")
        return True

    # The others.

    async def smtp_RSET(self, arg: str) -> None:
        """RFC 5321 4.1.1.5."""
        if arg:
            await self.protest("501 5.5.4 RSET takes no argument")
            return
        self.forget()
        await self.push("250 2.0.0 forgotten")

    async def smtp_NOOP(self, _arg: str) -> None:
        """RFC 5321 4.1.1.9."""
        await self.push("250 2.0.0 here")

    async def smtp_HELP(self, _arg: str) -> None:
        """RFC 5321 4.1.1.8."""
        await self.push(f"214 2.0.0 {self.ABOUT}")

    async def smtp_VRFY(self, arg: str) -> None:
        """RFC 5321 4.1.1.6: says nothing about anybody."""
        if not await self._shut():
            await (self.push("252 2.5.0 will not say, send and see") if arg else self.protest("501 5.5.4 whom?"))

    async def smtp_EXPN(self, _arg: str) -> None:
        """RFC 5321 4.1.1.7: says nothing about any list."""
        if not await self._shut():
            await self.push("502 5.5.1 EXPN is not offered")

    async def smtp_QUIT(self, _arg: str) -> None:
        """RFC 5321 4.1.1.10."""
        await self.push("221 2.0.0 goodbye")
        self._open = False

    async def _call_handler_hook(self, command: str, *args: object) -> Reply:
        """Ask the handler; aiosmtpd would answer 250 by itself where a hook is missing."""
        status = await super()._call_handler_hook(command, *args)
        if status is MISSING or not isinstance(status, Reply):
            raise TypeError(f"handle_{command} is missing or gave no reply")
        return status


def is_loopback(host: str) -> bool:
    """Return whether a peer's address is this machine itself."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
