"""The door for what comes back, as mail servers meet it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from gateway import clock, sample
from gateway.flow.context import open_context
from gateway.flow.inbound import Inbox
from gateway.smtp import Door, SmtpOptions, start_inbound
from gateway.store import people
from gateway.tokens import Link, Purpose
from tests.flow.rig import settings_for
from tests.smtp.conftest import ANYWHERE, write_certificate
from tests.support.dialog import Client, connect

DOMAIN = "back.gate.example"


class House:
    """An open door, and the addresses that it takes mail for."""

    def __init__(self, door: Door, inbox: Inbox, stop: str, back: str) -> None:
        self.door, self.inbox, self.stop, self.back = door, inbox, stop, back

    async def client(self) -> Client:
        client = await connect(self.door.addresses[0])
        await client.hear()
        await client.ask("EHLO mx.example")
        return client


@asynccontextmanager
async def opened(store_url: str, folder: Path, **options: object) -> AsyncIterator[House]:
    context = open_context(settings_for(store_url, folder))
    sample.fill(context, clock.now())
    inbox = Inbox(context)
    chain, key = write_certificate(trustme.CA(), folder)
    wanted = SmtpOptions("gate.example", ANYWHERE, (), chain, key, max_size=70_000, max_recipients=100, **options)
    door = await start_inbound(inbox, wanted)
    with context.store.read() as tx:
        link = Link(next(number for number in range(1, 10_000) if people.get(tx, number)), 0, 1)
    stop, back = (context.tokens.seal(purpose, link) for purpose in (Purpose.MAILTO, Purpose.BOUNCE))
    try:
        yield House(door, inbox, f"stop+{stop}@{DOMAIN}", f"b+{back}@{DOMAIN}")
    finally:
        await door.stop(0)
        inbox.close()
        context.close()


def test_an_opt_out_comes_in_without_a_login_and_is_durable_before_the_reply(sqlite_url: str, tmp_path: Path) -> None:
    async def session() -> None:
        async with opened(sqlite_url, tmp_path) as house:
            client = await house.client()
            assert "STARTTLS" in client.heard
            assert not {"AUTH", "DSN"} & set(client.heard.replace("-", " ").split())
            assert (await client.ask("MAIL FROM:<camille@phone.example>")).startswith("250")
            assert (await client.ask(f"RCPT TO:<{house.stop}>")).startswith("250")
            await client.ask("DATA")
            assert (await client.ask("Subject: stop\r\n\r\n.")).startswith("250 2.0.0")
            client.close()

    asyncio.run(session())


@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        ("anybody@elsewhere.example", "550 5.7.1 relaying"),
        (f"nobody@{DOMAIN}", "550 5.1.1"),
        (f"stop+{'a' * 53}@{DOMAIN}", "550 5.1.1"),
        ("not an address", "550 5.1.1"),
        (f"PostMaster@{DOMAIN.upper()}", "250"),
        ("postmaster", "250"),
        (f"abuse@{DOMAIN}", "250"),
    ],
)
def test_it_takes_mail_for_itself_and_for_nobody_else(
    sqlite_url: str, tmp_path: Path, recipient: str, reply: str
) -> None:
    async def session() -> None:
        async with opened(sqlite_url, tmp_path) as house:
            client = await house.client()
            assert (await client.ask("AUTH PLAIN AHQAcA==")).startswith("502 5.5.1")
            await client.ask("MAIL FROM:<>")
            quoted = f'"{recipient}"@x.example' if " " in recipient else recipient
            said = await client.ask(f"RCPT TO:<{quoted}>")
            assert said.startswith(reply if " " not in recipient else "550 5.7.1")
            client.close()

    asyncio.run(session())


def test_who_tries_addresses_is_sent_away(sqlite_url: str, tmp_path: Path) -> None:
    async def session() -> None:
        async with opened(sqlite_url, tmp_path, max_errors=4) as house:
            client = await house.client()
            await client.ask("MAIL FROM:<>")
            replies = [await client.ask(f"RCPT TO:<stop+{letter * 53}@{DOMAIN}>") for letter in "abcd"]
            assert [reply[:3] for reply in replies] == ["550", "550", "550", "421"]
            await client.closed()

    asyncio.run(session())


def test_what_is_too_large_or_smuggled_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    async def session() -> None:
        async with opened(sqlite_url, tmp_path) as house:
            client = await house.client()
            assert (await client.ask("MAIL FROM:<> SIZE=80000")).startswith("552 5.3.4")
            await client.ask("MAIL FROM:<>")
            await client.ask(f"RCPT TO:<{house.back}>")
            await client.ask("DATA")
            assert (await client.ask("x" * 80_000 + "\r\n.")).startswith("552 5.3.4")
            await client.ask("MAIL FROM:<>")
            await client.ask(f"RCPT TO:<{house.back}>")
            await client.ask("DATA")
            assert (await client.ask("a\nb\r\n.")).startswith("554 5.6.0")
            client.close()

    asyncio.run(session())


def test_when_the_store_is_away_the_sender_comes_back_later(sqlite_url: str, tmp_path: Path) -> None:
    async def session() -> None:
        async with opened(sqlite_url, tmp_path) as house:
            client = await house.client()
            await client.ask("MAIL FROM:<>")
            await client.ask(f"RCPT TO:<{house.stop}>")
            await client.ask("DATA")
            for file in Path(sqlite_url.removeprefix("sqlite:///")).parent.glob("*.db*"):
                file.write_bytes(b"not a database" * 1000)
            assert (await client.ask("Subject: stop\r\n\r\n.")).startswith("451 4.3.0")
            client.close()

    asyncio.run(session())


def test_nobody_is_sent_away_for_not_logging_in(sqlite_url: str, tmp_path: Path) -> None:
    async def session() -> None:
        async with opened(sqlite_url, tmp_path, login_timeout=0.05) as house:
            client = await house.client()
            await asyncio.sleep(0.2)
            assert (await client.ask("NOOP")).startswith("250")
            client.close()

    asyncio.run(session())
