"""How campaign tools use a connection: for thousands of messages, with RSET or without, hanging up when they like."""

import asyncio
import socket
import struct

import pytest

from tests.support.dialog import Client, connect, empty
from tests.support.recording import RecordingGate

MANY = 2000
MESSAGE = "MAIL FROM:<news@sender.test>\r\nRCPT TO:<{to}@list.test>\r\nDATA\r\n"


def test_one_connection_carries_thousands_of_messages_between_refusals_and_resets(opened, gate: RecordingGate) -> None:
    async def session() -> None:
        async with opened() as door:
            client = await connect(door.addresses[0])
            await client.begin()
            for number in range(MANY):
                if number % 3 == 0:  # all recipients refused, and no RSET before the next MAIL
                    await client.ask("MAIL FROM:<news@sender.test>")
                    assert (await client.ask("RCPT TO:<refused@list.test>")).startswith("550")
                if number % 5 == 0:
                    assert (await client.ask("RSET")).startswith("250")
                assert (await client.ask("MAIL FROM:<news@sender.test>")).startswith("250")
                assert (await client.ask(f"RCPT TO:<p{number}@list.test>")).startswith("250")
                assert (await client.ask("DATA")).startswith("354")
                assert (await client.ask(f"message {number}\r\n.")).startswith("250")
            client.close()
            await empty(door)

    asyncio.run(session())

    assert [content for _, content, _ in gate.handed] == [b"message %d\r\n" % number for number in range(MANY)]
    assert all(len(draft.recipients) == 1 for draft, _, _ in gate.handed)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("", 0),
        ("MAIL FROM:<news@sender.test>\r\n", 0),
        (MESSAGE.format(to="anna"), 0),
        (MESSAGE.format(to="anna") + "half a message\r\n", 0),
        (MESSAGE.format(to="anna") + "whole message\r\n.\r\n", 1),  # it will ask again: a copy too many, none lost
        (MESSAGE.format(to="anna") + "slow message\r\n.\r\n", 1),
    ],
)
@pytest.mark.parametrize("reset", [False, True])
def test_a_client_may_hang_up_at_any_moment(opened, gate: RecordingGate, said: str, kept: int, reset: bool) -> None:
    async def session() -> None:
        async with opened() as door:
            client = await connect(door.addresses[0])
            await client.begin()
            client.send(said.encode())
            if kept:
                async with asyncio.timeout(20):
                    await gate.started.wait()
            else:
                await asyncio.sleep(0.05)
            _hang_up(client, reset=reset)
            await empty(door)
            other = await connect(door.addresses[0])
            await other.begin()  # nobody else noticed
            other.close()

    asyncio.run(session())

    assert len(gate.handed) == kept


def _hang_up(client: Client, *, reset: bool) -> None:
    if reset:  # a TCP reset, as from a process that was killed
        client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
