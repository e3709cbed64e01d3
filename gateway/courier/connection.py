"""One connection to the next hop.

aiosmtplib connects, greets, goes over to TLS and logs in. For the mail itself it can only wait for each reply before
the next command; so the transport then gets a protocol of our own, which sends MAIL, RCPT and DATA in one packet where
the next hop offers PIPELINING (RFC 2920).
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from aiosmtplib import SMTP

from gateway.courier.courier import Withdrawn, always
from gateway.courier.replies import Nonsense, Replies
from gateway.mail.reply import Reply

END = b".\r\n"
_PIECE = 262_144  # bytes given to the transport at once
_SENDING, _DROPPING = struct.pack("ii", 0, 0), struct.pack("ii", 1, 0)  # struct linger (socket(7)): off; on, no time


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for the next hop (RFC 5321 4.5.3.2)."""

    connect: float = 60.0  # for each step until the connection is ready for mail
    command: float = 300.0
    block: float = 180.0  # for each piece of a message
    end: float = 600.0
    quit: float = 5.0


class Lost(Exception):
    """The connection is of no use any more; says why, and what was still answered to the last commands."""

    def __init__(self, why: str, replies: Sequence[Reply] = ()) -> None:
        super().__init__(why)
        self.replies = tuple(replies)

    @property
    def refusal(self) -> Reply | None:
        """Return the first no among the replies."""
        return next((reply for reply in self.replies if not reply.ok), None)


class Line(asyncio.Protocol):
    """Commands out, replies in. Not for two tasks at once."""

    def __init__(self, client: SMTP, timeouts: Timeouts, now: float) -> None:
        self.offers = dict(client.esmtp_extensions)  # lower-case keyword → its parameters
        self.used = 0  # letters offered so far
        self.idle_since = now
        self.dirty = False  # a transaction was left open at the other end
        self._timeouts = timeouts
        self._loop = asyncio.get_running_loop()
        self._replies = Replies()
        self._arrived: deque[Reply] = deque()
        self._expected = 0
        self._trouble: str | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport = cast("asyncio.Transport", client.transport)
        self._transport.set_protocol(self)
        self._linger(after_death=False)

    @property
    def usable(self) -> bool:
        """Return whether another letter may be offered."""
        return self._trouble is None and not self._transport.is_closing()

    # What the event loop tells us.

    def data_received(self, data: bytes) -> None:
        """Sort replies; one that nobody waits for (such as 421 before closing) makes the connection unusable."""
        try:
            self._arrived.extend(self._replies.feed(data))
        except Nonsense as problem:
            self._fail(f"next hop talks nonsense: {problem}")
        if len(self._arrived) > self._expected:
            self._fail(f"next hop says: {self._arrived[-1]}")
        self._wake()

    def eof_received(self) -> None:
        """Take the end of the stream for the end of the connection."""
        self._fail("next hop closed the connection")
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """Remember it."""
        self._fail(f"connection lost: {error}" if error else "connection lost")
        self._writable.set()
        self._wake()

    def pause_writing(self) -> None:
        """Stop giving pieces to the transport."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._writable.set()

    # What the courier wants.

    async def ask(self, *commands: bytes) -> list[Reply]:
        """Send commands (without CRLF) in one packet; return their replies. Raises `Lost`."""
        self._send(b"\r\n".join([*commands, b""]), len(commands))
        return await self._answers(len(commands), self._timeouts.command)

    async def send(self, body: bytes, end: bytes, ours: Callable[[], bool] = always) -> Reply:
        """Send a message and its CRLF.CRLF after DATA was granted; return the reply. Raises `Lost`.

        Raises `Withdrawn` before the end goes out when the message is not `ours` any more.
        """
        self._expected += 1
        if len(body) > _PIECE:
            await self._send_large(memoryview(body))
            body = b""
        if not ours():
            raise Withdrawn
        self._send(body + end if body else end, 0)
        return (await self._answers(1, self._timeouts.end))[0]

    async def _send_large(self, view: memoryview) -> None:
        """Send a little at a time, as the next hop takes it."""
        for start in range(0, len(view), _PIECE):
            self._send(view[start : start + _PIECE], 0)
            late = self._loop.call_later(self._timeouts.block, self._give_up, "next hop stopped reading")
            try:
                await self._writable.wait()
            finally:
                late.cancel()

    def abort(self) -> None:
        """Drop the connection."""
        self._fail("dropped")
        self._transport.abort()

    async def quit(self) -> None:
        """Say goodbye (RFC 5321 4.1.1.10), for a few seconds at most."""
        try:
            if self.usable:
                self._send(b"QUIT\r\n", 1)
                await self._answers(1, self._timeouts.quit)
        except Lost:
            pass
        finally:
            self._linger(after_death=True)
            self._transport.close()

    def _linger(self, *, after_death: bool) -> None:
        """Say whether the system may go on sending what we wrote when the connection, or the process, has ended.

        While letters are sent it may not: what a dead process held is given to others at once (`gateway.seat`), and its
        people are told that nothing more comes.
        """
        line: socket.socket | None = self._transport.get_extra_info("socket")
        if line is not None:
            with suppress(OSError):  # it is closed already
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _SENDING if after_death else _DROPPING)

    def _send(self, data: bytes | memoryview, replies: int) -> None:
        if not self.usable:
            raise Lost(self._trouble or "connection lost", self._arrived)
        self._expected += replies
        self._transport.write(data)

    async def _answers(self, number: int, seconds: float) -> list[Reply]:
        late = self._loop.call_later(seconds, self._give_up, "next hop did not answer in time")
        try:
            while len(self._arrived) < number:
                if self._trouble is not None:
                    raise Lost(self._trouble, self._arrived)
                self._waiter = self._loop.create_future()
                await self._waiter
        except asyncio.CancelledError:
            self.abort()  # what is on the way now would be taken for the reply to something else
            raise
        finally:
            late.cancel()
            self._waiter = None
        self._expected -= number
        return [self._arrived.popleft() for _ in range(number)]

    def _give_up(self, why: str) -> None:
        self._fail(why)
        self._transport.abort()
        self._writable.set()
        self._wake()

    def _fail(self, why: str) -> None:
        if self._trouble is None:
            self._trouble = why

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
