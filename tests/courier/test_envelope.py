"""Whatever a letter holds, what leaves is one transaction with one message, or nothing at all."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.courier.courier import Letter
from gateway.courier.envelope import Envelope, check, seal

OFFERS = dict.fromkeys(("8bitmime", "smtputf8", "dsn", "size", "pipelining"), "")
PARAMETERS = ("notify", "orcpt", "envid", "ret")
words = st.lists(
    st.sampled_from(["a", "b@c.test", "é", " ", "\r\n", "\r", "\n", "\0", "\x7f", "\x85", "\u2028", "\udcff"]),
    max_size=4,
).map("".join)
contents = st.lists(
    st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"..", b"a", b"\r\n.\r\n", b"\r\n.", b"\xff", b"\0", b"QUIT\r\n"]),
    max_size=16,
).map(b"".join)
letters = st.one_of(
    st.builds(Letter, st.just("b@c.test"), st.just("a@b.test"), contents),
    st.builds(Letter, words, st.just("a@b.test"), st.just(b"a\r\n")),
    st.builds(Letter, st.just(""), words, st.just(b"a\r\n")),
    *(st.builds(Letter, st.just(""), st.just("a@b.test"), st.just(b"a\r\n"), **{name: words}) for name in PARAMETERS),
)


@settings(max_examples=500, deadline=None)
@given(letter=letters)
@example(letter=Letter("", "a@b.test", b".\r\n"))
@example(letter=Letter("", "a@b.test", b"a\r\n.\r\nMAIL FROM:<x@y.test>\r\n"))
def test_one_message_leaves_or_none(letter: Letter) -> None:
    texts = (letter.sender, letter.recipient, letter.notify, letter.orcpt, letter.envid, letter.ret)
    wild = any(re.search("[\x00-\x1f\x7f\ud800-\udfff]", one) for one in texts) or not letter.recipient
    spaced = any(re.search(r"\s", one) for one in texts[2:])
    bare = re.search(rb"\r(?!\n)|(?<!\r)\n", letter.content) is not None

    problem = check(letter)

    assert (problem is None) or problem.fate == "failed"
    if wild or bare:
        assert problem is not None
        return
    if problem is not None:
        assert spaced
        return
    envelope = seal(letter, OFFERS)
    assert isinstance(envelope, Envelope)
    for command in (envelope.mail, envelope.rcpt):
        assert not re.search(rb"[\x00-\x1f\x7f]", command)
    stream = envelope.body + envelope.end
    assert (b"\r\n" + stream).find(b"\r\n.\r\n") == len(stream) - 3  # the only end is the end
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", stream) is None
    lines = stream[:-3].split(b"\r\n")
    read = b"\r\n".join([line.removeprefix(b".") for line in lines])
    assert read == letter.content + (b"" if letter.content.endswith(b"\r\n") or not letter.content else b"\r\n")
