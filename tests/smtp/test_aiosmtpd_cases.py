# ruff: noqa: E501
"""The cases of aiosmtpd's own test suite (1.4.6, tests/test_smtp.py), put to our door.

Where ours answers otherwise than aiosmtpd, the case says why: it is a submission server, speaks of every refusal with an
enhanced status, and knows what aiosmtpd does not.
"""

import asyncio
import socket
from base64 import b64encode

import pytest

from tests.support.dialog import Client, connect, empty
from tests.support.recording import PASSWORD, USER, RecordingGate

EHLO, MAIL, RCPT = "EHLO example.com", "MAIL FROM:<anne@example.com>", "RCPT TO:<bart@example.com>"
PLAIN = "AUTH PLAIN " + b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
READY = (EHLO, PLAIN)

CASES = [
    # name, what was said before, what is said, how the answer begins
    ("binary", (), b"\x80FAIL", "500"),
    ("binary with blank", (), b"\x80 FAIL", "500"),
    ("helo", (), "HELO example.com", "250"),
    ("helo without a name", (), "HELO", "501"),
    ("helo twice", ("HELO example.org",), "HELO example.com", "250"),
    ("ehlo without a name", (), "EHLO", "501"),
    ("ehlo twice", (EHLO,), EHLO, "250"),
    ("helo then ehlo", ("HELO example.com",), EHLO, "250"),
    ("ehlo then helo", (EHLO,), "HELO example.com", "250"),
    ("noop", (), "NOOP", "250"),
    ("noop with argument", (), "NOOP oops", "250"),
    ("quit", (), "QUIT", "221"),
    ("quit with argument", (), "QUIT oops", "221"),  # aiosmtpd: 501; whoever wants to go may go
    ("help", (), "HELP", "214"),  # aiosmtpd: 250; RFC 5321 4.3.2 has 211 and 214
    ("help me", (), "HELP me!", "214"),
    ("expn", READY, "EXPN anne@example.com", "502"),
    ("vrfy", READY, "VRFY anne@example.com", "252"),
    ("vrfy without argument", READY, "VRFY", "501"),
    ("vrfy of no address", READY, "VRFY @@", "252"),  # aiosmtpd: 502; nothing is said about anybody
    ("mail before ehlo", (), MAIL, "503"),
    ("rcpt before ehlo", (), RCPT, "503"),
    ("data before ehlo", (), "DATA", "503"),
    ("mail without argument", READY, "MAIL", "501"),
    ("mail without from", READY, "MAIL <anne@example.com>", "501"),
    ("mail without address", READY, "MAIL FROM:", "501"),
    ("mail with a name", READY, "MAIL FROM: Anne <anne@example.com>", "501"),
    ("size", READY, f"{MAIL} SIZE=10000", "250"),
    ("size, more blanks", READY, f"{MAIL}   SIZE=10000 ", "250"),
    ("size too large", READY, f"{MAIL} SIZE=100000", "552"),
    ("size without equals", READY, f"{MAIL} SIZE 10000", "555"),  # aiosmtpd: 501; a second word is a second parameter
    ("size without value", READY, f"{MAIL} SIZE", "501"),
    ("size with blanks", READY, f"{MAIL} SIZE = 10000", "501"),
    ("bad parameter", READY, f"{MAIL} #$%=!@#", "501"),
    ("unknown parameter", READY, f"{MAIL} FOO=BAR", "555"),
    ("bad body", READY, f"{MAIL} BODY=FOO", "501"),
    ("body without value", READY, f"{MAIL} BODY 9BIT", "555"),  # as above
    ("smtputf8", READY, f"{MAIL} SMTPUTF8 SIZE=1000", "250"),
    ("smtputf8 with value", READY, f"{MAIL} SMTPUTF8=yes", "501"),
    ("mail twice", (*READY, MAIL), MAIL, "503"),
    ("rcpt before mail", READY, RCPT, "503"),
    ("rcpt without argument", (*READY, MAIL), "RCPT", "501"),
    ("rcpt without to", (*READY, MAIL), "RCPT <bart@example.com>", "501"),
    ("rcpt without address", (*READY, MAIL), "RCPT TO:", "501"),
    ("rcpt with a name", (*READY, MAIL), "RCPT TO: bart <bart@example.com>", "501"),
    ("rcpt unknown parameter", (*READY, MAIL), f"{RCPT} FOOBAR", "555"),
    ("rset", READY, "RSET", "250"),
    ("rset with argument", READY, "RSET FOO", "501"),
    ("rset keeps the login", (*READY, MAIL, "RSET"), MAIL, "250"),
    ("data before rcpt", (*READY, MAIL), "DATA", "503"),
    ("data", (*READY, MAIL, RCPT), "DATA", "354"),
    ("data with argument", (*READY, MAIL, RCPT), "DATA FOOBAR", "501"),
    ("nothing", (), "", "500"),
    ("too long", (), "a" * 600, "500"),
    ("much too long", (), "a" * 20_000, "500"),
    ("unknown", (), "FOOBAR", "500"),
    ("auth before ehlo", (), PLAIN, "503"),
    ("auth after helo", ("HELO example.com",), PLAIN, "503"),
    ("auth without mechanism", (EHLO,), "AUTH", "501"),
    ("auth with too much", (EHLO,), "AUTH PLAIN NONE NONE", "501"),
    ("auth of a mechanism unknown", (EHLO,), "AUTH FOO", "504"),
    ("auth twice", READY, PLAIN, "503"),
    ("plain, no base64", (EHLO,), "AUTH PLAIN not-b64", "501"),
    ("plain, half of base64", (EHLO,), "AUTH PLAIN Zm9vYmF", "501"),
    ("plain, too many values", (EHLO,), "AUTH PLAIN " + b64encode(b"a\0b\0c\0d").decode(), "501"),
    ("plain, wrong", (EHLO,), "AUTH PLAIN " + b64encode(b"\0tool\0wrong").decode(), "535"),
    ("plain, empty", (EHLO,), "AUTH PLAIN =", "501"),
    ("plain in two", (EHLO, "AUTH PLAIN"), PLAIN.split()[2], "235"),
    ("plain in two, aborted", (EHLO, "AUTH PLAIN"), "*", "501"),
    ("plain in two, no base64", (EHLO, "AUTH PLAIN"), "ab@%", "501"),
    ("login aborted at the name", (EHLO, "AUTH LOGIN"), "*", "501"),
    ("login aborted at the password", (EHLO, "AUTH LOGIN", "dG9vbA=="), "*", "501"),
    ("login, no base64", (EHLO, "AUTH LOGIN"), "ab@%", "501"),
    ("login in two", (EHLO, "AUTH LOGIN dG9vbA=="), b64encode(PASSWORD.encode()).decode(), "235"),
    ("mail without login", (EHLO,), MAIL, "530"),
    ("rcpt without login", (EHLO,), RCPT, "530"),
    ("data without login", (EHLO,), "DATA", "530"),
    ("vrfy without login", (EHLO,), "VRFY anne@example.com", "530"),
    ("ehlo ends the transaction", (*READY, MAIL, EHLO), RCPT, "503"),
    ("helo ends the transaction", (*READY, MAIL, "HELO x"), RCPT, "503"),
    ("utf-8 without smtputf8", (*READY, MAIL), "RCPT TO:<café@example.com>", "553"),
    ("utf-8 with smtputf8", (*READY, f"{MAIL} SMTPUTF8"), "RCPT TO:<café@example.com>", "250"),
]  # fmt: skip
TAKEN = [
    "anne@example.com", "<anne@example.com>", " anne@example.com", "  <anne@example.com>", "<anne.arthur@example.com>", "<anne+promo@example.com>",
    "<anne-arthur@example.com>", "<anne_arthur@example.com>", "<_@example.com>", "<@example.org:anne@example.com>",
    "<@example.net,@example.org:anne@example.com>", '<"anne..arthur"@example.com>', '<"a b"@example.com>',
]  # fmt: skip
# aiosmtpd takes these. Ours writes to people by domain name: an address that is a number, a comment (obsolete since RFC
# 822), a host without a domain and an empty name are none that anybody gave a consent with.
NOT_TAKEN = [
    "<@example.com>", "<johnathon@>", "<anne@127.0.0.1>", "<anne@[127.0.0.1]>", "<anne(comment)@example.com>", "<anne@mail>", '<""@example.com>',
    "<" + "b" * 490 + "@example.com>", "<anne@-example.com>",
]  # fmt: skip


