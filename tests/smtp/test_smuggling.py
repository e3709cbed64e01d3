"""Only CRLF ends a line and only CRLF.CRLF ends a message: nobody hides a second message in the first."""

import asyncio

import pytest

from tests.support.dialog import connect, ready
from tests.support.recording import RecordingGate

# "end of data" as some server or other has taken it (sec-consult 2023, CVE-2023-51764/5/6, CVE-2024-27305)
FALSE_ENDS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\n.\r",
    b"\r.\n",
    b"\r\r\n.\r\n",
    b"\r\n\n.\r\n",
    b"\r\r.\r\r",
    b"\r\n\x00.\n",
]
INNER = b"MAIL FROM:<fake@sender.test>\r\nRCPT TO:<victim@list.test>\r\nDATA\r\nsmuggled\r\n.\r\n"


@pytest.mark.parametrize("false_end", FALSE_ENDS, ids=[repr(end) for end in FALSE_ENDS])
def test_a_false_end_is_refused_and_the_rest_never_looked_at(opened, gate: RecordingGate, false_end: bytes) -> None:
    async def session() -> None:
        async with opened() as door:
            client = await ready(door)
            client.send(b"Subject: x\r\n\r\nouter" + false_end + INNER)
            assert (await client.hear()).startswith("554 5.6.0")
            await client.closed()

    asyncio.run(session())

    assert gate.handed == []
    assert [draft.mail_from for draft in gate.drafts] == ["news@sender.test"]


@pytest.mark.parametrize("cut", range(1, 12))
def test_it_does_not_matter_how_the_network_cuts_a_message(opened, gate: RecordingGate, cut: int) -> None:
    message = b"..a\r\n.b\r\n\r\n..\r\nc\r\n.\r\n"

    async def session() -> None:
        async with opened() as door:
            client = await connect(door.addresses[0])
            await client.begin()
            for pieces in (
                [message[i : i + cut] for i in range(0, len(message), cut)],
                [message[:cut], message[cut:]],
            ):
                await client.ask("MAIL FROM:<news@sender.test>")
                await client.ask("RCPT TO:<anna@list.test>")
                await client.ask("DATA")
                for piece in pieces:
                    client.send(piece)
                    await asyncio.sleep(0.002)
                assert (await client.hear()).startswith("250")
            client.close()

    asyncio.run(session())

    assert [content for _, content, _ in gate.handed] == [b".a\r\nb\r\n\r\n.\r\nc\r\n"] * 2


def test_a_client_that_waits_for_a_false_end_is_told_soon(opened, gate: RecordingGate) -> None:
    async def session() -> None:
        async with opened() as door:
            client = await ready(door)
            client.send(b"unix lines\n.\n")
            assert (await client.hear()).startswith("554 5.6.0")
            await client.closed()

    asyncio.run(session())

    assert gate.handed == []
