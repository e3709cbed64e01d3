# ruff: noqa: E501
"""Whatever is said to the door: every reply is one of SMTP, nothing inside breaks, nothing is kept that was not sent.

Sessions are drawn and spoken over a real socket.
"""

import asyncio
import re
from base64 import b64encode
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.smtp import SmtpOptions, start
from tests.smtp.conftest import ANYWHERE
from tests.support.dialog import empty
from tests.support.recording import PASSWORD, USER, RecordingGate

LOGIN = b"AUTH PLAIN " + b64encode(f"\0{USER}\0{PASSWORD}".encode())
COMMANDS = [
    b"EHLO client.test", b"HELO x", b"EHLO", LOGIN, b"AUTH LOGIN", b"AUTH PLAIN", b"AUTH PLAIN =", b"*", b"STARTTLS", b"STARTTLS x",
    b"MAIL FROM:<news@sender.test>", b"MAIL FROM:<>", b"MAIL FROM:<a@b.test> SIZE=99999999999999999999", b"MAIL FROM:<a@b.test> BODY=8BITMIME SMTPUTF8",
    b"MAIL FROM:<caf\xc3\xa9@b.test>", b"MAIL FROM:<@a,@b:c@d.test>", b"mail from:", b"MAIL FROM:<a@b.test> X=Y", b"MAIL FROM:<stranger@b.test>",
    b"RCPT TO:<anna@list.test>", b"RCPT TO:<>", b"RCPT TO:<Postmaster>", b"RCPT TO:<\"a b\"@list.test>", b"RCPT TO:<anna@list.test> NOTIFY=NEVER,FAILURE",
    b"RCPT TO:<refused@list.test>", b"RCPT TO:<later@list.test>", b"RCPT TO:<victim%elsewhere.test@list.test>", b"RCPT TO:anna@list.test",
    b"DATA", b"DATA x", b"RSET", b"RSET x", b"NOOP", b"HELP", b"VRFY x", b"EXPN x", b"QUIT", b"GET / HTTP/1.1", b"BDAT 5 LAST", b"TURN", b"",
    b"X" * 600, b"MAIL FROM:<" + b"a" * 1300 + b"@b.test>", b"\xff\xfe", b"NOOP\0", b"Subject: x", b".", b"..", b".x", b"later", b"a" * 2000, b"caf\xe9",
]  # fmt: skip
ENDS = st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r", b"", b"\r\n.\r\n", b"\r\n.\r\n"])
TALK = st.lists(st.tuples(st.sampled_from(COMMANDS) | st.binary(max_size=12), ENDS).map(b"".join), max_size=14)
READY = [
    b"EHLO c\r\n",
    LOGIN + b"\r\n",
    b"MAIL FROM:<news@sender.test>\r\n",
    b"RCPT TO:<anna@list.test>\r\n",
    b"DATA\r\n",
]
LINE = re.compile(rb"([2-5]\d\d)([ -])([ -~]*)\r\n")
MOST = 1_500


async def talk(door, pieces: list[bytes]) -> bytes:
    """Say everything, close our half, and return all that was answered."""
    reader, writer = await asyncio.open_connection(*door.addresses[0])
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        writer.write_eof()
        return await asyncio.wait_for(reader.read(), 20)
    except OSError:  # the door has closed while we were still talking
        return b""
    finally:
        writer.close()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("begun", [0, 2, 5], ids=["stranger", "member", "in a message"])
def test_no_talk_breaks_the_door(begun: int) -> None:
    gate = RecordingGate()
    runner = asyncio.Runner()
    options = SmtpOptions(
        "gw.test", ANYWHERE, max_size=MOST, max_sessions_per_host=10_000, failed_login_delay=0, free_failed_logins=10**9
    )
    door = runner.run(start(gate, options))

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    @example([b"\r\n.\r\n"])
    @given(TALK)
    def drawn(pieces: list[bytes]) -> None:
        gate.handed.clear()
        heard = runner.run(talk(door, [*READY[:begun], *pieces]))
        runner.run(empty(door))
        check(heard)
        assert not heard or len(gate.handed) <= sum(line[:3] == b"354" for line in heard.splitlines())
        stream = b"".join([*READY[:begun], *pieces])
        for draft, content, _ in gate.handed:
            assert draft.login.account.login == USER
            assert draft.recipients
            assert len(content) <= MOST
            assert content == b"" or content.endswith(b"\r\n")
            assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", content)
            assert content in stream.replace(b"\r\n.", b"\r\n")  # RFC 5321 4.5.2
        if not begun and LOGIN[11:] not in stream:
            assert gate.handed == gate.drafts == []

    try:
        drawn()
    finally:
        runner.run(door.stop(0))
        runner.close()


def check(heard: bytes) -> None:
    """Every line is a line of a reply, and no reply tells of a fault inside."""
    lines = [LINE.fullmatch(line) for line in heard.splitlines(keepends=True)]
    assert all(lines), heard
    assert b"internal error" not in heard
    assert heard == b"" or heard.startswith(b"220 ")
    for line, following in pairwise(lines):
        assert line[2] == b" " or following[1] == line[1]