def said(client: Client, line: str | bytes) -> None:
    client.send((line if isinstance(line, bytes) else line.encode()) + b"\r\n")


async def after(door, before: tuple[str, ...]) -> Client:
    client = await connect(door.addresses[0])
    await client.hear()
    for line in before:
        assert (await client.ask(line))[0] in "23"
    return client


def test_every_case_is_answered_as_it_says(opened) -> None:
    wrong = []

    async def session() -> None:
        async with opened(free_failed_logins=1000) as door:
            for name, before, line, begins in CASES:
                client = await after(door, before)
                said(client, line)
                if not (await client.hear()).startswith(begins):
                    wrong.append((name, client.heard))
                client.close()

    asyncio.run(session())

    assert wrong == []


@pytest.mark.parametrize(("addresses", "codes"), [(TAKEN, ("250",)), (NOT_TAKEN, ("501", "553"))], ids=["taken", "not"])
def test_addresses_of_all_shapes(opened, addresses: list[str], codes: tuple[str, ...]) -> None:
    wrong = []

    async def session() -> None:
        async with opened() as door:
            client = await after(door, READY)
            for address in addresses:
                for command in (f"MAIL FROM:{address}", f"{MAIL}\r\nRCPT TO:{address}"):
                    said(client, "RSET\r\n" + command)
                    replies = [await client.hear() for _ in range(2 + command.count("\r\n"))]
                    if not replies[-1].startswith(codes):
                        wrong.append((command, replies[-1]))
            client.close()

    asyncio.run(session())

    assert wrong == []


@pytest.mark.parametrize("last", [b"", b"MAIL FR", b"a" * 2000, b"DATA\r\n", b"DATA\r\nhalf a", b"DATA\r\nx\r\n.\r"])
def test_a_client_that_crashes_leaves_nothing_behind(opened, gate: RecordingGate, last: bytes) -> None:
    async def session() -> None:
        async with opened() as door:
            client = await after(door, (*READY, MAIL, RCPT))
            client.send(last)
            await client.writer.drain()
            raw = client.writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # RST instead of FIN
            client.writer.transport.abort()
            await empty(door)
            another = await after(door, ())
            assert (await another.ask("NOOP")).startswith("250")
            another.close()

    asyncio.run(session())

    assert gate.handed == []
