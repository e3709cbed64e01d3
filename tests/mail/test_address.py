"""Addresses have one normal form, and what is none is refused with a sentence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Misuse
from gateway.mail.address import _careful, is_freemail, is_role, parse


@pytest.mark.parametrize(
    ("text", "local", "domain", "key"),
    [
        ("anna@example.org", "anna", "example.org", "anna@example.org"),
        ("  Anna.B@Example.ORG ", "Anna.B", "example.org", "anna.b@example.org"),
        ("a+tag@example.test", "a+tag", "example.test", "a+tag@example.test"),
        ("o'neil@example.org", "o'neil", "example.org", "o'neil@example.org"),
        ("jean@société.fr", "jean", "xn--socit-esab.fr", "jean@xn--socit-esab.fr"),
        ("jean@XN--SOCIT-ESAB.fr", "jean", "xn--socit-esab.fr", "jean@xn--socit-esab.fr"),
        ("Étienne@example.org", "Étienne", "example.org", "étienne@example.org"),
        ("E\u0301tienne@example.org", "Étienne", "example.org", "étienne@example.org"),
        ("{a}%b@example.org", "{a}%b", "example.org", "{a}%b@example.org"),
        ('"a b"@example.org', '"a b"', "example.org", '"a b"@example.org'),
        ("a@mail.example.museum", "a", "mail.example.museum", "a@mail.example.museum"),
    ],
)
def test_two_spellings_of_one_mailbox_share_a_key(text, local, domain, key):
    address = parse(text)

    assert (local, domain, key) == (address.local, address.domain, address.key)
    assert address.spelled == f"{local}@{domain}"


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "a", "a@", "@b.fr", "a@b", "a@localhost", "a b@c.fr", "a@b c.fr", "a..b@c.fr", ".a@c.fr", "a.@c.fr",
        "a@c..fr", "a@.c.fr", "a@-c.fr", "a@c-.fr", "a@[192.0.2.1]", "a@192.0.2.1", "a@c.fr\r\nBcc: x@y.fr", "a@c.fr\0",
        "Anna <a@c.fr>", "<a@c.fr>", "a@b@c.fr", "a" * 65 + "@c.fr", "a@" + "b" * 64 + ".fr",
        "a@" + "b.c" * 100 + ".fr", "é" * 33 + "@c.fr",
        "a@c.fr.", "a\ud800@c.fr", "a@\udcffc.fr", "@x.fr:a@c.fr", "a,b@c.fr;d@e.fr", "\u202ea@c.fr",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_a_sentence(text):
    with pytest.raises(Misuse, match="is not a valid e-mail address"):
        parse(text)


@given(st.text(max_size=300))
@settings(max_examples=300)
def test_any_text_is_an_address_or_misuse(text):
    try:
        address = parse(text)
    except Misuse:
        return
    assert parse(address.spelled).key == address.key
    assert not set("\r\n\0") & set(address.spelled)


@given(st.from_regex(r"\A[A-Za-z0-9.'+_-]{1,70}@[A-Za-z0-9.-]{1,70}\Z"))
@settings(max_examples=300)
def test_the_fast_way_agrees_with_the_careful_way(text):
    def outcome(way):
        try:
            return way(text)
        except Misuse:
            return None

    assert outcome(_careful) == outcome(parse)


@pytest.mark.parametrize("text", ["contact@societe.fr", "Service.Client@a.fr", "info+web@a.fr", "R-H@a.fr", "DPO@a.fr"])
def test_a_function_is_a_role(text):
    assert is_role(parse(text))


@pytest.mark.parametrize("text", ["marie.contact@a.fr", "marie@a.fr", "information.marie@a.fr", "l.info@a.fr"])
def test_a_person_is_no_role(text):
    assert not is_role(parse(text))


@pytest.mark.parametrize("text", ["a@gmail.com", "a@ORANGE.fr", "a@yahoo.co.uk", "a@hotmail.fr", "a@laposte.net"])
def test_mailboxes_for_everybody_are_freemail(text):
    assert is_freemail(parse(text))


@pytest.mark.parametrize("text", ["a@example.org", "a@notgmail.com", "a@live.example.org", "a@mail.orange.fr.example"])
def test_other_domains_are_not_freemail(text):
    assert not is_freemail(parse(text))
