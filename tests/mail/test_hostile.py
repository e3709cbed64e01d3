"""Messages built to be expensive are refused with a reason, in bounded time and memory."""

import time
import tracemalloc
from base64 import encodebytes

import pytest

from gateway.errors import Misuse
from gateway.mail import headers, looks, rewrite
from gateway.mail.rewrite import Plan, Unfit, plan

HEAD = b"From: a@b.fr\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
MILLION = 1_000_000


def nested(levels: int) -> bytes:
    opened = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(levels)
    )
    return HEAD + opened + b"Content-Type: text/plain\r\n\r\nhello\r\n"


def flat(part: bytes, times: int) -> bytes:
    return HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + (b"--b\r\n" + part) * times + b"--b--\r\n"


BOMBS = {
    "a million fields": (b"A:\r\n" * MILLION + b"\r\nx\r\n", "headers-many"),
    "a million lines of one field": (HEAD + b"X: y\r\n" + b" z\r\n" * MILLION + b"\r\nhello\r\n", None),
    "fields in each of many parts": (flat(b"A:\r\n" * 900 + b"\r\nx\r\n", 300), "headers-many"),
    "multiparts in multiparts": (nested(200), "structure-large"),
    "a hundred thousand parts": (flat(b"\r\nx\r\n", 100_000), "structure-large"),
    "what looks like delimiters": (
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + b"--bx\r\n" * MILLION + b"--b--\r\n",
        None,
    ),
    "encoded words": (HEAD + b"Subject: " + b"=?a?q?" * MILLION + b"\r\n\r\nx\r\n", None),
    "parameters": (HEAD + b"Content-Type: text/plain" + b"; a=b" * MILLION + b"\r\n\r\nx\r\n", None),
    "openings of placeholders": (HEAD + b"\r\n" + b"[unsub {{~unsu %unsub\r\n" * 100_000, "structure-large"),
    "tags that nobody closes": (HEAD + b"Content-Type: text/html\r\n\r\n" + b"<div a='" * MILLION + b"\r\n", None),
    "base64 of nothing": (
        HEAD + b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"= \r\n" * MILLION, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "key"), BOMBS.values(), ids=BOMBS)
@pytest.mark.timeout(60)
def test_a_bomb_costs_no_more_than_its_size(content: bytes, key: str | None) -> None:
    begun = time.thread_time()
    fields = headers.parse(content)
    fields.pairs()
    planned = rewrite.plan(content, fields=fields)
    assert time.thread_time() - begun < 5

    assert isinstance(planned, Plan | Unfit)
    assert key is None or (isinstance(planned, Unfit) and planned.key == key)


def test_fields_beyond_those_that_are_read_take_no_memory() -> None:
    content = b"A:\r\n" * MILLION + b"\r\nx\r\n"
    tracemalloc.start()
    fields = headers.parse(content)
    rewrite.plan(content, fields=fields)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert fields.too_many
    assert most < MILLION


def test_a_thousand_fields_are_no_bomb() -> None:
    content = b"A: b\r\n" * (headers.FIELDS_MOST - 1) + b"From: a@b.fr\r\n\r\nx\r\n"

    assert not headers.parse(content).too_many
    assert isinstance(rewrite.plan(content), Plan)


def test_recipient_fields_without_end_are_not_looked_through() -> None:
    content = (b"To: " + b"a@" * 30_000 + b"\r\n") * 100 + b"Cc: a@one.test, b@two.test\r\n\r\n"
    begun = time.thread_time()
    with pytest.raises(Misuse, match="longer than"):
        looks.disclosed(headers.parse(content), ())
    assert time.thread_time() - begun < 1


def test_nobody_hides_behind_a_long_from_field() -> None:
    content = b"From: " + b"a@ours.test, " * 2_000 + b"stranger@elsewhere.test\r\n\r\n"

    with pytest.raises(Misuse, match="longer than"):
        looks.authors(headers.parse(content))


UTF_16 = "<p>Offre</p>".encode("utf-16-le")


@pytest.mark.parametrize("data", [b"\xff\xfe" + UTF_16, UTF_16, b"\xff\xfeabc", b"<p>Offre</p>\x1b$B", b"<p>Offre\x0e"])
@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "us-ascii"])
@pytest.mark.parametrize("kind", ["html", "plain"])
def test_what_may_be_read_in_another_charset_bears_no_mention(kind: str, charset: str, data: bytes) -> None:
    """Browsers believe the first bytes more than the label."""
    ready = plan(_labelled(kind, charset, data))
    assert isinstance(ready, Plan)
    assert ready.wrapped


def test_a_pixel_is_found_in_every_charset_that_a_reader_may_guess() -> None:
    page = '<img src="http://t.example/x.gif" width="1" height="1">'
    for data in (page.encode("utf-16"), page.encode("utf-16-be")):
        unfit = plan(_labelled("html", "utf-8", data))
        assert isinstance(unfit, Unfit)
        assert unfit.key == "pixel-sealed"


def _labelled(kind: str, charset: str, data: bytes) -> bytes:
    fields = f"From: a@b.fr\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/{kind}; charset={charset}\r\n"
    return f"{fields}Content-Transfer-Encoding: base64\r\n\r\n".encode() + encodebytes(data).replace(b"\n", b"\r\n")
