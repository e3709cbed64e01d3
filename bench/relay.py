"""A relay of the same libraries that does nothing to the mail: aiosmtpd in, aiosmtplib out, no queue, no database.

    bench/relay.py PORT NEXT_HOP_PORT

The message is answered 250 when the next hop has taken it. What the gateway costs above this is what it does.
"""

import asyncio
import sys
from collections import deque

import aiosmtplib
import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session


class Relay:
    """The handler; keeps its connections to the next hop."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.idle: deque[aiosmtplib.SMTP] = deque()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's)
        """Hand the message on, a transaction for each recipient."""
        client = self.idle.pop() if self.idle else await self.connected()
        for recipient in envelope.rcpt_tos:
            await client.sendmail(envelope.mail_from, [recipient], envelope.original_content)
        self.idle.append(client)
        return "250 2.0.0 Ok"

    async def connected(self) -> aiosmtplib.SMTP:
        """Return a new connection."""
        client = aiosmtplib.SMTP(
            hostname="127.0.0.1", port=self.port, start_tls=False, local_hostname="relay.bench.test"
        )
        await client.connect()
        return client


async def main(port: int, onwards: int) -> None:
    """Serve until killed."""
    relay = Relay(onwards)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(relay, hostname="relay.bench.test", data_size_limit=50_000_000), "127.0.0.1", port
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
