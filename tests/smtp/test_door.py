"""How the door opens, closes, and shows its certificate."""

# ruff: noqa: N802 (aiosmtpd's names)

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from gateway.errors import Misuse
from gateway.smtp import SmtpOptions, start
from gateway.smtp.handler import Handler, check_hooks
from tests.smtp.conftest import ANYWHERE, write_certificate
from tests.support.dialog import CREDENTIALS, Client, connect, empty, ready
from tests.support.recording import RecordingGate


def serial(client: Client) -> str:
    return client.writer.get_extra_info("peercert")["serialNumber"]


def test_both_listeners_say_where_they_are(opened, trust: ssl.SSLContext) -> None:
    async def session() -> None:
        async with opened() as door:
            assert door.addresses[0][1] != door.tls_addresses[0][1] > 0
            client = await connect(door.tls_addresses[0], trust)
            assert (await client.hear()).startswith("220 gw.test")
            assert "STARTTLS" not in await client.ask("EHLO client.test")
            assert "AUTH" in client.heard
            client.close()

    asyncio.run(session())


@pytest.mark.parametrize(("tls", "utf8", "protocol"), [(True, False, "ESMTPSA"), (True, True, "UTF8SMTPSA"),
                                                       (False, False, "ESMTPA")])  # fmt: skip
def test_the_gate_learns_who_is_on_the_line(opened, gate, trust, tls: bool, utf8: bool, protocol: str) -> None:
    async def session() -> None:
        async with opened() as door:
            client = await (connect(door.tls_addresses[0], trust) if tls else connect(door.addresses[0]))
            await client.hear()
            await client.ask("EHLO odd host;name")
            await client.ask(f"AUTH PLAIN {CREDENTIALS}")
            await client.ask("MAIL FROM:<news@Sender.TEST>" + (" SMTPUTF8" if utf8 else "") + " RET=full ENVID=Ab+20c")
            await client.ask("RCPT TO:<@route.test:Anna@list.test> NOTIFY=never ORCPT=rfc822;Anna@list.test")
            await client.ask("DATA")
            assert (await client.ask("hello\r\n.")).startswith("250")
            client.close()

    asyncio.run(session())

    draft, content, peer = gate.handed[0]
    assert content == b"hello\r\n"
    assert (draft.mail_from, draft.smtputf8, draft.ret, draft.envid) == ("news@sender.test", utf8, "FULL", "Ab+20c")
    recipient = draft.recipients[0]
    assert (recipient.address.spelled, recipient.notify, recipient.orcpt) == (
        "Anna@list.test",
        "NEVER",
        "rfc822;Anna@list.test",
    )
    assert (peer.helo, peer.address, peer.protocol) == ("odd-host-name", "127.0.0.1", protocol)


def test_the_null_sender_reaches_the_gate_as_nothing(opened, gate: RecordingGate) -> None:
    async def session() -> None:
        async with opened() as door:
            client = await connect(door.addresses[0])
            await client.begin()
            assert (await client.ask("MAIL FROM:<>")).startswith("250")
            client.close()

    asyncio.run(session())

    assert [draft.mail_from for draft in gate.drafts] == [""]


def test_new_connections_get_the_new_certificate_and_old_ones_go_on(
    opened, authority: trustme.CA, trust: ssl.SSLContext, tmp_path: Path
) -> None:
    async def session() -> None:
        async with opened() as door:
            old = await connect(door.tls_addresses[0], trust)
            await old.hear()
            write_certificate(authority, tmp_path)
            door.reload_certificates()
            new = await connect(door.tls_addresses[0], trust)
            await new.hear()
            upgraded = await connect(door.addresses[0])
            await upgraded.hear()
            await upgraded.ask("STARTTLS")
            await upgraded.encrypt(trust)
            assert serial(old) != serial(new) == serial(upgraded)
            assert (await old.ask("NOOP")).startswith("250")
            for client in (old, new, upgraded):
                client.close()

    asyncio.run(session())


def test_a_broken_certificate_is_named_and_the_old_one_stays(opened, trust: ssl.SSLContext, tmp_path: Path) -> None:
    async def session() -> None:
        async with opened() as door:
            (tmp_path / "chain.pem").write_text("nonsense")
            with pytest.raises(Misuse, match=r"chain\.pem"):
                door.reload_certificates()
            client = await connect(door.tls_addresses[0], trust)
            assert (await client.hear()).startswith("220")
            client.close()

    asyncio.run(session())


def test_a_client_that_speaks_no_tls_after_starttls_just_loses_its_connection(opened) -> None:
    async def session() -> None:
        async with opened(handshake_timeout=0.5) as door:
            talker, silent = await connect(door.addresses[0]), await connect(door.addresses[0])
            for client in (talker, silent):
                await client.hear()
                await client.ask("STARTTLS")
            talker.send(b"EHLO client.test\r\n" * 10)
            await empty(door)
            talker.close()
            silent.close()

    asyncio.run(session())


