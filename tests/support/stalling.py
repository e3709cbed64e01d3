"""A next hop that grants DATA, or reads the message after it, only when it is let, and keeps what follows."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO


class Stalling:
    """`reached` is set once somebody asks for DATA; `let` grants it, to everybody.

    One that is `deaf` grants it at once, and does not read on until it is let.
    """

    def __init__(self, listening: socket.socket, *, deaf: bool) -> None:
        self.reached = threading.Event()
        self.let = threading.Event()
        self.ended = threading.Semaphore(0)  # one for each connection that is over
        self.kept: list[tuple[str, bytes]] = []  # recipient and message
        self._listening = listening
        self._deaf = deaf
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as heard, suppress(OSError):
            self._talk(heard, connection.sendall)
        self.ended.release()

    def _talk(self, line: BinaryIO, say: Callable[[bytes], None]) -> None:
        say(b"220 next.test\r\n")
        recipient = ""
        for command in iter(line.readline, b""):
            verb = command[:4].upper()
            if verb == b"EHLO":
                say(b"250-next.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
                continue
            if verb == b"RCPT":
                recipient = command.decode().partition("<")[2].partition(">")[0]
            if verb == b"DATA":
                self.reached.set()
                if not self._deaf:
                    self.let.wait()
                say(b"354 go on\r\n")
                self.let.wait()
                if (message := _message(line)) is None:
                    return
                self.kept.append((recipient, message))
            say(b"250 2.0.0 fine\r\n")


def _message(line: BinaryIO) -> bytes | None:
    """Return what was sent up to the single dot; None when the connection ended before."""
    lines = b""
    while piece := line.readline():
        if piece == b".\r\n":
            return lines
        lines += piece
    return None


@contextmanager
def stalling(port: int, *, deaf: bool = False) -> Iterator[Stalling]:
    """Run it on a port of loopback."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        if deaf:  # what it does not read stays with the sender
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        hop = Stalling(listening, deaf=deaf)
        try:
            yield hop
        finally:
            hop.let.set()
            listening.shutdown(socket.SHUT_RDWR)
