"""The work of the gateway as a mail filter beside Postfix, done the cheap way: what many houses have instead.

    bench/milter.py PORT CONTACTS

For each message: look the recipient up in the table `consent`, add List-Unsubscribe and List-Unsubscribe-Post, put a
footer into the text and before `</body>` by splicing. No evidence, no receipt, no second decision. Speaks the milter
protocol, version 6 (as libmilter's mfdef.h has it), as far as Postfix needs it.
"""

import asyncio
import sqlite3
import struct
import sys

import uvloop

ADD_HEADERS, CHANGE_BODY = 0x01, 0x02
NOT_WANTED = 0x01 | 0x02 | 0x20 | 0x40  # connect, helo, headers, end of headers
CHUNK = 65_535
TEXT = b"You get this mail because you agreed to it. Stop: https://gate.bench.test/u/%s\r\n"
HTML = b'<p>You get this mail because you agreed to it. <a href="https://gate.bench.test/u/%s">Stop</a></p>\r\n'


def reply(command: bytes, data: bytes = b"") -> bytes:
    """Return one packet."""
    return struct.pack("!I", len(data) + 1) + command + data


def footed(body: bytes, token: bytes) -> bytes:
    """Return the body with the footer in its text part and in its HTML part."""
    place = body.lower().rfind(b"</body")
    if place >= 0:
        body = body[:place] + (HTML % token).replace(b"=", b"=3D") + body[place:]
    end = body.find(b"\r\n--", body.find(b"text/plain"))
    return body[:end] + b"\r\n" + TEXT % token + body[end:] if end >= 0 else body + TEXT % token


class Session(asyncio.Protocol):
    """One connection of Postfix, over which many messages come."""

    def __init__(self, contacts: sqlite3.Connection) -> None:
        self.contacts = contacts
        self.buffer = bytearray()
        self.body: list[bytes] = []
        self.token = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Keep where answers go."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer the packets that are complete."""
        self.buffer += data
        while len(self.buffer) >= 4:
            (length,) = struct.unpack_from("!I", self.buffer)
            if len(self.buffer) < 4 + length:
                return
            packet = bytes(self.buffer[4 : 4 + length])
            del self.buffer[: 4 + length]
            self.packet(packet[:1], packet[1:])

    def packet(self, command: bytes, data: bytes) -> None:
        """Answer one packet."""
        write = self.transport.write
        if command == b"O":
            write(reply(b"O", struct.pack("!III", 6, ADD_HEADERS | CHANGE_BODY, NOT_WANTED)))
        elif command == b"M":
            self.body = []
            write(reply(b"c"))
        elif command == b"R":
            write(self.recipient(data.split(b"\0", 1)[0].strip(b"<>").decode()))
        elif command == b"B":
            self.body.append(data)
            write(reply(b"c"))
        elif command == b"E":
            self.body.append(data)
            write(self.changed())
        elif command == b"Q":
            self.transport.close()
        elif command not in (b"D", b"A"):
            write(reply(b"c"))

    def recipient(self, address: str) -> bytes:
        """Return the answer to RCPT."""
        found = self.contacts.execute("SELECT state, token FROM consent WHERE addr = ?", (address,)).fetchone()
        if found is None or found[0] != "granted":
            return reply(b"y", b"550 5.7.1 not without consent\0")
        self.token = found[1].encode()
        return reply(b"c")

    def changed(self) -> bytes:
        """Return the changes to the message, and that it may pass."""
        body = footed(b"".join(self.body), self.token)
        stop = b"<https://gate.bench.test/1/%s>" % self.token
        out = [
            reply(b"h", b"List-Unsubscribe\0" + stop + b"\0"),
            reply(b"h", b"List-Unsubscribe-Post\0List-Unsubscribe=One-Click\0"),
            *[reply(b"b", body[at : at + CHUNK]) for at in range(0, len(body), CHUNK)],
            reply(b"c"),
        ]
        return b"".join(out)


async def main(port: int, contacts: str) -> None:
    """Serve until killed."""
    database = sqlite3.connect(f"file:{contacts}?mode=ro", uri=True)
    server = await asyncio.get_running_loop().create_server(lambda: Session(database), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