def test_without_a_certificate_there_is_no_starttls(opened) -> None:
    async def session() -> None:
        async with opened(certificate=None, private_key=None, tls_listen=()) as door:
            client = await connect(door.addresses[0])
            await client.hear()
            assert "STARTTLS" not in await client.ask("EHLO client.test")
            assert (await client.ask("STARTTLS")).startswith("502 5.5.1")
            client.close()

    asyncio.run(session())


def test_closing_lets_a_transaction_end_and_sends_the_idle_away(opened, gate: RecordingGate) -> None:
    async def session() -> None:
        async with opened() as door:
            idle, busy = await connect(door.addresses[0]), await connect(door.addresses[0])
            await idle.hear()
            await busy.begin()
            await busy.ask("MAIL FROM:<news@sender.test>")
            stopping = asyncio.create_task(door.stop(5))
            assert (await idle.hear()).startswith("421 4.3.2")
            await idle.closed()
            await busy.ask("RCPT TO:<anna@list.test>")
            await busy.ask("DATA")
            assert (await busy.ask("slow message\r\n.")).startswith("250")
            assert (await busy.hear()).startswith("421 4.3.2")
            await busy.closed()
            await stopping
            with pytest.raises(ConnectionRefusedError):
                await connect(("127.0.0.1", busy.writer.get_extra_info("peername")[1]))

    asyncio.run(session())

    assert len(gate.handed) == 1


def test_closing_cuts_off_who_does_not_come_to_an_end(opened, gate: RecordingGate) -> None:
    async def session() -> None:
        async with opened() as door:
            client = await connect(door.addresses[0])
            await client.begin()
            await client.ask("MAIL FROM:<news@sender.test>")
            await door.stop(0.1)
            await client.closed()
            assert door.sessions == 0

    asyncio.run(session())


def test_a_message_under_way_is_finished_when_its_client_leaves(opened, gate: RecordingGate) -> None:
    async def session() -> None:
        async with opened() as door:
            client = await ready(door)
            client.send(b"slow message\r\n.\r\n")
            await gate.started.wait()
            client.writer.transport.abort()
            await empty(door)

    asyncio.run(session())

    assert len(gate.handed) == 1


def test_commands_sent_before_half_closing_are_answered(opened) -> None:
    async def session() -> None:
        async with opened() as door:
            client = await connect(door.addresses[0])
            client.send(b"EHLO client.test\r\nNOOP\r\nQUIT\r\n")
            client.writer.write_eof()
            assert [(await client.hear())[:3] for _ in range(4)] == ["220", "250", "250", "221"]
            await client.closed()

    asyncio.run(session())


def test_a_place_that_is_taken_is_an_error_at_once(opened, gate: RecordingGate) -> None:
    async def session() -> None:
        async with opened() as door:
            with pytest.raises(OSError, match=r"in use"):
                await start(gate, SmtpOptions("gw.test", listen=(*ANYWHERE, door.addresses[0])))

    asyncio.run(session())


def test_two_doors_may_share_a_place_when_told_to(opened, gate: RecordingGate) -> None:
    async def session() -> None:
        async with opened(reuse_port=True) as door:
            other = await start(gate, SmtpOptions("gw.test", listen=door.addresses, reuse_port=True))
            await other.stop(0)

    asyncio.run(session())


@pytest.mark.parametrize("wrong", ["handle_data", "handle_HELLO", "auth_Plain"])
def test_a_misspelt_hook_is_an_error_at_start(gate: RecordingGate, wrong: str) -> None:
    handler = Handler(gate)
    check_hooks(handler)

    class Misspelt(Handler):
        pass

    setattr(Misspelt, wrong, Handler.handle_DATA)
    with pytest.raises(TypeError, match=wrong):
        check_hooks(Misspelt(gate))


def test_a_hook_that_would_stop_every_session_is_an_error_at_start(gate: RecordingGate) -> None:
    class Blocking(Handler):
        def auth_PLAIN(self, server, args):  # type: ignore[override]
            return None

    with pytest.raises(TypeError, match="auth_PLAIN"):
        check_hooks(Blocking(gate))


@pytest.mark.parametrize(
    "wrong",
    [{"listen": ()}, {"certificate": Path("x")}, {"tls_listen": ANYWHERE}],
    ids=["nowhere", "half a certificate", "TLS without certificate"],
)
def test_options_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"listen|certificate"):
        SmtpOptions("gw.test", **{"listen": ANYWHERE, **wrong})
