"""Floods, slow senders, guessing: each ends by the book, and is in the log once."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Iterator

import pytest

from gateway import journal
from gateway.flow.room import FREE
from gateway.smtp.guard import Guard, network_of
from tests.support.dialog import connect, empty, ready
from tests.support.recording import PASSWORD, USER, RecordingGate
from tests.support.waiting import until

WRONG = "AUTH PLAIN " + b64encode(f"\0{USER}\0wrong".encode()).decode()
RIGHT = "AUTH PLAIN " + b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
HOME, AWAY = "192.0.2.1", "198.51.100.7"


@pytest.fixture
def logged() -> Iterator[None]:
    """Write the log as JSON, for `events`."""
    journal.setup("warning", "json")
    yield
    journal.setup("warning", "console")


def events(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]


async def greeted(door):
    client = await connect(door.addresses[0])
    await client.hear()
    await client.ask("EHLO client.test")
    return client


@pytest.mark.usefixtures("logged")
def test_a_message_that_comes_byte_by_byte_is_cut_off(opened, gate: RecordingGate, capsys) -> None:
    async def session() -> None:
        async with opened(message_timeout=0.4) as door:
            client = await ready(door)
            hearing = asyncio.create_task(client.hear())
            while not hearing.done():
                client.send(b"x")
                await asyncio.sleep(0.02)
            assert (await hearing).startswith("421 4.4.2")
            await client.closed()
            await empty(door)

    asyncio.run(session())

    assert gate.handed == []
    assert events(capsys) == ["smtp.slow"]


def test_whoever_never_logs_in_is_sent_away_whatever_he_says(opened) -> None:
    async def session() -> None:
        async with opened(login_timeout=0.4, max_chatter=1_000_000) as door:
            talking, member = await greeted(door), await connect(door.addresses[0])
            await member.begin()
            while (await talking.ask("HELP")).startswith("214"):
                pass
            assert talking.heard.startswith("421 4.7.0")
            await talking.closed()
            assert (await member.ask("NOOP")).startswith("250")
            member.close()

    asyncio.run(session())


@pytest.mark.usefixtures("logged")
def test_commands_that_lead_to_no_message_have_an_end_and_messages_begin_anew(opened, gate, capsys) -> None:
    async def session() -> None:
        async with opened(max_chatter=5) as door:
            client = await ready(door)  # EHLO is the first
            client.send(b"first\r\n.\r\n")
            assert (await client.hear()).startswith("250")
            client.send(b"NOOP\r\nRSET\r\n" * 50)
            for _ in range(5):
                assert (await client.hear()).startswith("250")
            assert (await client.hear()).startswith("421 4.7.0")
            await client.closed()
            await empty(door)

    asyncio.run(session())

    assert len(gate.handed) == 1
    assert events(capsys) == ["smtp.chatter"]


@pytest.mark.usefixtures("logged")
def test_guessing_over_many_connections_ends_in_a_wait_for_right_passwords_too(opened, capsys) -> None:
    async def session() -> None:
        async with opened(free_failed_logins=4) as door:
            for _ in range(4):
                client = await greeted(door)
                assert (await client.ask(WRONG)).startswith("535 5.7.8")
                client.close()
            for attempt in (RIGHT, WRONG, RIGHT):
                client = await greeted(door)
                assert (await client.ask(attempt)).startswith("421 4.7.0")
                await client.closed()
            await empty(door)

    asyncio.run(session())

    assert events(capsys) == ["smtp.login"] * 4 + ["smtp.guessing"] * 2  # the network's wait, and the account's


ATTEMPTS = {
    "open relay": (b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n", ["smtp.errors"]),
    "a line without end": (b"NOOP " + b"x" * 100_000 + b"\r\n", ["smtp.errors"]),
    "lines of Unix": (b"NOOP\nNOOP\n", ["smtp.errors"]),
    "a password in clear for somebody else": (b"AUTH PLAIN YQBiAGM=\r\n", ["smtp.errors"]),
    "a browser": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ["smtp.browser"]),
    "injection": (b"STARTTLS\r\nRSET\r\n", ["smtp.injection", "smtp.tls"]),
    "nothing wrong": (b"NOOP\r\n", []),
}


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_each_attempt_is_in_the_log_once(opened, capsys, attempt: str) -> None:
    said, known = ATTEMPTS[attempt]

    async def session() -> None:
        async with opened() as door:
            client = await greeted(door)
            client.send(said)
            await client.hear()
            client.close()
            await empty(door)

    asyncio.run(session())

    assert events(capsys) == known


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize(
    ("message", "event"), [(b"a\0b", "smtp.nul"), (b"a\nb", "smtp.newline"), (b"x" * 60_000, "smtp.size")]
)
def test_each_attempt_in_a_message_is_in_the_log_once(opened, gate, capsys, message: bytes, event: str) -> None:
    async def session() -> None:
        async with opened() as door:
            client = await ready(door)
            client.send(message + b"\r\n.\r\n")
            assert (await client.hear()).startswith("55")
            client.close()
            await empty(door)

    asyncio.run(session())

    assert gate.handed == []
    assert events(capsys) == [event]


def test_a_network_waits_longer_each_time_and_an_hour_at_most() -> None:
    guard, now, waits = Guard(3), 1000.0, []
    for _ in range(12):
        guard.failed(HOME, "tool", now)
        waits.append(guard.wait(HOME, "other", now))
        now += waits[-1]
    assert waits == [0, 0, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]
    assert guard.wait(HOME, "other", now) == 0


def test_many_networks_that_guess_one_account_wait_and_a_network_that_knows_it_does_not() -> None:
    guard, now = Guard(3), 1000.0
    guard.succeeded(HOME, "tool", now)
    for n in range(5):
        guard.failed(f"203.0.113.{n}", "Tool+list", now + 1)
    assert guard.wait(AWAY, "tool", now + 1) > 0
    assert guard.wait(AWAY, "other", now + 1) == 0
    assert guard.wait(HOME, "tool", now + 1) == 0
    assert guard.wait(HOME, "tool", now + 1 + 3600) == 0


def test_failures_are_forgotten_after_an_hour_and_never_more_than_ten_thousand_are_kept() -> None:
    guard = Guard(2)
    guard.failed(HOME, "tool", 0)
    guard.failed(HOME, "tool", 4000)
    assert guard.wait(HOME, "tool", 4000) == 0
    for n in range(20_000):
        guard.failed(f"host{n}", f"name{n}", 4001)
    assert len(guard._counts) == 10_000


def test_one_customers_addresses_are_one_network() -> None:
    assert network_of("2001:db8:1:2:aaaa::1") == network_of("2001:db8:1:2::9%eth0")
    assert network_of("2001:db8:1:3::1") != network_of("2001:db8:1:2::1")
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1"


@pytest.mark.usefixtures("logged")
def test_a_flood_of_connections_is_logged_once(opened, capsys) -> None:
    async def session() -> None:
        async with opened(max_sessions_per_host=2) as door:
            members = [await greeted(door) for _ in range(2)]
            for _ in range(10):
                client = await connect(door.addresses[0])
                assert (await client.hear()).startswith("421 4.7.0")
                await client.closed()
            for member in members:
                member.close()
            await empty(door)

    asyncio.run(session())

    assert events(capsys) == ["smtp.full"]


@pytest.mark.usefixtures("logged")
def test_an_account_has_so_many_sessions_and_no_more_from_wherever(opened, capsys) -> None:
    async def session() -> None:
        async with opened(max_sessions_per_account=2) as door:
            members = [await greeted(door) for _ in range(2)]
            for member in members:
                assert (await member.ask(RIGHT)).startswith("235")
            for _ in range(3):
                client = await greeted(door)
                assert (await client.ask(RIGHT)).startswith("421 4.7.0")
                await client.closed()
            assert (await members[0].ask("NOOP")).startswith("250")
            members[0].close()
            await until(lambda: door.sessions == 1)
            again = await greeted(door)
            assert (await again.ask(RIGHT)).startswith("235")
            for client in (members[1], again):
                client.close()
            await empty(door)

    asyncio.run(session())

    assert events(capsys) == ["smtp.full"]


def test_hosts_of_one_network_are_counted_together(opened) -> None:
    async def session() -> None:
        async with opened(max_sessions_per_host=2) as door:
            for last in (1, 2):
                assert door.arrive(f"2001:db8:1:2::{last}")
            assert not door.arrive("2001:db8:1:2:ffff::3")
            assert door.arrive("2001:db8:1:3::1")
            door.depart("2001:db8:1:2::1")
            assert door.arrive("2001:db8:1:2:ffff::3")

    asyncio.run(session())


@pytest.mark.usefixtures("logged")
def test_who_never_begins_tls_takes_a_place_like_everybody_and_loses_it_soon(opened, trust, capsys) -> None:
    async def session() -> None:
        async with opened(max_sessions=3, handshake_timeout=0.5) as door:
            silent = [await connect(door.tls_addresses[0]) for _ in range(3)]
            await until(lambda: door._shaking == 3)
            surplus = await connect(door.tls_addresses[0])
            await surplus.closed()
            for client in silent:
                await client.closed()
            await until(lambda: not door._shaking)
            member = await connect(door.tls_addresses[0], trust)
            await member.begin()
            member.close()
            await empty(door)

    asyncio.run(session())

    assert sorted(events(capsys)) == ["smtp.full", *["smtp.tls"] * 3]


def test_large_messages_wait_for_memory_and_waiting_is_no_idleness(opened, gate: RecordingGate) -> None:
    body = (b"x" * 998 + b"\r\n") * 600

    async def session() -> None:
        async with opened(max_size=1_000_000, max_memory=1_500_000, idle_timeout=0.5, message_timeout=0.5) as door:
            await door.room.take(1_000_000)
            large, small = await ready(door), await ready(door)
            large.send(body + b".\r\n")
            small.send(b"small\r\n.\r\n")
            assert (await small.hear()).startswith("250")
            small.close()
            await asyncio.sleep(1.5)
            assert len(gate.handed) == 1
            door.room.give(1_000_000)
            assert (await large.hear()).startswith("250")
            assert door.room.left == 1_500_000
            large.close()

    asyncio.run(session())

    assert [len(content) for _, content, _ in gate.handed] == [7, 600_000]


def test_a_share_is_given_back_whatever_ends_the_message(opened) -> None:
    async def session() -> None:
        async with opened(max_size=1_000_000, max_memory=1_000_000) as door:
            for farewell in (b"\n.\n", b""):
                client = await ready(door)
                client.send(b"x" * (FREE + 10_000))
                await client.writer.drain()
                await until(lambda: not door.room.left)
                client.send(farewell)
                client.close()
                await empty(door)
                assert door.room.left == 1_000_000

    asyncio.run(session())
