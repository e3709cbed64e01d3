"""Next hops for the tests: aiosmtpd that keeps what it gets, Postfix's smtp-sink, and servers that follow a script."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.ports import free_port

SMTP_SINK = "/usr/sbin/smtp-sink"

# What a server says, and the word that begins the line after which it goes on. A reply of None closes the connection;
# the word "" waits for ever, "stall" does not even read.
Play = Sequence[tuple[str | None, str]]


@dataclass
class Message:
    sender: str
    recipients: list[str]
    content: bytes
    secure: bool


@dataclass
class Sink:
    """aiosmtpd's handler."""

    slow: float = 0.0
    port: int = 0
    kept: list[Message] = field(default_factory=list)
    connections: int = 0
    open: int = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.slow)
        sender = envelope.mail_from if envelope.mail_from != "<>" else ""
        secure = session.ssl is not None
        self.kept.append(Message(sender or "", envelope.rcpt_tos, bytes(envelope.content or b""), secure))
        return "250 2.0.0 kept"


class Counted(SMTP):
    def __init__(self, sink: Sink, **options: object) -> None:
        super().__init__(sink, data_size_limit=None, hostname="next.test", **options)
        self.sink = sink

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.transport is None:
            self.sink.connections += 1
            self.sink.open += 1
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.sink.open -= 1
        super().connection_lost(error)


@asynccontextmanager
async def sink(
    *,
    starttls: ssl.SSLContext | None = None,
    implicit: ssl.SSLContext | None = None,
    password: bytes | None = None,
    slow: float = 0.0,
) -> AsyncIterator[Sink]:
    """Open an aiosmtpd that keeps messages in memory."""
    loop = asyncio.get_running_loop()
    kept = Sink(slow)

    def authenticator(_server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: LoginPassword) -> object:
        return AuthResult(success=data.password == password, handled=False)

    def protocol() -> Counted:
        return Counted(kept, loop=loop, tls_context=starttls, authenticator=authenticator)

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit)
    kept.port = server.sockets[0].getsockname()[1]
    try:
        yield kept
    finally:
        server.close()
        async with asyncio.timeout(5):
            while kept.open:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@asynccontextmanager
async def postfix_sink(*flags: str) -> AsyncIterator[int]:
    """Start Postfix's smtp-sink; yield its port."""
    port = free_port()
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    process = await asyncio.create_subprocess_exec(SMTP_SINK, *user, *flags, f"127.0.0.1:{port}", "100")
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield port
    finally:
        process.terminate()
        await process.wait()


@dataclass
class Scripted:
    plays: list[Play]
    port: int = 0
    connections: int = 0
    heard: list[str] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self.tasks.add(task)
        play = self.plays[min(self.connections, len(self.plays) - 1)]
        self.connections += 1
        try:
            await self._play(play, reader, writer)
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _play(self, play: Play, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply, word in play:
            if reply is None:
                return
            if reply:
                writer.write(reply.encode() + b"\r\n")
            if word == "stall":
                await asyncio.Event().wait()
            while line := await reader.readline():
                self.heard.append(line.decode().rstrip("\r\n"))
                if word and self.heard[-1].startswith(word) and (word != "." or self.heard[-1] == "."):
                    break


@asynccontextmanager
async def scripted(*plays: Play) -> AsyncIterator[Scripted]:
    """Open a server that plays one script a connection, the last one again and again."""
    script = Scripted(list(plays))
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()
        for task in script.tasks:
            task.cancel()
        await asyncio.gather(*script.tasks, return_exceptions=True)
