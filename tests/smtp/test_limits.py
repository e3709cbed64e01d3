"""Sizes, numbers and times have ends."""

import asyncio
import resource

import pytest

from gateway.smtp import SmtpOptions
from tests.support.dialog import connect, empty, ready
from tests.support.recording import RecordingGate


def test_a_message_of_exactly_the_allowed_size_is_taken_whatever_its_dots(opened, gate: RecordingGate) -> None:
    line = b"." + b"x" * 97 + b"\r\n"

    async def session() -> None:
        async with opened() as door:
            client = await ready(door)
            client.send(b"".join(b"." + line for _ in range(500)) + b".\r\n")
            assert (await client.hear()).startswith("250")
            client.close()

    asyncio.run(session())

    assert len(gate.handed[0][1]) == 50_000


def test_a_message_one_byte_too_big_is_refused_after_its_end_and_the_session_goes_on(
    opened, gate: RecordingGate
) -> None:
    async def session() -> None:
        async with opened() as door:
            client = await ready(door)
            client.send(b"x" * 49_999 + b"\r\n.\r\nNOOP\r\n")
            assert (await client.hear()).startswith("552 5.3.4")
            assert (await client.hear()).startswith("250")
            client.close()

    asyncio.run(session())

    assert gate.handed == []


def test_the_excess_of_a_message_is_not_kept_in_memory(opened) -> None:
    piece = b"x" * 998 + b"\r\n"

    async def session() -> None:
        async with opened(max_size=40_000_000) as door:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            client = await ready(door)
            client.send(piece)
            for _ in range(70):
                client.send(piece * 1000)
                await client.writer.drain()
            client.send(b".\r\n")
            assert (await client.hear()).startswith("552 5.3.4")
            client.close()
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 65_000  # KiB; 70 MB were sent

    asyncio.run(session())


def test_whoever_sends_twice_the_allowed_size_is_cut_off(opened, gate: RecordingGate) -> None:
    async def session() -> None:
        async with opened() as door:
            client = await ready(door)
            for _ in range(40):
                client.send(b"x" * 10_000)
            assert (await client.hear()).startswith("552 5.3.4")
            await client.closed()

    asyncio.run(session())

    assert gate.handed == []


def test_the_101st_recipient_is_put_off_and_the_first_hundred_are_kept(opened, gate: RecordingGate) -> None:
    async def session() -> None:
        async with opened() as door:
            client = await connect(door.addresses[0])
            await client.begin()
            await client.ask("MAIL FROM:<news@sender.test>")
            client.send(b"".join(b"RCPT TO:<a%d@list.test>\r\n" % n for n in range(101)) + b"DATA\r\n")
            replies = [await client.hear() for _ in range(102)]
            assert {reply[:9] for reply in replies[:100]} == {"250 2.1.5"}
            assert replies[100].startswith("452 4.5.3")
            assert replies[101].startswith("354")
            client.send(b"hello\r\n.\r\n")
            assert (await client.hear()).startswith("250")
            client.close()

    asyncio.run(session())

    assert len(gate.handed[0][0].recipients) == 100


def test_less_than_a_hundred_recipients_cannot_be_set() -> None:
    with pytest.raises(ValueError, match="RFC 5321"):
        SmtpOptions("gw.test", listen=(("127.0.0.1", 0),), max_recipients=99)


def test_a_silent_client_is_told_goodbye(opened) -> None:
    async def session() -> None:
        async with opened(idle_timeout=0.1) as door:
            client = await connect(door.addresses[0])
            assert (await client.hear()).startswith("220")
            assert (await client.hear()).startswith("421 4.4.2")
            await client.closed()

    asyncio.run(session())


def test_a_client_that_stops_in_the_middle_of_a_message_is_told_goodbye(opened, gate: RecordingGate) -> None:
    async def session() -> None:
        async with opened(idle_timeout=0.3) as door:
            client = await ready(door)
            client.send(b"half a mess")
            assert (await client.hear()).startswith("421 4.4.2")
            await client.closed()

    asyncio.run(session())

    assert gate.handed == []


def test_our_own_work_is_no_idleness(opened, gate: RecordingGate) -> None:
    async def session() -> None:
        async with opened(idle_timeout=0.2) as door:
            client = await ready(door)
            client.send(b"slow message\r\n.\r\n")
            assert (await client.hear()).startswith("250")
            client.close()

    asyncio.run(session())

    assert len(gate.handed) == 1


def test_a_slow_login_stops_nobody_else(opened, gate: RecordingGate) -> None:
    gate.login_takes = 1.0

    async def session() -> None:
        async with opened() as door:
            slow, quick = await connect(door.addresses[0]), await connect(door.addresses[0])
            await slow.hear()
            await quick.hear()
            login = asyncio.create_task(slow.ask("EHLO client.test"))
            await login
            slow.send(b"AUTH PLAIN AHRvb2wAd3Jvbmc=\r\n")
            await asyncio.sleep(0.01)
            async with asyncio.timeout(0.5):
                assert (await quick.ask("NOOP")).startswith("250")
            assert (await slow.hear()).startswith("535")
            slow.close()
            quick.close()

    asyncio.run(session())


def test_sessions_are_counted_for_everybody_and_for_each_host(opened) -> None:
    async def session(reply: str, **limits: int) -> None:
        async with opened(**limits) as door:
            first, second = await connect(door.addresses[0]), await connect(door.addresses[0])
            assert (await first.hear()).startswith("220")
            assert (await second.hear()).startswith(reply)
            await second.closed()
            first.close()
            second.close()
            await empty(door)
            third = await connect(door.addresses[0])
            assert (await third.hear()).startswith("220")
            third.close()

    asyncio.run(session("421 4.3.2", max_sessions=1))
    asyncio.run(session("421 4.7.0", max_sessions_per_host=1))


def test_a_client_that_never_reads_cannot_fill_our_memory_and_is_cut_off(opened) -> None:
    async def session() -> None:
        async with opened(idle_timeout=0.5) as door:
            client = await connect(door.addresses[0])
            client.reader._transport.pause_reading()
            try:
                for _ in range(100):
                    client.send(b"HELP\r\n" * 10_000)
                    await asyncio.wait_for(client.writer.drain(), 5)
            except (ConnectionError, TimeoutError):
                pass
            await empty(door)
            client.close()

    asyncio.run(session())
