"""Dialogs as scripts: what the client says, and what it must hear.

# a comment; the first one states the fact
C: text          send the text and CRLF
R: bytes         send the bytes, with Python's escapes, and no CRLF
S: text          read one reply (all its lines, joined by " | "); it must begin with the text
+ text           the reply just read must contain the text
- text           … must not contain it
login            AUTH PLAIN, expecting 235
tls              go over to TLS (the server must have said 220 already)
closed           the server must have closed the connection
handed 2         so many messages were kept by the gate until now
kept: bytes      the content of the last one, with Python's escapes
"""

import asyncio
import ssl
from base64 import b64encode
from codecs import escape_decode
from dataclasses import dataclass

from gateway.smtp import Door
from tests.support.recording import PASSWORD, USER, RecordingGate
from tests.support.waiting import until

SECONDS = 10
CREDENTIALS = b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()


def unescaped(text: str) -> bytes:
    return escape_decode(text.encode())[0]


@dataclass
class Client:
    """The client's side of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: str = ""

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def hear(self) -> str:
        lines = []
        while True:
            line = await asyncio.wait_for(self.reader.readline(), SECONDS)
            assert line, f"the server closed the connection after {lines or self.heard!r}"
            assert line.endswith(b"\r\n")
            lines.append(line[:-2].decode("ascii"))
            if lines[-1][3:4] != "-":
                break
        self.heard = " | ".join([lines[0][:3] + " " + lines[0][4:], *(line[4:] for line in lines[1:])])
        return self.heard

    async def ask(self, command: str) -> str:
        self.send(command.encode() + b"\r\n")
        return await self.hear()

    async def closed(self) -> None:
        try:
            rest = await asyncio.wait_for(self.reader.read(), SECONDS)
        except ConnectionResetError:
            rest = b""
        self.writer.close()
        assert rest == b""

    async def encrypt(self, context: ssl.SSLContext) -> None:
        await self.writer.start_tls(context, server_hostname="localhost")

    async def begin(self) -> None:
        """Greet and log in."""
        assert (await self.hear()).startswith("220")
        assert (await self.ask("EHLO client.test")).startswith("250")
        assert (await self.ask(f"AUTH PLAIN {CREDENTIALS}")).startswith("235")

    def close(self) -> None:
        self.writer.close()


async def connect(address: tuple[str, int], tls: ssl.SSLContext | None = None) -> Client:
    host = "localhost" if tls else None
    return Client(*await asyncio.open_connection(*address, ssl=tls, server_hostname=host))


async def ready(door: Door) -> Client:
    """Return a client that has logged in and named a recipient, and may write the message now."""
    client = await connect(door.addresses[0])
    await client.begin()
    await client.ask("MAIL FROM:<news@sender.test>")
    await client.ask("RCPT TO:<anna@list.test>")
    await client.ask("DATA")
    return client


async def empty(door: Door) -> None:
    """Wait until everybody has left."""
    await until(lambda: not door.sessions, SECONDS)


async def play(script: str, address: tuple[str, int], gate: RecordingGate, tls: ssl.SSLContext) -> None:
    """Play a script against a server; raises AssertionError with the line that failed."""
    client = await connect(address)
    try:
        for number, line in enumerate(script.splitlines(), 1):
            try:
                await _step(client, line, gate, tls)
            except (AssertionError, TimeoutError) as problem:
                raise AssertionError(f"line {number}: {line}\nheard: {client.heard!r}\n{problem!r}") from problem
    finally:
        client.close()


async def _step(client: Client, line: str, gate: RecordingGate, tls: ssl.SSLContext) -> None:
    word, _, rest = line.partition(" ")
    match word:
        case "" | "#":
            pass
        case "C:":
            client.send(rest.encode() + b"\r\n")
        case "R:":
            client.send(unescaped(rest))
        case "long":
            client.send(b"NOOP ".ljust(int(rest), b"x") + b"\r\n")
        case "S:":
            heard = await client.hear()
            assert heard.startswith(rest)
        case "+":
            assert rest in client.heard
        case "-":
            assert rest not in client.heard
        case "login":
            assert (await client.ask(f"AUTH PLAIN {CREDENTIALS}")).startswith("235 2.7.0")
        case "tls":
            await client.encrypt(tls)
        case "closed":
            await client.closed()
        case "handed":
            assert len(gate.handed) == int(rest)
        case "kept:":
            assert gate.handed[-1][1] == unescaped(rest)
        case _:
            raise ValueError(f"a dialog has no {word!r}")
