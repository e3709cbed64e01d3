"""Bounces, complaints and machines' answers, read; nothing hostile breaks it."""

import time
from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail import feedback
from gateway.mail.dsn import DeliveryReport, Reported, report
from tests.mail.test_dsn import NOW, ORIGINAL

TOKEN, OTHER = "a" * 53, "b" * 53


def bounce(*fates: Reported) -> Message:
    letter = DeliveryReport("mx.example", "postmaster@mx.example", "b@in.example", NOW, NOW, ORIGINAL, fates)
    return message_from_bytes(report(letter))


def arf(kind: str, part: str, mime: str = "message/rfc822", more: str = "") -> bytes:
    return (
        "From: fbl@isp.example\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="=="\r\n\r\n'
        "--==\r\nContent-Type: text/plain\r\n\r\nThis is an abuse report.\r\n"
        "--==\r\nContent-Type: message/feedback-report\r\n\r\n"
        f"Feedback-Type: {kind}\r\nUser-Agent: SomeISP/1.0\r\nVersion: 1\r\n{more}\r\n"
        f"--==\r\nContent-Type: {mime}\r\n\r\n{part}\r\n--==--\r\n"
    ).encode()


def failures(content: bytes | Message) -> tuple[feedback.Failure, ...]:
    content = content if isinstance(content, bytes) else content.as_bytes()
    message = feedback.read(content)
    return feedback.failures(message, content) if message is not None else ()


def complaint(content: bytes) -> feedback.Complaint | None:
    message = feedback.read(content)
    assert message is not None
    return feedback.complaint(message)


@pytest.mark.parametrize(
    ("status", "diagnostic", "invalid"),
    [
        ("5.1.1", "550 5.1.1 no such user", True),
        ("5.1.10", "556 5.1.10 null MX", True),
        ("5.0.0", "550 5.1.1 <x> user unknown", True),  # what some servers write in the status says nothing
        ("5.2.2", "552 5.2.2 mailbox full", False),
        ("5.7.1", "550 5.7.1 blocked: 5.1.1 is not our word", False),
        ("4.4.7", "451 4.4.1 timed out", False),
        ("5.0.0", "550 go away", False),
    ],
)
def test_only_what_says_that_the_address_does_not_exist_makes_it_invalid(
    status: str, diagnostic: str, invalid: bool
) -> None:
    [failure] = failures(bounce(Reported("Anna@List.example", "failed", status, diagnostic)))

    assert failure.invalid is invalid
    assert failure.addresses == {"anna@list.example"}


def test_delays_and_other_mail_are_no_failures() -> None:
    assert failures(bounce(Reported("anna@list.example", "delayed", "4.4.1"))) == ()
    assert failures(b"Subject: hello\r\n\r\nanna@list.example 550 5.1.1\r\n") == ()


def test_the_original_recipient_counts_as_well_as_the_final_one() -> None:
    fate = Reported("anna@inner.example", "failed", "5.1.1", orcpt="rfc822;anna@list.example")

    assert failures(bounce(fate))[0].addresses == {"anna@inner.example", "anna@list.example"}


QMAIL = b"""From: MAILER-DAEMON@mx.example\r
Subject: failure notice\r
\r
Hi. This is the qmail-send program at mx.example.\r
I'm afraid I wasn't able to deliver your message to the following addresses.\r
This is a permanent error; I've given up. Sorry it didn't work out.\r
\r
<anna@list.example>:\r
Sorry, no mailbox here by that name. (#5.1.1)\r
\r
--- Below this line is a copy of the message.\r
"""


def test_a_bounce_from_before_the_standard_is_read_as_mailman_does() -> None:
    [failure] = failures(QMAIL)

    assert (failure.addresses, failure.invalid) == ({"anna@list.example"}, True)
    [full] = failures(QMAIL.replace(b"5.1.1", b"5.2.2"))
    assert not full.invalid


@pytest.mark.parametrize("mime", ["message/rfc822", "text/rfc822-headers"])
def test_a_complaint_is_found_by_our_token_in_the_reported_message(mime: str) -> None:
    part = (
        f"To: [redacted]\r\nList-Unsubscribe: <https://x.example/1/{TOKEN}>,\r\n <mailto:s+{OTHER}@x.example>\r\n\r\n"
    )
    found = complaint(arf("abuse", part, mime))

    assert found == feedback.Complaint("abuse", (TOKEN, OTHER))


