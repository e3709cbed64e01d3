"""The listener for TLS from the first byte: whoever has not finished the handshake takes a place like everybody else.

asyncio's own server tells nobody of a connection before its handshake is over, so that a flood of connections that
never begin one would be neither counted nor turned away.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Protocol as Interface

from gateway import journal

_PAUSE = 0.5  # seconds without new connections when the system has no more room for them


class Places(Interface):
    """Who counts (`smtp.server.Door`)."""

    tls: ssl.SSLContext | None

    def arrive(self, host: str) -> bool:
        """Take a place for a handshake; return False when there is none."""

    def depart(self, host: str) -> None:
        """Give the place of a handshake back."""


class Handshakes:
    """Accepts connections at some sockets and makes them sessions once TLS is agreed on."""

    def __init__(
        self, places: Places, sockets: list[socket.socket], made: Callable[[], asyncio.Protocol], seconds: float
    ) -> None:
        self.sockets = sockets
        self._places = places
        self._made = made
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        for listening in sockets:
            task = self._loop.create_task(self._accept(listening))
            task.add_done_callback(partial(_close, listening))
            self._tasks.add(task)

    def close(self) -> None:
        """Accept nobody any more; handshakes under way are broken off."""
        for task in self._tasks:
            task.cancel()

    async def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                line, peer = await self._loop.sock_accept(listening)
            except OSError as problem:
                if problem.errno != errno.ECONNABORTED:
                    await asyncio.sleep(_PAUSE)
                continue
            self._take(line, str(peer[0]))

    def _take(self, line: socket.socket, host: str) -> None:
        if not self._places.arrive(host):
            line.close()
            return
        task = self._loop.create_task(self._shake(line, host))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _shake(self, line: socket.socket, host: str) -> None:
        """Agree on TLS, with the certificate of this moment."""
        try:
            await self._loop.connect_accepted_socket(
                self._made, line, ssl=self._places.tls, ssl_handshake_timeout=self._seconds
            )
        except (OSError, TimeoutError) as problem:  # ssl.SSLError is an OSError
            journal.warn("smtp.tls", host=host, error=type(problem).__name__)
            line.close()
        finally:
            self._places.depart(host)


def _close(listening: socket.socket, _: asyncio.Task[None]) -> None:
    listening.close()


async def listening_at(host: str, port: int, *, backlog: int, reuse_port: bool) -> list[socket.socket]:
    """Return sockets that listen wherever `host` is ("" is everywhere); raise OSError when a place cannot be had."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, kind, number, _, where in dict.fromkeys(found):
            made = socket.socket(family, kind, number)
            sockets.append(made)
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if reuse_port:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind(where)
            made.listen(backlog)
    except OSError:
        for made in sockets:
            made.close()
        raise
    return sockets
