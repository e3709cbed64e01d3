# ruff: noqa: E501
"""Whatever comes in: a copy with the mention everywhere it must be, or Unfit; never anything else."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Misuse
from gateway.mail import bodies, structure
from gateway.mail.mention import MentionFields, render
from gateway.mail.rewrite import Insert, Plan, Unfit, plain, plan
from tests.mail import golden_rules as rules
from tests.mail.golden_support import HEADERS, STAND_INS, STOP, hold_form, insert_of
from tests.mail.trees import message

INSERT = insert_of({})
SIMPLE = b"From: a@b.fr\r\nSubject: x\r\n\r\nHello\r\n"


def texts(part):
    """Return how often our address stands in a leaf of text, 0 for others."""
    return rules.text_of(part).count(STOP) if part.get_content_maintype() == "text" else 0


@given(message)
@settings(max_examples=300, deadline=None)
def test_a_tree_of_any_shape_keeps_its_shape_and_gets_the_mention(content):
    result = plan(content)
    if isinstance(result, Unfit):
        assert result.code in {"R-MSG-OPAQUE", "R-MSG-PLACEHOLDER", "R-SMTP-SYNTAX", "R-SMTP-BARE"}
        assert result.why
        return
    hold_form(result, INSERT)
    before, after = rules.read(content), rules.read(result.copy(INSERT))
    if result.wrapped:
        assert sum(map(texts, after.walk())) >= 2
        body = content.partition(b"\r\n\r\n")[2]
        assert body in result.copy(INSERT)
        return
    assert rules.shape(before) == rules.shape(after)
    changed = 0
    for was, became in zip(before.walk(), after.walk(), strict=True):
        if was.is_multipart():
            continue
        if was.get_payload(decode=True) == became.get_payload(decode=True):
            assert was.get_payload() == became.get_payload()
        else:
            changed += 1
            assert texts(became) >= 1
    assert changed >= 1
    alternative = next((p for p in after.walk() if p.get_content_type() == "multipart/alternative"), None)
    if alternative is not None and changed:
        shown = [p for p in alternative.walk() if p.get_content_type() in bodies.TEXT]
        inner = [texts(p) > 0 for p in shown]
        assert all(inner) or not any(inner) or len(list(alternative.iter_parts())) < len(shown)


@given(message)
@settings(max_examples=200, deadline=None)
def test_the_tree_is_the_one_the_standard_library_sees(content):
    try:
        root = structure.scan(content)
    except structure.Broken:
        return
    ours = [part for part in root.walk() if not part.type.doubtful]
    theirs = list(rules.read(content).walk())
    outer = [part.get_content_type().partition(" (")[0] for part in _outside_messages(rules.read(content))]
    if len(ours) == len(list(root.walk())):
        assert [part.kind for part in ours] == outer
        assert len(theirs) >= len(ours)


def _outside_messages(part):
    yield part
    if part.is_multipart() and part.get_content_maintype() == "multipart":
        for child in part.iter_parts() if part.get_content_type() != "multipart/alternative" else part.get_payload():
            yield from _outside_messages(child)


@given(st.lists(st.binary(max_size=60), max_size=12))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_plan_or_unfit(lines):
    content = b"\r\n".join(lines)
    start = time.monotonic()
    result = plan(content)
    assert isinstance(result, Plan | Unfit)
    if isinstance(result, Plan):
        assert STOP.encode() in result.copy(INSERT).replace(b"=\r\n", b"") or b"base64" in content.lower()
    assert isinstance(plain(content, b""), bytes | Unfit)
    assert time.monotonic() - start < 2


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_bare_line_ends_are_refused(content):
    result = plan(content)
    if content.replace(b"\r\n", b"").strip(b"\r\n") != content.replace(b"\r\n", b"") or b"\n" in content.replace(
        b"\r\n", b""
    ):
        assert isinstance(result, Unfit)


@pytest.mark.parametrize(
    ("name", "value"),
    [("X-A", "a\r\nBcc: x@y.fr"), ("X-A", "a\nb"), ("X-A", "a\rb"), ("X-A", "a\0b"), ("X-A", ""), ("X-A", "é"), ("X-A", " "),
     ("X A", "b"), ("X:A", "b"), ("", "b"), ("X-A\r\nB", "b"), ("X-A", "a" * 1200)],
)  # fmt: skip
def test_a_header_that_would_not_stay_one_is_misuse(name, value):
    ready = plan(SIMPLE)
    with pytest.raises(Misuse):
        ready.copy(Insert(((name, value),), INSERT.mention))
    with pytest.raises(Misuse):
        ready.form(Insert(((name, value),), INSERT.mention), STAND_INS)


def test_headers_come_on_top_in_their_order():
    copy = plan(SIMPLE).copy(INSERT)
    assert [name for name, _ in rules.read(copy).raw_items()][: len(HEADERS)] == [name for name, _ in HEADERS]


def test_a_plain_copy_has_no_mention_and_no_list_fields():
    content = b"List-Id: <x>\r\nBcc: a@b.fr\r\nX-T: 1\r\n" + SIMPLE
    expected = b"X-New: y\r\n" + SIMPLE
    assert plain(content, b"X-New: y\r\n", remove=frozenset({"x-t"})) == expected


def test_encrypted_service_mail_can_leave_plain():
    content = b"From: a@b.fr\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nx\r\n"
    assert isinstance(plan(content), Unfit)
    assert plain(content, b"") == content


@pytest.mark.parametrize(
    "address", ["", "https://a b", "javascript:alert(1)\n", 'https://x/"onclick=', "https://é.fr/"]
)
def test_a_placeholder_without_a_usable_address_is_misuse(address):
    ready = plan(SIMPLE.replace(b"Hello", b"%unsubscribe_url%"))
    assert ready.needs_links
    with pytest.raises(Misuse):
        ready.copy(Insert((), INSERT.mention, {"unsubscribe_url": address}))


@pytest.mark.parametrize(
    "content",
    [
        b"A: b\r\n" * 100_000 + b"\r\nx",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 100_000,
        b"Subject: " + b"=?utf-8?q?" * 50_000 + b"\r\n\r\nx",
        b"Content-Type: text/plain; " + b"a=b; " * 50_000 + b"\r\n\r\nx",
        b"Content-Type: text/plain\r\n\r\n" + b"{{ unsub" * 100_000,
        b"Content-Type: text/html\r\n\r\n" + b"[[unsub %unsub <%asm_" * 40_000,
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=\r\n" * 200_000 + b"-- \r\n",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"AAAA \r\n" * 100_000,
        b"Content-Type: text/plain\r\n\r\n" + b"-- \r\n" * 100_000,
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + b"<img src=3Dx width=3D1 height=3D1>=\r\n" * 4_900 + b"x\r\n" * 100_000,
    ],
)  # fmt: skip
@pytest.mark.timeout(30)
def test_hostile_messages_take_bounded_time(content):
    result = plan(content)
    if isinstance(result, Plan) and not result.needs_links:
        result.copy(INSERT)


def test_many_copies_differ_by_their_links_only():
    ready = plan(SIMPLE)

    def copy(token):
        fields = MentionFields(legal_name="Exemple", optout_url=f"https://stop.exemple.fr/{token}")
        return ready.copy(Insert((), render(fields, "fr")))

    assert copy("aaa").replace(b"/aaa", b"/bbb") == copy("bbb")


@given(message)
@settings(max_examples=100, deadline=None)
def test_what_copies_share_does_not_depend_on_which_was_written_before(content):
    ready = plan(content, opening=True)
    if isinstance(ready, Unfit):
        return
    ascii_only = MentionFields(
        legal_name="Example", optout_url="https://stop.exemple.fr/a", basis_sentence="you agreed"
    )
    others = [Insert((), render(ascii_only, lang), INSERT.links) for lang in ("en", "fr")]
    inserts = [INSERT, others[0], INSERT, others[1]]
    fresh = [plan(content, opening=True) for _ in inserts]
    for insert, alone in zip(inserts, fresh, strict=True):
        assert isinstance(alone, Plan)
        assert ready.copy(insert) == alone.copy(insert)
