"""One connection: its bytes, its end, its time; what is said on it is in `smtp.protocol`.

aiosmtpd brings the session, the table of commands and the hooks. Its loop over command lines is replaced, because it
takes bare LF for the end of a line, cancels a message under way when the client leaves (the message could be kept
without anyone knowing), lets its timer run while we work, and sends each reply in a packet of its own.
"""

import asyncio
import ssl
from collections.abc import Sized
from typing import ClassVar, cast
from typing import Protocol as Interface

from aiosmtpd.smtp import SMTP, Envelope, Session

from gateway import journal
from gateway.flow.gate import Login
from gateway.flow.room import Room
from gateway.mail.reply import Reply
from gateway.smtp.guard import Guard
from gateway.smtp.options import SmtpOptions
from gateway.smtp.wire import BadLine, Gone, Interrupted, Wire

_FLUSH_AT = 16_384  # bytes of replies to pipelined commands that are kept back at most
_LINGER = 2.0  # seconds in which a client that is shown the door may read why
_LIMITS = {"MAIL": 1280, "RCPT": 1280, "AUTH": 12_288}  # with the parameters' share (RFC 3461 5, RFC 4954 4)
_LIMIT = 512  # RFC 5321 4.5.3.1.4
_CHATTER = frozenset({"EHLO", "HELO", "NOOP", "HELP", "VRFY", "EXPN", "RSET"})  # what brings no message nearer
_WEB_METHODS = frozenset({"CONNECT", "GET", "POST", "PUT", "OPTIONS"})


class Talk(Session):
    """What is known of a client since its last greeting."""

    login: Login | None = None
    secure: bool = False


class Begun(Interface):
    """A transaction in the making (`flow.gate.Draft`, `flow.inbound.Incoming`)."""

    @property
    def recipients(self) -> Sized:
        """The recipients accepted so far."""


class Transaction(Envelope):
    """What MAIL began and DATA ends."""

    draft: Begun | None = None
    asked: int = 0  # RCPT commands so far


class House(Interface):
    """What connections share (`smtp.server.Door`)."""

    options: SmtpOptions
    guard: Guard
    room: Room
    closing: bool
    tls: ssl.SSLContext | None

    def enter(self, connection: "Connection", host: str) -> Reply | None:
        """Count a new connection; return the reply that turns it away, or None."""

    def leave(self, connection: "Connection", host: str) -> None:
        """Forget a connection."""

    def crowded(self, account: str) -> bool:
        """Return whether an account has as many sessions as it may."""


