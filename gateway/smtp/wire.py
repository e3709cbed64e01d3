"""What a client sent and nobody has read yet: command lines and messages, cut out of the stream by CRLF only.

aiosmtpd reads a message line by line, which is the largest single cost of receiving mail. Here whole pieces of the
stream are searched with the bytes operations of C, and everything is strict: only CRLF ends a line and only
CRLF.CRLF ends a message (RFC 5321 2.3.8), so that nobody can smuggle a second message inside the first.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from gateway.flow.room import FREE, Share
from gateway.mail.lines import Ends, unstuffed

END = b"\r\n.\r\n"
_HIGH_WATER = 262_144  # unread bytes at which the client has to wait
_KEPT = len(END) - 1  # how much of a dropped message may be the beginning of its end
_DOT = re.compile(rb"\r\n\.(\r\n)?")


class Gone(Exception):
    """The client closed the connection, or we did."""


class Interrupted(Exception):
    """Waiting for the client is over; carries the reply that says why."""


class BadLine(Exception):
    """A command line that is none; carries what is wrong with it."""


class Flaw(Enum):
    """Why a message was not kept."""

    SIZE = "larger than allowed"
    NEWLINE = "bare CR or bare LF"


@dataclass(frozen=True, slots=True)
class Taken:
    """One message: CRLF lines, dots unstuffed; or its flaw. `ended` is whether CRLF.CRLF was seen."""

    content: bytes = b""
    flaw: Flaw | None = None
    ended: bool = True


class Wire:
    """The receiving half of one connection.

    `flush` sends the replies that wait; it is called before every wait, so that the replies to pipelined commands
    leave together (RFC 2920 3.2).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, flush: Callable[[], Awaitable[None]]) -> None:
        self.transport: asyncio.Transport | None = None
        self.waiting_since: float | None = None
        self.queued = False  # for memory
        self._loop = loop
        self._flush = flush
        self._buffer = bytearray()
        self._fresh = 0  # bytes that came since the reader last looked
        self._paused = False
        self._ended = False
        self._interruption: str | None = None
        self._waiter: asyncio.Future[None] | None = None

    def feed(self, data: bytes) -> None:
        """Take what the client sent."""
        self._buffer += data
        self._fresh += len(data)
        if self._fresh > _HIGH_WATER and not self._paused and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def feed_eof(self) -> None:
        """Learn that nothing more will come."""
        self._ended = True
        self._wake()

    def interrupt(self, reply: str) -> None:
        """Make the wait for the client end with `Interrupted(reply)`, now or when it begins.

        A client that does not even read our replies cannot be told: it is cut off.
        """
        self._interruption = reply
        if self.waiting_since is not None and self._waiter is None and self.transport is not None:
            self.transport.abort()
        self._wake()

    def discard(self) -> int:
        """Forget what was sent in advance (RFC 3207 4.2: nothing said in clear counts after STARTTLS); say how much."""
        dropped = len(self._buffer)
        self._buffer.clear()
        return dropped

    async def line(self, most: int) -> bytes:
        """Return the next command line without its CRLF; at most `most` bytes.

        Raises `BadLine` when it is longer, does not end in CRLF or has a CR or NUL inside: it has then been skipped.
        Raises `Gone` and `Interrupted`.
        """
        start = 0
        while (end := self._buffer.find(b"\n", start)) < 0:
            start = len(self._buffer)
            if start > most + 1:
                await self._skip_line()
                raise BadLine("line too long")
            await self._more()
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        if not line.endswith(b"\r\n"):
            raise BadLine("lines end with CR LF")
        if len(line) - 2 > most:
            raise BadLine("line too long")
        if line.find(b"\r") != end - 1 or b"\0" in line:
            raise BadLine("bare CR or NUL in a command")
        return line[:-2]

    async def _skip_line(self) -> None:
        while (end := self._buffer.find(b"\n")) < 0:
            self._buffer.clear()
            await self._more()
        del self._buffer[: end + 1]

    async def message(self, most: int, patience: float, share: Share) -> Taken:
        """Return the message that follows DATA; a large one waits for its `share` of the memory before it is read on.

        A message with a flaw is read to its end without being kept, so that the client hears why. After a bare CR or
        LF the client may believe that it has ended its message where we see no end: then `patience` seconds without a
        word end it too. Twice the allowed size ends it at once. Raises `Gone` and `Interrupted`.
        """
        buffer, ends, flaw, dots = self._buffer, Ends(), None, False
        seen = dropped = 0
        if await self._is_empty_message():
            return Taken()
        while True:
            end, dot = _end(buffer, max(0, seen - _KEPT))
            dots = dots or dot
            stop = end + 2 if end >= 0 else len(buffer) - buffer.endswith(b"\r")
            if not flaw and not ends.see(memoryview(buffer)[seen : end + 2 if end >= 0 else len(buffer)]):
                flaw = Flaw.NEWLINE
            if not flaw and stop > most and stop - _stuffing(buffer, stop) > most:
                flaw = Flaw.SIZE
            if end >= 0:
                content = b"" if flaw else bytes(memoryview(buffer)[: end + 2])
                del buffer[: end + len(END)]
                return Taken(unstuffed(content) if dots or content.startswith(b".") else content, flaw)
            seen = len(buffer)
            if flaw:
                dropped += max(0, seen - _KEPT)
                del buffer[:-_KEPT]
                seen = 0
                if dropped > 2 * most:
                    return Taken(flaw=flaw, ended=False)
            elif seen > FREE and not share.taken:
                await self._turn(share)
            if flaw is not Flaw.NEWLINE:
                await self._more()
                continue
            try:
                async with asyncio.timeout(patience):
                    await self._more()
            except TimeoutError:
                return Taken(flaw=flaw, ended=False)

    async def drain(self, seconds: float) -> None:
        """Read and forget what still comes until the client closes, for at most `seconds`."""
        self._interruption = None
        try:
            async with asyncio.timeout(seconds):
                while True:
                    self._buffer.clear()
                    await self._more()
        except (Gone, Interrupted, TimeoutError):
            pass

    async def _turn(self, share: Share) -> None:
        """Let the client wait until there is memory for its message; that is our doing, and no idleness."""
        if not self._paused and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()
        self.queued = True
        try:
            await share.take()
        finally:
            self.queued = False

    async def _is_empty_message(self) -> bool:
        """Return whether the message ends where it begins: the CRLF of the DATA command belongs to the end then."""
        while len(self._buffer) < 3 and END.startswith(b"\r\n" + self._buffer):
            await self._more()
        if self._buffer[:3] != END[2:]:
            return False
        del self._buffer[:3]
        return True

    async def _more(self) -> None:
        """Wait until something has arrived since the last look."""
        self.waiting_since = self._loop.time()
        try:
            await self._flush()
            if self._paused and self.transport is not None:
                self._paused = False
                self.transport.resume_reading()
            while not self._fresh:
                if self._interruption is not None:
                    raise Interrupted(self._interruption)
                if self._ended:
                    raise Gone
                self._waiter = self._loop.create_future()
                await self._waiter
        finally:
            self._fresh = 0
            self._waiter = None
            self.waiting_since = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _end(buffer: bytearray, start: int) -> tuple[int, bool]:
    """Return where CRLF.CRLF begins, -1 if nowhere, and whether another line may begin with a dot before.

    One search for both: most messages have no such line.
    """
    found = _DOT.search(buffer, start)
    if found is None:
        return -1, False
    return (found.start(), False) if found[1] else (buffer.find(END, found.start()), True)


def _stuffing(data: bytearray, stop: int) -> int:
    """Return how many dots transparency added before the offset."""
    return data.count(b"\r\n.", 0, stop) + data.startswith(b".")
