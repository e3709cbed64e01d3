"""Header fields are found with their places, decoded for people, and written so that they stay one field."""

import binascii
from email.header import decode_header, make_header
from email.policy import default
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.mail import encode, headers, params, placeholders, plaintext

CONTENT = (
    b"Subject: =?utf-8?q?caf=C3=A9?=\r\n =?UTF-8?B?IGNoYXVk?= ici\r\nX-A: un\r\n\tdeux\r\nx-a: trois\r\n\r\nBody: x\r\n"
)


def test_fields_have_places_and_values():
    parsed = headers.parse(CONTENT)
    assert [field.name for field in parsed.fields] == ["subject", "x-a", "x-a"]
    assert b"".join(CONTENT[field.start : field.end] for field in parsed.fields) == CONTENT[: parsed.body_start - 2]
    assert parsed.get("SUBJECT") == "café chaud ici"
    assert parsed.all("X-A") == ["un\tdeux".replace("\t", " "), "trois"]
    assert parsed.pairs()[2] == ("x-a", "trois")
    assert parsed.get("body") is None
    assert CONTENT[parsed.body_start :] == b"Body: x\r\n"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"=?utf-8?q?a_b?= =?utf-8?q?c?=", "a bc"),
        (b"=?utf-8?b?w6?= =?utf-8?b?qQ==?=", "é"),
        (b"=?utf-8*fr?q?=C3=A9?=", "é"),
        (b"=?x-unknown?q?a?= b", "=?x-unknown?q?a?= b"),
        (b"=?hex?b?NDE=?=", "41"),
        (b"=?utf-8?b?!!!?=", ""),
        (b"=?utf-8?q?=ZZ?=", "=ZZ"),
        ("é".encode(), "é"),
        (b"\xe9", "\ufffd"),
        (b"=?utf-8?q?a=0D=0ABcc:_x?=", "a Bcc: x"),
        (b"", ""),
    ],
)
def test_values_are_decoded_for_people(raw, text):
    assert headers.decode(raw) == text


@given(st.binary(max_size=200))
@settings(max_examples=400)
def test_reading_never_raises(raw):
    headers.decode(raw)
    parsed = headers.parse(raw)
    assert 0 <= parsed.body_start <= len(raw)
    parsed.pairs()
    params.read("content-type", raw)
    params.read("content-disposition", raw)
    placeholders.find(raw)
    plaintext.find(raw)


@given(st.text(max_size=120))
@settings(max_examples=300)
def test_a_phrase_is_read_back_by_the_standard_library(text):
    text = " ".join(headers._CONTROL.sub(" ", text.encode("utf-8", "replace").decode()).split())
    written = headers.phrase(text)
    assert written.isascii()
    if text and not text.isascii():
        assert str(make_header(decode_header(written))) == text
    elif text:
        assert default.header_factory("from", f"{written} <a@b.fr>").addresses[0].addr_spec == "a@b.fr"


@given(st.from_regex(r"\A[!-~]{1,60}( {1,3}[!-~]{1,60}){0,12}\Z"))
@settings(max_examples=60)
def test_a_written_line_unfolds_to_what_was_given(value):
    written = headers.line("X-Test", value)
    assert written.replace(b"\r\n ", b" ") == f"X-Test: {value}\r\n".encode()
    assert all(line.strip() for line in written.removesuffix(b"\r\n").split(b"\r\n"))
    assert headers.parse(written).get("x-test") == value
    single = " ".join(value.split())
    assert single.replace(" ", "\n ").split("\n") == headers._WORDS.findall(single)


def test_the_list_unsubscribe_field_folds_between_its_addresses():
    token = "a" * 55
    written = headers.line(
        "List-Unsubscribe", f"<https://stop.exemple.fr/1/{token}>, <mailto:stop+{token}@in.exemple.fr>"
    )
    assert [len(line) < 120 for line in written.split(b"\r\n")] == [True] * 3


@given(st.binary(max_size=300), st.integers(0, 400))
@example(b"\n", 0)
@settings(max_examples=400)
def test_a_place_in_quoted_printable_splits_what_is_decoded(data, offset):
    raw = encode.qp(data)
    decoded = encode.transfer_decoded(raw, "quoted-printable")
    assert decoded == data
    for offsets in ([offset], range(offset, len(data) + 1), [0, offset, len(data)]):
        places = encode.qp_places(raw, data, sorted(offsets))
        for at, place in zip(sorted(offsets), places or (), strict=bool(places)):
            assert encode.transfer_decoded(raw[:place], "quoted-printable") == data[:at]
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))
    assert not any(line.startswith(b"--") for line in raw.split(b"\r\n"))


