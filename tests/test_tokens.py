"""Tokens say nothing, cannot be forged, and outlive a change of key; digests follow RFC 2104 and RFC 5869."""

import hashlib
import hmac
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.tokens import TOKEN_CHARS, Digests, Keyring, Link, Purpose, Tokens

OLD, NEW = bytes(range(32)), bytes(range(100, 140))
LINK = Link(contact=123_456_789, list=42, parcel=987_654_321)
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"

links = st.builds(
    Link,
    contact=st.integers(0, 2**48 - 1),
    list=st.integers(0, 2**32 - 1),
    parcel=st.integers(0, 2**48 - 1),
)


def ring(**secrets: bytes) -> Keyring:
    return Keyring({int(name.removeprefix("v")): secret for name, secret in secrets.items()})


TOKENS = Tokens(ring(v1=OLD))


@given(links, st.sampled_from(Purpose))
def test_what_was_sealed_opens_for_its_purpose_in_either_case_and_for_no_other(link, purpose):
    token = TOKENS.seal(purpose, link)
    assert len(token) == TOKEN_CHARS <= 55
    assert set(token) <= set(ALPHABET)
    assert TOKENS.open(purpose, token) == TOKENS.open(purpose, token.upper()) == link
    assert [other for other in Purpose if TOKENS.open(other, token)] == [purpose]


def test_a_token_fits_a_local_part_with_a_prefix():
    assert len("stop+" + TOKENS.seal(Purpose.MAILTO, LINK)) <= 64


def test_a_token_is_always_the_same_so_that_retries_send_the_same_bytes():
    assert TOKENS.seal(Purpose.LINK, LINK) == Tokens(ring(v1=OLD)).seal(Purpose.LINK, LINK)


def test_a_stand_in_is_like_a_token_and_is_none():
    stand_ins = {Tokens.stand_in() for _ in range(20)}
    assert len(stand_ins) == 20
    for stand_in in stand_ins:
        assert len(stand_in) == TOKEN_CHARS
        assert set(stand_in) <= set(ALPHABET)
        assert stand_in[0] == "z"
        assert not any(TOKENS.open(purpose, stand_in) for purpose in Purpose)


def test_a_token_shows_nothing_of_what_it_names():
    near = TOKENS.seal(Purpose.LINK, Link(LINK.contact, LINK.list, LINK.parcel + 1))
    same = sum(a == b for a, b in zip(near[2:], TOKENS.seal(Purpose.LINK, LINK)[2:], strict=True))
    assert same < TOKEN_CHARS / 3


def test_one_bit_changed_anywhere_closes_a_token():
    token = TOKENS.seal(Purpose.LINK, LINK)
    for place, char in enumerate(token):
        for bit in range(5):
            forged = token[:place] + ALPHABET[ALPHABET.index(char) ^ (1 << bit)] + token[place + 1 :]
            assert TOKENS.open(Purpose.LINK, forged) is None, (place, bit)


def test_a_token_cut_or_lengthened_is_closed():
    token = TOKENS.seal(Purpose.LINK, LINK)
    for wrong in ["", token[:-1], token[1:], token + "a", token + "=", token + "\n", " " + token, token + "===" * 9]:
        assert TOKENS.open(Purpose.LINK, wrong) is None, wrong


@pytest.mark.parametrize(
    "char", ["0", "1", "8", "9", "_", "-", "+", "=", " ", "\n", "\0", "ſ", "K", "é", "\udc80", "٣"]
)
def test_a_character_outside_the_alphabet_closes_a_token(char):
    token = TOKENS.seal(Purpose.LINK, LINK)
    for place in (0, 1, 26, TOKEN_CHARS - 1):
        assert TOKENS.open(Purpose.LINK, token[:place] + char + token[place + 1 :]) is None


@given(st.text())
def test_any_text_is_answered_with_none(text):
    assert TOKENS.open(Purpose.LINK, text) is None


