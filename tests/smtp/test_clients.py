"""Real clients: the standard library's, swaks, Postfix's smtp-source; and what the log says of them."""

import asyncio
import shutil
import smtplib
import socket
import ssl
import subprocess
from base64 import b64encode
from email.message import EmailMessage

import pytest

from gateway import journal
from gateway.smtp.protocol import is_loopback
from tests.support.dialog import connect
from tests.support.recording import PASSWORD, USER, RecordingGate

# smtplib's own login takes ASCII only, and the password is beyond it
PLAIN = b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()


def test_smtplib_sends_over_starttls(opened, gate: RecordingGate, trust: ssl.SSLContext) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "news@sender.test", "anna@list.test", "Été"
    message.set_content("Bonjour,\n.\n..\nà bientôt\n")

    def send(port: int) -> None:
        with smtplib.SMTP("localhost", port, local_hostname="client.test", timeout=10) as client:
            client.starttls(context=trust)
            client.ehlo()
            assert client.docmd("AUTH", f"PLAIN {PLAIN}")[0] == 235
            refused = client.send_message(message, to_addrs=["anna@list.test", "refused@list.test"])
            assert refused["refused@list.test"][0] == 550

    async def session() -> None:
        async with opened() as door:
            await asyncio.to_thread(send, door.addresses[0][1])

    asyncio.run(session())

    draft, content, peer = gate.handed[0]
    assert [recipient.address.spelled for recipient in draft.recipients] == ["anna@list.test"]
    assert content.startswith(b"From: news@sender.test\r\n")
    assert peer.protocol == "ESMTPSA"


def test_smtplib_logs_in_with_login_over_implicit_tls(opened, gate: RecordingGate, trust: ssl.SSLContext) -> None:
    def send(port: int) -> None:
        with smtplib.SMTP_SSL("localhost", port, context=trust, timeout=10) as client:
            client.user, client.password = USER, PASSWORD
            client.ehlo()
            answers = iter([USER.encode(), PASSWORD.encode()])
            code, challenge = client.docmd("AUTH", "LOGIN")
            while code == 334:
                assert challenge in {b64encode(b"Username:"), b64encode(b"Password:")}
                code, challenge = client.docmd(b64encode(next(answers)).decode())
            assert code == 235
            client.sendmail("news@sender.test", ["anna@list.test"], b"hello\r\n", mail_options=["BODY=8BITMIME"])

    async def session() -> None:
        async with opened() as door:
            await asyncio.to_thread(send, door.tls_addresses[0][1])

    asyncio.run(session())

    assert gate.handed[0][0].eight_bit


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_sends(opened, gate: RecordingGate, mechanism: str) -> None:
    swaks = shutil.which("swaks")
    assert swaks, "install the Debian package swaks"

    async def session() -> None:
        async with opened() as door:
            run = await asyncio.create_subprocess_exec(
                swaks, "--server", f"127.0.0.1:{door.addresses[0][1]}", "--tls", "--auth", mechanism,
                "--auth-user", USER, "--auth-password", PASSWORD, "--from", "news@sender.test",
                "--to", "anna@list.test,bert@list.test", "--body", ".dot\n", "--helo", "client.test",
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            output, _ = await run.communicate()
            assert run.returncode == 0, output.decode()

    asyncio.run(session())

    assert len(gate.handed[0][0].recipients) == 2
    assert b"\r\n.dot\r\n" in gate.handed[0][1]


def test_no_password_reaches_the_log(opened, capsys: pytest.CaptureFixture[str]) -> None:
    journal.setup("debug", "json")
    word = "hunter2-secret"
    encoded = [b64encode(word.encode()).decode(), b64encode(f"\0tool\0{word}".encode()).decode()]

    async def session() -> None:
        async with opened() as door:
            client = await connect(door.addresses[0])
            await client.hear()
            await client.ask("EHLO client.test")
            await client.ask(f"AUTH PLAIN {encoded[1]}")
            await client.ask("AUTH LOGIN dG9vbA==")
            await client.ask(encoded[0])
            client.send(f"AUTH PLAIN {encoded[1]} {word}\r\n".encode())
            await client.hear()
            client.close()

    asyncio.run(session(), debug=True)
    journal.setup("warning", "console")

    log = "".join(capsys.readouterr())
    assert "smtp.login" in log
    assert not [secret for secret in (word, *encoded) if secret in log]


def own_address() -> str | None:
    """Return an address of this machine other than loopback, without asking the network anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def test_a_login_without_tls_is_taken_from_loopback_only(opened) -> None:
    assert [host for host in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1") if not is_loopback(host)] == []
    assert [host for host in ("192.0.2.1", "::", "10.0.0.1", "fe80::1%eth0", "", "x") if is_loopback(host)] == []


def test_from_elsewhere_tls_comes_before_login(opened) -> None:
    host = own_address()
    if host is None:  # a machine without any other address has no elsewhere
        return

    async def session() -> None:
        async with opened(listen=((host, 0),), tls_listen=()) as door:
            client = await connect(door.addresses[0])
            await client.hear()
            offers = await client.ask("EHLO client.test")
            assert "AUTH" not in offers
            assert "STARTTLS" in offers
            assert (await client.ask(f"AUTH PLAIN {PLAIN}")).startswith("538 5.7.11")
            assert "STARTTLS" in await client.ask("MAIL FROM:<news@sender.test>")
            client.close()

    asyncio.run(session())