@given(
    st.lists(
        st.sampled_from([b"", b"a", b"Bonjour ", b".", b"--", b"=", b"\t", b"\x00", b"\xc3\xa9", b"x" * 75, b"y" * 77])
        | st.just(b"\r\n"),
        max_size=12,
    ).map(b"".join)
)
@settings(max_examples=400)
def test_text_in_quoted_printable_keeps_the_rules_of_rfc_2045(data):
    coded = encode.qp(data)
    assert binascii.a2b_qp(coded) == data
    for line in coded.split(b"\r\n"):
        assert len(line) <= 78  # 76 and the "=2D" for a first "-"
        assert line.isascii()
        assert not line.startswith(b"--")
        assert not line.endswith((b" ", b"\t"))


@given(
    st.lists(
        st.sampled_from([b"=\r\n", b"=3D", b"a", b"bc de", b"\r\n", b"=", b"\n", b"=\n", b" ", b"x" * 40, b"=4"])
    ).map(b"".join)
)
@settings(max_examples=400)
def test_a_place_is_that_of_a_walk_by_lines_and_characters(raw):
    for count in range(len(raw) + 2):
        stepped = encode._qp_step(raw, 0, count)
        right = len(binascii.a2b_qp(raw[:stepped])) == count
        assert encode._qp_walk(raw, 0, count) == (stepped if right else None)


def test_a_place_is_never_inside_an_escape():
    assert encode.qp_places(b"=34", b"4", [0]) == [0]


@given(st.binary(max_size=300), st.integers(0, 300))
@settings(max_examples=200)
def test_a_place_in_base64_is_the_group_of_its_byte(data, offset):
    raw = encode.base64(data)
    place = encode.base64_place(raw, offset)
    assert encode.transfer_decoded(raw[:place], "base64") == data[: offset // 3 * 3]


def test_every_placeholder_is_found():
    for spelled in placeholders.SPELLINGS:
        written = spelled.replace("~", " ").replace("@", "abc").encode()
        assert [written] == [written[found.start : found.end] for found in placeholders.find(written)]


def written(spelled: str, coded: bool) -> str:
    plain = spelled.replace("~", " ").replace("@", "x")
    return "".join(f"%{ord(c):02X}" if coded and c in "%{}[]|*<>/" else c for c in plain)


@given(
    st.lists(
        st.builds(written, st.sampled_from(placeholders.SPELLINGS), st.booleans())
        | st.sampled_from(
            ["%", "%7b", "{", "{{", "[", "<", "&lt;", "*|", "/unsub", "a{b:c}", "%20", " ", "http://", "x"]
        )
        | st.sampled_from(placeholders.SPELLINGS).map(lambda word: word[: len(word) // 2]),
        max_size=8,
    ).map("".join)
)
@settings(max_examples=300)
@example("%{[*" * 40 + "[UNSUBSCRIBE] {$unsubscribe} *|UNSUB|* %unsubscribe_url% /unsubscribe_from_list")
def test_looking_only_where_placeholders_begin_finds_them_all(text):
    low = text.encode().lower()
    found = placeholders.find(text.encode())
    for match in placeholders._ANY.finditer(low):
        assert any(one.start <= match.start() and match.end() <= one.end for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert not found or placeholders.possible(text.encode())
    assert placeholders.find(text.encode(), low) == found


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("UTF-8", "utf-8"),
        ("", "ascii"),
        ("latin1", "iso8859-1"),
        ("hex", None),
        ("idna", None),
        ("cp037", None),
        ("\0", None),
    ],
)
def test_only_charsets_for_mail_are_charsets(label, name):
    assert encode.charset(label) == name


@given(st.lists(st.sampled_from([b"\r\n", b" ", b"\t", b".", b"--", b"=", b"\xe9", b"x" * 75, b"y" * 40]), max_size=12))
def test_texts_are_quoted_as_the_standard_library_does(pieces: list[bytes]) -> None:
    """Or they are what goes in, if nothing needs quoting: the library breaks some lines of 76 that need no break."""
    data = b"\r\n" + b"".join(pieces)
    coded = encode.qp(data[2:])

    assert coded in (data[2:], binascii.b2a_qp(data).replace(b"\n--", b"\n=2D-")[2:])
    assert binascii.a2b_qp(coded) == data[2:]
    assert encode.qp_again(data[2:]) == coded
    for lone in (b"\r", b"\n"):
        odd = data[2:].replace(b"\r\n", lone)
        assert encode.qp_again(odd) == encode.qp(odd)