def test_tokens_of_the_header_section_come_before_those_of_the_body() -> None:
    part = f"Subject: x\r\n\r\nhttps://x.example/p/{OTHER[:30]}=\r\n{OTHER[30:]}\r\n"
    body_only = complaint(arf("abuse", part, more=f"Original-Mail-From: <b+{TOKEN}@x.example>\r\n"))

    assert body_only
    assert body_only.tokens == (OTHER, TOKEN)


@pytest.mark.parametrize("kind", ["not-spam", "Opt-Out", "fraud"])
def test_the_kind_of_a_report_is_told(kind: str) -> None:
    found = complaint(arf(kind, ""))
    assert found
    assert found.kind == kind.lower()


def test_what_only_looks_like_a_report_is_none() -> None:
    assert complaint(b"Subject: Feedback-Type: abuse\r\n\r\nFeedback-Type: abuse\r\n") is None
    assert complaint(arf("abuse", "").replace(b"message/feedback-report", b"text/plain")) is None
    assert complaint(arf("abuse", "").replace(b"Feedback-Type", b"Feedback")) is None


@pytest.mark.parametrize(
    ("fields", "machine"),
    [
        (b"Auto-Submitted: auto-replied\r\n", True),
        (b"Auto-Submitted: auto-generated; x=y\r\n", True),
        (b"Precedence: bulk\r\n", True),
        (b"List-Id: <a.b>\r\n", True),
        (b"Auto-Submitted: no\r\n", False),
        (b"Subject: stop\r\n", False),
    ],
)
def test_machines_are_known_by_their_fields(fields: bytes, machine: bool) -> None:
    assert feedback.automatic(message_from_bytes(fields + b"\r\n")) is machine


def test_a_message_id_that_could_do_harm_is_not_repeated() -> None:
    assert feedback.message_id(message_from_bytes(b"Message-ID: <a@b.example>\r\n\r\n")) == "<a@b.example>"
    for bad in (b"<a\r\n b@c>", b"<a> <b>", "<é@b>".encode(), b"<" + b"a" * 300 + b">", b"plain"):
        assert feedback.message_id(message_from_bytes(b"Message-ID: " + bad + b"\r\n\r\n")) == ""


LINES = """\
Content-Type: multipart/report; report-type=feedback-report; boundary=x
Content-Type: multipart/mixed; boundary=x
Content-Type: message/feedback-report
Content-Type: message/delivery-status
Content-Type: message/rfc822
Content-Type: text/plain; charset=\xff
Content-Transfer-Encoding: base64
Final-Recipient: rfc822; \xff
Feedback-Type: abuse
Action: failed
Status: 5
Message-ID: <\0>
--x
--x--

"""
WORDS = st.sampled_from([line.encode("latin-1") for line in LINES.replace("\n", "\r\n").splitlines(keepends=True)])


@given(st.lists(st.one_of(WORDS, st.binary(max_size=30)), max_size=40).map(b"".join))
def test_nothing_hostile_breaks_it(content: bytes) -> None:
    message = feedback.read(content)
    if message is not None:
        feedback.failures(message, content)
        feedback.complaint(message)
        feedback.automatic(message)
        feedback.message_id(message)


@pytest.mark.parametrize("depth", [1, 20, 300])
@pytest.mark.parametrize("filler", [b"\r\n", b"--b0\r\n\r\n"], ids=["lines", "parts"])
def test_two_megabytes_of_lines_or_parts_do_not_take_long(depth: int, filler: bytes) -> None:
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))
    begun = time.process_time()
    failures(deep + b"\r\n" + filler * (2_000_000 // len(filler)))
    assert time.process_time() - begun < 5  # it was up to half a minute


def test_what_is_nested_without_end_is_nothing() -> None:
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(20_000))
    assert failures(deep) == ()


FAILURE = b"From: MAILER-DAEMON@mx.example\r\nSubject: failure notice\r\n\r\n"
HOSTILE = {
    "blanks": FAILURE + b"failed addresses follow: " + b" " * 1_000_000,
    "lines": FAILURE + b"\r\n" * 500_000,
    "parameters": b"Content-Type: multipart/report" + b"; a=b" * 400_000 + b"\r\n\r\n",
    "folded parameters": b"Content-Type: multipart/report" + b";\r\n a=b" * 200_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_message_keeps_a_reader_busy_for_long(name: str) -> None:
    """Patterns that look back and forth take hours for the first one, and hold up the whole program meanwhile."""
    begun = time.process_time()
    message = feedback.read(HOSTILE[name])
    if message is not None:
        feedback.failures(message, HOSTILE[name])
        feedback.complaint(message)

    assert time.process_time() - begun < 5