def test_old_tokens_open_while_their_key_is_in_the_ring_and_new_ones_are_sealed_with_the_newest():
    old = TOKENS.seal(Purpose.LINK, LINK)
    rotated = Tokens(ring(v1=OLD, v2=NEW))
    new = rotated.seal(Purpose.LINK, LINK)
    without_old = Tokens(ring(v2=NEW))

    assert new != old
    assert rotated.open(Purpose.LINK, old) == rotated.open(Purpose.LINK, new) == LINK
    assert without_old.open(Purpose.LINK, new) == LINK
    assert without_old.open(Purpose.LINK, old) is None
    assert TOKENS.open(Purpose.LINK, new) is None


def test_another_installation_cannot_open_our_tokens():
    assert Tokens(ring(v1=NEW)).open(Purpose.LINK, TOKENS.seal(Purpose.LINK, LINK)) is None


def test_a_number_too_large_for_its_field_is_refused_not_cut():
    with pytest.raises(OverflowError):
        TOKENS.seal(Purpose.LINK, Link(contact=2**48, list=0, parcel=0))


@pytest.mark.parametrize(("secrets", "says"), [({}, "init"), ({1: b"x" * 31}, "31 bytes"), ({256: OLD}, "0 to 255")])
def test_a_ring_says_what_is_wrong_with_its_secrets(secrets, says):
    with pytest.raises(errors.Misuse, match=says):
        Keyring(secrets)


def test_a_ring_does_not_print_its_secrets():
    assert repr(ring(v1=OLD, v2=NEW)) == "Keyring(versions=(2, 1))"


def test_keys_are_derived_as_rfc_5869_says():
    """Extract with a zero salt, expand with our label; computed here a second way."""
    extracted = hmac.digest(bytes(32), OLD, "sha256")
    expected = hmac.digest(extracted, b"consentgate/digest/7\x01", "sha256")
    assert ring(v1=OLD).derive(1, "digest/7") == expected


def test_digests_are_those_of_this_vector():
    """Written down once: a change would orphan every opposition ever recorded."""
    digests = Digests(ring(v1=OLD))
    assert [(v, d.hex()) for v, d in digests.of(7, "Jane.Doe@example.org", "jane.doe@example.org")] == [
        (1, "aebae58f9075521067a97db378a9a5c172c6a93a5a6e792fc70cf2c8b941838f"),
        (1, "c9ec552195a3c5a017125a28f378865c665b3338f5a5e44e4cd1b42cc281da3b"),
    ]
    assert TOKENS.seal(Purpose.LINK, LINK) == "af4iw4cgzwqlmznpbhfndasfcgrqe6khgubzdxq46rgcznh7ptdyg"


def test_digests_come_under_every_version_newest_first_without_duplicates():
    digests = Digests(ring(v1=OLD, v2=NEW))
    both = digests.of(7, "Jane@example.org", "jane@example.org")

    assert [version for version, _ in both] == [2, 2, 1, 1]
    assert len(set(both)) == 4
    assert all(len(digest) == hashlib.sha256().digest_size for _, digest in both)
    assert [version for version, _ in digests.of(7, "jane@example.org", "jane@example.org")] == [2, 1]
    assert digests.current(7, "Jane@example.org", "jane@example.org") == both[:2]


def test_the_digest_of_one_advertiser_says_nothing_to_another():
    digests = Digests(ring(v1=OLD))
    assert digests.current(7, "a@example.org", "a@example.org") != digests.current(8, "a@example.org", "a@example.org")


def test_tokens_and_digests_cost_microseconds():
    """Generous bounds for a busy machine; idle it is 5, 5 and 2 µs."""
    token, digests = TOKENS.seal(Purpose.LINK, LINK), Digests(ring(v1=OLD))
    for work in (
        lambda: TOKENS.seal(Purpose.LINK, LINK),
        lambda: TOKENS.open(Purpose.LINK, token),
        lambda: digests.current(7, "a@example.org", "a@example.org"),
    ):
        assert min(timeit.repeat(work, number=500, repeat=5)) / 500 < 100e-6