class Connection(SMTP):
    """The transport side of aiosmtpd's protocol."""

    session: Talk
    envelope: Transaction
    _names: ClassVar[list[str]] = []

    def __init__(self, handler: object, house: House, loop: asyncio.AbstractEventLoop, *, secure: bool) -> None:
        options = house.options
        super().__init__(
            handler,
            hostname=options.hostname,
            data_size_limit=options.max_size,
            enable_SMTPUTF8=True,
            timeout=options.idle_timeout,
            loop=loop,
        )
        self.house = house
        self.options = options
        self.wire = Wire(loop, self.flush)
        self.host = ""
        self.failed_logins = 0
        self.chatter = 0
        self._secure = secure
        self._errors = 0
        self._last_error = ""
        self._login_timer: asyncio.TimerHandle | None = None
        self._open = True
        self._linger = False
        self._clogged = False  # the client does not read what we send
        self._replies: list[bytes] = []
        self._replies_size = 0

    def __init_subclass__(cls) -> None:
        """Find the commands once."""
        super().__init_subclass__()
        cls._names = [name for name in dir(cls) if name.startswith(("smtp_", "auth_"))]

    def __dir__(self) -> list[str]:
        """Name the commands and mechanisms only.

        For every connection aiosmtpd looks through all attributes to find these, which took longer than a message.
        """
        return self._names

    def _create_session(self) -> Talk:
        talk = Talk(self.loop)
        talk.secure = self._secure
        return talk

    def _create_envelope(self) -> Transaction:
        return Transaction()

    @property
    def in_transaction(self) -> bool:
        """Return whether MAIL was accepted and DATA has not ended."""
        return self.envelope.draft is not None

    @property
    def account(self) -> str:
        """Return the login's name for the log, "" before login."""
        return self.session.login.account.login if self.session.login else ""

    # What the event loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; aiosmtpd starts `_handle_client`."""
        self.wire.transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.host = str(peer[0]) if peer else ""
        if self._login_timer is None:  # STARTTLS comes here again
            self._login_timer = self.loop.call_later(self.options.login_timeout, self._login_cb)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Feed our own buffer instead of the StreamReader's."""
        self.wire.feed(data)

    def eof_received(self) -> bool:
        """Let the commands already sent be answered; TLS cannot be half closed."""
        self.wire.feed_eof()
        return not self._secure

    def pause_writing(self) -> None:
        """Let replies wait from now on."""
        super().pause_writing()
        self._clogged = True

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self._clogged = False

    def connection_lost(self, error: Exception | None) -> None:
        """End the wait for the client. What is under way ends by itself: aiosmtpd's own method would cancel it."""
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        if self._login_timer is not None:
            self._login_timer.cancel()
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self.transport = self.wire.transport = None
        self._open = False
        self.wire.feed_eof()

    def _timeout_cb(self) -> None:
        """Look whether the client has been silent for too long; our own work does not count."""
        since = self.wire.waiting_since
        left = self.options.idle_timeout
        if since is not None:
            left += since - self.loop.time()
        if left > 0:
            self._reset_timeout(left)
        else:
            self.wire.interrupt("421 4.4.2 idle for too long")
            self._reset_timeout()

    def _login_cb(self) -> None:
        """Send away who has not logged in by now: such a connection costs its owner nothing, and us a place."""
        if self.session.login is None:
            journal.warn("smtp.nobody", host=self.host)
            self.wire.interrupt("421 4.7.0 nobody has logged in for too long")

    def close_when_idle(self) -> None:
        """End the session now if no transaction is open; otherwise the loop will, after it."""
        if not self.in_transaction and self.wire.waiting_since is not None:
            self.wire.interrupt("421 4.3.2 closing for now, try again in a moment")

    def cut(self) -> None:
        """End the session without waiting for anybody."""
        if self.wire.transport is not None:
            self.wire.transport.abort()

    def forget(self) -> None:
        """End the transaction, whatever came of it."""
        self.envelope = Transaction()

    async def _encrypt(self, context: ssl.SSLContext) -> None:
        """Go over to TLS (RFC 3207 4.2: as if the connection had just begun)."""
        try:
            await self._writer.start_tls(context, ssl_handshake_timeout=self.options.handshake_timeout)
        except (OSError, TimeoutError) as problem:  # ssl.SSLError is an OSError
            journal.warn("smtp.tls", host=self.host, error=type(problem).__name__)
            raise Gone from problem
        self.transport = self.wire.transport = cast("asyncio.Transport", self._writer.transport)
        self._secure = True
        self.forget()
        peer, self.session = self.session.peer, self._create_session()
        self.session.peer = peer

    # What goes out.

    async def push(self, status: str | bytes | Reply) -> None:
        """Send one reply line, together with those of the other commands that already lie here."""
        line = status if isinstance(status, bytes) else str(status).encode("ascii", "replace")
        if b"\r" in line or b"\n" in line:
            line = b" ".join(line.split())
        self._replies.append(line)
        self._replies_size += len(line)
        if self._replies_size > _FLUSH_AT:
            await self.flush()

    async def flush(self) -> None:
        """Send what waits; waits itself while the client does not read."""
        if self._replies:
            self._replies.append(b"")
            data = b"\r\n".join(self._replies)
            self._replies.clear()
            self._replies_size = 0
            self._writer.write(data)
            if self._clogged:
                since = self.wire.waiting_since
                self.wire.waiting_since = since or self.loop.time()  # a client that does not read is idle too
                try:
                    await self._writer.drain()
                finally:
                    self.wire.waiting_since = since

    async def protest(self, reply: str) -> None:
        """Refuse a command that breaks the protocol; too many of them end the session."""
        self._errors, self._last_error = self._errors + 1, reply
        if self._errors < self.options.max_errors:
            await self.push(reply)
        else:
            await self.hang_up("421 4.7.0 too many errors")

    async def _chatters(self) -> bool:
        """Count a command that leads to nothing; end the session at too many, and return whether it has."""
        self.chatter += 1
        if self.chatter <= self.options.max_chatter:
            return False
        journal.warn("smtp.chatter", host=self.host, account=self.account)
        await self.hang_up("421 4.7.0 too many commands and no message")
        return True

    async def hang_up(self, reply: str | Reply) -> None:
        """Say why and end the session; what the client sends from now on is never looked at."""
        await self.push(reply)
        self._open = False
        self._linger = True

    # The session.

    async def _handle_client(self) -> None:
        turned_away = self.house.enter(self, self.host)
        try:
            await (self.hang_up(turned_away) if turned_away else self._serve())
            await self._part()
        except (Gone, OSError):
            pass
        except Exception as error:
            journal.fault("smtp.fault", error, host=self.host)
        finally:
            if self._errors:  # once a session, however many there were
                account = self.account
                journal.warn("smtp.errors", host=self.host, account=account, errors=self._errors, last=self._last_error)
            self.house.leave(self, self.host)
            if self.wire.transport is not None:
                self.wire.transport.close()

    async def _serve(self) -> None:
        await self.push(f"220 {self.hostname} ESMTP consentgate")
        try:
            while self._open:
                if self.house.closing and not self.in_transaction:
                    await self.hang_up("421 4.3.2 closing for now, try again in a moment")
                    break
                try:
                    line = await self.wire.line(_LIMITS["AUTH"])
                except BadLine as problem:
                    await self.protest(f"500 5.5.2 {problem}")
                else:
                    await self._obey(line)
        except Interrupted as reason:
            await self.hang_up(str(reason))

    async def _part(self) -> None:
        """Send what waits; give a client that is shown the door time to read why.

        Closing while input lies unread would reset the connection and destroy the reply on its way.
        """
        await self.flush()
        if self._linger and self.wire.transport is not None:
            if self.wire.transport.can_write_eof():
                self.wire.transport.write_eof()
            await self.wire.drain(_LINGER)

    async def _obey(self, line: bytes) -> None:
        """Carry out one command line (without CRLF)."""
        try:
            verb, _, argument = line.decode("utf-8").partition(" ")
        except UnicodeDecodeError:
            await self.protest("500 5.5.2 commands are UTF-8")
            return
        verb = verb.upper() if verb.isascii() else verb  # ſ is no S, whatever Unicode says
        if len(line) > _LIMITS.get(verb, _LIMIT):
            await self.protest("500 5.5.2 line too long")
            return
        if verb in _WEB_METHODS:
            journal.warn("smtp.browser", host=self.host)
            await self.hang_up("554 5.5.1 this is SMTP")
            return
        if verb in _CHATTER and await self._chatters():
            return
        method = self._smtp_methods.get(verb)
        if method is None:
            await self.protest("500 5.5.1 command not recognized")
            return
        try:
            await method(argument.strip(" \t"))
        except (Gone, Interrupted, ConnectionError):  # the client's doing
            raise
        except Exception as error:  # a relay must never lose mail to its own bug
            await self.push(await self.handle_exception(error))
