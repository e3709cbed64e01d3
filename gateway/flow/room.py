"""Memory for messages: small ones are free, large ones take turns.

Without turns the sessions that one process may serve, each with the largest message allowed, or as many copies on their
way out, would need more memory than any machine has. A large message asks for all the room that it could need before
more than a little of it is read; so whoever has a share can finish, and nobody waits for somebody who waits.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import Self

FREE = 262_144  # bytes of a message that need no share


class Room:
    """`size` bytes for all messages of one process that go one way; `left` are taken by none."""

    def __init__(self, size: int) -> None:
        self._size = self.left = size
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    def share(self, size: int) -> "Share":
        """Return a share of `size` bytes, not taken yet; at most the whole room."""
        return Share(self, min(size, self._size))

    async def take(self, size: int) -> None:
        """Wait, in turn, until so many bytes are left, and take them."""
        if not self._queue and self.left >= size:
            self.left -= size
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(size)
            raise

    def give(self, size: int) -> None:
        """Give bytes back; whoever is first in the queue goes on as soon as enough are left."""
        self.left += size
        while self._queue and self.left >= self._queue[0][0]:
            wanted, turn = self._queue.popleft()
            if not turn.done():
                self.left -= wanted
                turn.set_result(None)


class Share:
    """What one message may take from the room; given back at the end of a `with`."""

    __slots__ = ("_room", "_size", "_taken")

    def __init__(self, room: Room, size: int) -> None:
        self._room = room
        self._size = size
        self._taken = False

    @property
    def taken(self) -> bool:
        """Return whether the message may grow."""
        return self._taken

    async def take(self) -> None:
        """Wait for the share."""
        await self._room.take(self._size)
        self._taken = True

    def __enter__(self) -> Self:
        """Begin; nothing is taken yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give back what was taken."""
        if self._taken:
            self._taken = False
            self._room.give(self._size)
