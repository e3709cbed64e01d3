"""The courier to a next hop, against aiosmtpd, Postfix's smtp-sink, and servers that misbehave."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
import uvloop

from gateway.courier import Letter, Outcome, Smarthost, SmarthostOptions
from gateway.courier.connection import Timeouts
from gateway.errors import Misuse
from tests.support.sink import Play, postfix_sink, scripted, sink

BODY = b"Subject: hello\r\n\r\n.dot\r\n..dots\r\nend\r\n"
LETTER = Letter("bounce@sender.test", "anna@list.test", BODY)
SHORT = Timeouts(connect=0.5, command=0.3, block=0.3, end=0.3, quit=0.2)
GREETING = "220 next.test"
EHLO = "250-next.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000"


def options(port: int, **changed: object) -> SmarthostOptions:
    common = {"url": f"smtp://127.0.0.1:{port}", "hostname": "gw.test", "timeouts": SHORT}
    return SmarthostOptions(**{**common, **changed})


async def hand(port: int, *letters: Letter, **changed: object) -> list[Outcome]:
    courier = Smarthost(options(port, **changed))
    try:
        return [await courier.hand(letter) for letter in letters]
    finally:
        await courier.close()


def outcome_of(play: Play, letter: Letter = LETTER, **changed: object) -> Outcome:
    async def session() -> Outcome:
        async with scripted(play) as server:
            return (await hand(server.port, letter, **changed))[0]

    return asyncio.run(session())


def test_a_letter_arrives_as_it_was_handed(tmp_path: Path) -> None:
    async def session() -> None:
        async with sink() as server:
            letter = Letter("", "anna@list.test", BODY)
            first, second = await hand(server.port, LETTER, letter)
            assert (first.fate, first.reply.code) == (second.fate, second.reply.code) == ("delivered", 250)
            assert [(m.sender, m.recipients, m.content) for m in server.kept] == [
                ("bounce@sender.test", ["anna@list.test"], BODY),
                ("", ["anna@list.test"], BODY),
            ]
            assert server.connections == 1

    asyncio.run(session())


@pytest.mark.parametrize("content", [b"", b".", b".\r\n", b"a", b"a\r\n.\r\nb", b"\r\n.\r\n", b"\r\n\r\n..\r\n"])
def test_no_content_ends_the_message_early(content: bytes) -> None:
    async def session() -> None:
        async with sink() as server:
            outcomes = await hand(server.port, Letter("b@sender.test", "a@list.test", content), LETTER)
            assert [outcome.fate for outcome in outcomes] == ["delivered", "delivered"]
            ended = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
            assert [message.content for message in server.kept] == [ended, BODY]

    asyncio.run(session())


def test_many_letters_share_a_few_connections_of_smtp_sink() -> None:
    async def session() -> None:
        async with postfix_sink() as port:
            courier = Smarthost(options(port, connections=4))
            outcomes = await asyncio.gather(*(courier.hand(LETTER) for _ in range(200)))
            assert {outcome.fate for outcome in outcomes} == {"delivered"}
            await courier.close()

    asyncio.run(session())


@pytest.mark.parametrize("flags", [["-p"], ["-e"]], ids=["no PIPELINING", "no ESMTP"])
def test_a_next_hop_without_extensions_is_served_too(flags: list[str]) -> None:
    async def session() -> None:
        async with postfix_sink(*flags) as port:
            assert [o.fate for o in await hand(port, LETTER, LETTER)] == ["delivered", "delivered"]

    asyncio.run(session())


def test_a_large_letter_arrives_whole() -> None:
    content = b"x" * 70 + b"\r\n.y\r\n"

    async def session() -> None:
        async with sink() as server:
            letter = Letter("b@sender.test", "a@list.test", content * 20_000)
            (outcome,) = await hand(server.port, letter, timeouts=Timeouts())
            assert outcome.fate == "delivered"
            assert server.kept[0].content == content * 20_000

    asyncio.run(session())


def test_parameters_go_where_they_are_offered_and_nowhere_else() -> None:
    letter = Letter("b@sender.test", "a@list.test", b"\xc3\xa9\r\n", False, "NEVER", "rfc822;a@list.test", "QQ", "HDRS")

    async def session(offer: str) -> list[str]:
        play = [(GREETING, "EHLO"), (f"250-next.test\r\n250-8BITMIME\r\n{offer}", "MAIL"), ("250 ok", "RCPT")]
        async with scripted([*play, ("250 ok", "DATA"), ("354 go", "."), ("250 ok", "")]) as server:
            assert (await hand(server.port, letter))[0].fate == "delivered"
            return server.heard

    assert [line for line in asyncio.run(session("250 DSN")) if line[:4] in {"MAIL", "RCPT"}] == [
        "MAIL FROM:<b@sender.test> BODY=8BITMIME RET=HDRS ENVID=QQ",
        "RCPT TO:<a@list.test> NOTIFY=NEVER ORCPT=rfc822;a@list.test",
    ]
    assert [line for line in asyncio.run(session("250 SIZE 1000")) if line[:4] in {"MAIL", "RCPT"}] == [
        "MAIL FROM:<b@sender.test> SIZE=4 BODY=8BITMIME",
        "RCPT TO:<a@list.test>",
    ]


@pytest.mark.parametrize(
    ("letter", "status"),
    [
        (Letter("b@sender.test", "zoé@list.test", BODY), "5.6.7"),
        (Letter("b@sender.test", "a@list.test", BODY, smtputf8=True), "5.6.7"),
        (Letter("b@sender.test", "a@list.test", b"\xc3\xa9\r\n"), "5.6.3"),
        (Letter("b@sender.test", "a@list.test", b"x" * 200), "5.3.4"),
        (Letter("b@sender.test", "a@list.test>\r\nDATA", BODY), "5.1.3"),
        (Letter("b@sender.test\n", "a@list.test", BODY), "5.1.3"),
        (Letter("b@sender.test", "", BODY), "5.1.3"),
        (Letter("b@sender.test", "a\udcff@list.test", BODY), "5.1.3"),
        (Letter("b@sender.test", "a@list.test", BODY, orcpt="rfc822;a b"), "5.5.4"),
        (Letter("b@sender.test", "a@list.test", b"a\nb\r\n"), "5.6.0"),
        (Letter("b@sender.test", "a@list.test", b"a\rb\r\n"), "5.6.0"),
        (Letter("b@sender.test", "a@list.test", b"a\r\n.\n"), "5.6.0"),
    ],
)
def test_what_can_never_be_sent_fails_without_a_word_of_it(letter: Letter, status: str) -> None:
    heard: list[str] = []

    async def session() -> Outcome:
        async with scripted([(GREETING, "EHLO"), ("250-next.test\r\n250 SIZE 150", ""), ("221 bye", "")]) as server:
            outcome = (await hand(server.port, letter))[0]
            heard.extend(server.heard)
            return outcome

    outcome = asyncio.run(session())

    assert (outcome.fate, outcome.reply.status) == ("failed", status)
    assert [line for line in heard if line[:4] in {"MAIL", "RCPT", "DATA"}] == []


def answers(*replies: str) -> Play:
    """Play a server that answers the whole group of commands at once, as PIPELINING allows."""
    return [(GREETING, "EHLO"), (EHLO, "MAIL"), ("\r\n".join(replies), "")]


@pytest.mark.parametrize(
    ("play", "fate", "said"),
    [
        (answers("550 5.1.8 no", "503 no", "503 no"), "failed", "550 5.1.8 no"),
        (answers("250 ok", "550-5.1.1 no such\r\n550 5.1.1 user", "554 no"), "failed", "550 5.1.1 no such user"),
        (answers("250 ok", "450 4.2.1 later", "554 no"), "deferred", "450 4.2.1 later"),
        (answers("250 ok", "250 ok", "451 4.3.0 later"), "deferred", "451 4.3.0 later"),
        (answers("530 5.7.0 log in first", "503 no", "503 no"), "deferred", "530 5.7.0"),
        (answers("421 4.3.2 going down"), "deferred", "421 4.3.2 going down"),
        (answers("250 ok", "550 2.1.1 two numbers that disagree", "554 no"), "failed", "550 2.1.1 two"),
        (answers("what?"), "deferred", "451 4.4.2"),
        (answers("250 ok", "354 go", "250 ok"), "deferred", "451 4.4.2"),
        (answers("250 ok", "250 ok"), "deferred", "451 4.4.2"),
        ([("554 5.7.1 not you", "")], "deferred", "451 4.4.0 the next hop refuses the connection: 554 5.7.1 not you"),
        ([(GREETING, "EHLO"), ("", "")], "deferred", "451 4.4.1"),
        ([("hello there", "")], "deferred", "451 4.4.0"),
        ([(None, "")], "deferred", "451 4.4.1"),
    ],
)
def test_what_the_next_hop_says_decides(play: Play, fate: str, said: str) -> None:
    outcome = outcome_of(play)

    assert (outcome.fate, str(outcome.reply)[: len(said)]) == (fate, said)


@pytest.mark.parametrize(
    ("last", "fate", "said"),
    [
        ("250 2.0.0 queued as 1", "delivered", "250 2.0.0 queued as 1"),
        ("554 5.7.1 spam", "failed", "554 5.7.1 spam"),
        ("452 4.3.1 full", "deferred", "452 4.3.1 full"),
        ("421 4.3.2 going down", "deferred", "421 4.3.2 going down"),
        (None, "deferred", "451 4.4.2 connection lost after the message was sent; it may have been delivered"),
        ("", "deferred", "451 4.4.2 next hop did not answer in time after the message was sent; it may have been"),
        ("yes", "deferred", "451 4.4.2 next hop talks nonsense: yes after the message was sent; it may have been"),
        ("354 more", "deferred", "451 4.4.2 next hop talks nonsense after the message was sent (354 more)"),
    ],
)
def test_after_the_message_the_last_reply_decides_and_doubt_is_told(last: str | None, fate: str, said: str) -> None:
    outcome = outcome_of([*answers("250 ok", "250 ok", "354 go")[:-1],
                          ("250 ok\r\n250 ok\r\n354 go", "."), (last, "")])  # fmt: skip

    assert outcome.fate == fate
    assert str(outcome.reply).replace("next hop closed the connection", "connection lost")[: len(said)] == said


def test_a_next_hop_that_stops_reading_is_left(tmp_path: Path) -> None:
    outcome = outcome_of([(GREETING, "EHLO"), ("250-next.test\r\n250 PIPELINING", "MAIL"),
                          ("250 ok\r\n250 ok\r\n354 go", "stall")],
                         Letter("b@sender.test", "a@list.test", b"x" * 70 + b"\r\n" + b"y" * 30_000_000))  # fmt: skip

    assert outcome.fate == "deferred"
    assert "stopped reading" in outcome.reply.text


def test_an_early_refusal_of_a_large_message_is_heard() -> None:
    outcome = outcome_of([(GREETING, "EHLO"), ("250-next.test\r\n250 PIPELINING", "MAIL"),
                          ("250 ok\r\n250 ok\r\n354 go", "y"), ("552 5.3.4 too big", "stall")],
                         Letter("b@sender.test", "a@list.test", b"yes\r\n" * 6_000_000))  # fmt: skip

    assert (outcome.fate, outcome.reply.status) == ("failed", "5.3.4")


def test_data_granted_without_recipients_is_ended_with_nothing() -> None:
    async def session() -> None:
        async with scripted([(GREETING, "EHLO"), (EHLO, "MAIL"), ("250 ok\r\n550 5.1.1 no\r\n354 go", "."),
                             ("554 5.5.1 nobody", "RSET"), ("250 ok\r\n250 ok\r\n250 ok\r\n354 go", "."),
                             ("250 ok", "QUIT"), ("221 bye", "")]) as server:  # fmt: skip
            outcomes = await hand(server.port, LETTER, LETTER)
            assert [outcome.fate for outcome in outcomes] == ["failed", "delivered"]
            assert server.heard.count(".") == 2
            assert "RSET" in server.heard

    asyncio.run(session())


@pytest.mark.parametrize("goodbye", ["421 4.4.2 idle", None], ids=["421", "closed"])
def test_a_kept_connection_that_ended_is_replaced_and_the_letter_sent_once(goodbye: str | None) -> None:
    good = [(GREETING, "EHLO"), (EHLO, "MAIL"), ("250 ok\r\n250 ok\r\n354 go", "."), ("250 ok", "MAIL")]

    async def session() -> None:
        async with scripted([*good, (goodbye, "")], [*good, ("", "")]) as server:
            outcomes = await hand(server.port, LETTER, LETTER)
            assert [outcome.fate for outcome in outcomes] == ["delivered", "delivered"]
            assert server.connections == 2

    asyncio.run(session())


def test_connections_are_renewed_after_some_letters_and_closed_when_idle() -> None:
    async def session() -> None:
        async with sink() as server:
            courier = Smarthost(options(server.port, letters_each=2, idle=0.2))
            for _ in range(5):
                assert (await courier.hand(LETTER)).fate == "delivered"
            assert server.connections == 3
            await asyncio.sleep(0.6)
            assert server.open == 0
            await courier.close()

    asyncio.run(session())


def test_nobody_listening_is_deferred() -> None:
    async def session() -> None:
        async with scripted([]) as server:
            port = server.port
        (outcome,) = await hand(port, LETTER)
        assert (outcome.fate, outcome.reply.status) == ("deferred", "4.4.1")

    asyncio.run(session())


def test_a_cancelled_letter_leaves_no_reply_for_the_next() -> None:
    async def session() -> None:
        async with sink(slow=0.1) as server:
            courier = Smarthost(options(server.port, connections=1, timeouts=Timeouts()))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(courier.hand(LETTER), 0.05)
            assert (await courier.hand(LETTER)).fate == "delivered"
            await courier.close()

    asyncio.run(session())


# TLS and login.


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def served(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> Path:
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    return tmp_path / "authority.pem"


@pytest.mark.parametrize(
    ("changed", "fate", "status"),
    [
        ({"tls": "may"}, "delivered", "2.0.0"),
        ({"tls": "may", "verify": True}, "deferred", "4.7.5"),
        ({"tls": "must"}, "deferred", "4.7.5"),
        ({"tls": "none"}, "delivered", "2.0.0"),
    ],
)
def test_certificates_nobody_vouches_for(served: ssl.SSLContext, changed: dict, fate: str, status: str) -> None:
    async def session() -> None:
        async with sink(starttls=served) as server:
            (outcome,) = await hand(server.port, LETTER, **changed)
            assert (outcome.fate, outcome.reply.status) == (fate, status)
            assert [message.secure for message in server.kept] == (
                [changed["tls"] == "may"] if fate == "delivered" else []
            )

    asyncio.run(session())


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_with_a_certificate_vouched_for_tls_is_used(
    loop: Callable[[], asyncio.AbstractEventLoop], served: ssl.SSLContext, trusted: Path
) -> None:
    async def session() -> None:
        async with sink(starttls=served) as server:
            (outcome,) = await hand(server.port, LETTER, tls="must", authorities=trusted)
            assert outcome.fate == "delivered"
            assert server.kept[0].secure
        async with sink(implicit=served) as server:
            (outcome,) = await hand(0, LETTER, url=f"smtps://localhost:{server.port}", authorities=trusted, tls="may")
            assert outcome.fate == "delivered"

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(session())


def test_where_tls_is_a_must_plain_text_is_not_enough() -> None:
    async def session() -> None:
        async with sink() as server:
            (outcome,) = await hand(server.port, LETTER, tls="must")
            assert outcome.fate == "deferred"
            assert server.kept == []

    asyncio.run(session())


@pytest.mark.parametrize(("password", "fate"), [("right", "delivered"), ("wrong", "deferred")])
def test_a_login_is_made_and_its_refusal_bounces_nothing(
    served: ssl.SSLContext, trusted: Path, password: str, fate: str
) -> None:
    async def session() -> None:
        async with sink(starttls=served, password=b"right") as server:
            (outcome,) = await hand(
                server.port, LETTER, username="us", password=password, tls="must", authorities=trusted
            )
            assert outcome.fate == fate
            assert password not in str(outcome)
            if fate == "deferred":
                assert outcome.reply.status == "4.7.0"

    asyncio.run(session())


def test_the_password_shows_nowhere() -> None:
    assert "hunter2" not in repr(options(1, username="us", password="hunter2"))


def test_a_next_hop_that_is_none_is_misuse(tmp_path: Path) -> None:
    for url in ("http://next.test", "smtp://", "next.test:25"):
        with pytest.raises(Misuse, match=r"upstream\.url"):
            Smarthost(SmarthostOptions(url, "gw.test"))
    with pytest.raises(Misuse, match="authorities"):
        Smarthost(options(1, authorities=tmp_path / "none.pem"))
