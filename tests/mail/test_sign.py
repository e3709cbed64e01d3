"""DKIM signatures, verified by programs that are not ours: dkimpy, and Debian's opendkim."""

import base64
import re
import shutil
import subprocess
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Misuse
from gateway.mail import headers
from gateway.mail.sign import Key, relaxed_body, relaxed_value, signatures
from tests.support.verifier import verified

RSA = Key("acme.example", "r1", generate_private_key(65537, 2048))
ED = Key("acme.example", "e1", Ed25519PrivateKey.generate())
AT = 1_790_000_000
MESSAGE = (
    b"From: Acme <news@acme.example>\r\nTo: jo@mailbox.example\r\nSubject:  New\r\n\t  tea\r\n"
    b"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@acme.example>\r\n"
    b"List-Unsubscribe: <https://gate.example/1/x>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"\r\nHello \t you  \r\n\r\n  tea\r\n\r\n \r\n"
)


def record(key: Key) -> str:
    """Return the DNS record of a key, written by hand."""
    public = key.secret.public_key()
    if isinstance(key.secret, Ed25519PrivateKey):
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(public.public_bytes_raw()).decode()}"
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


RECORDS = {f"{key.selector}._domainkey.{key.domain}": record(key) for key in (RSA, ED)}


def signed(message: bytes, *keys: Key) -> bytes:
    return signatures(message, headers.parse(message), keys or (RSA, ED), AT) + message


def good(message: bytes, which: int = 0) -> bool:
    return verified(message, RECORDS, which)


def tag(message: bytes, name: str) -> list[str]:
    """Return a tag of each signature, unfolded."""
    found = [f.raw.decode() for f in headers.parse(message).fields if f.name == "dkim-signature"]
    return ["".join(re.search(rf"(?:^|;)\s*{name}=([^;]*)", value)[1].split()) for value in found]  # type: ignore[index]


def test_both_signatures_are_verified_by_dkimpy() -> None:
    message = signed(MESSAGE)

    assert good(message, 0)
    assert good(message, 1)
    assert tag(message, "a") == ["rsa-sha256", "ed25519-sha256"]
    assert tag(message, "t") == [str(AT), str(AT)]
    assert tag(message, "c") == ["relaxed/relaxed"] * 2


def test_no_length_is_signed_so_that_nothing_can_be_appended() -> None:
    message = signed(MESSAGE)

    assert b"l=" not in message.partition(b"h=")[0]
    assert not good(message.rstrip() + b"\r\nmore\r\n")


def test_one_click_fields_and_what_readers_trust_are_listed_once_more_than_they_occur() -> None:
    [listed, _] = tag(signed(MESSAGE), "h")
    names = listed.lower().split(":")

    for name in ("from", "to", "subject", "date", "list-unsubscribe", "list-unsubscribe-post"):
        assert names.count(name) == 2, name
    assert names.count("message-id") == 1
    assert "cc" not in names


@pytest.mark.parametrize("name", ["From", "Subject", "To", "Date", "List-Unsubscribe", "List-Unsubscribe-Post"])
def test_a_second_field_on_top_breaks_the_signature(name: str) -> None:
    assert not good(f"{name}: another\r\n".encode() + signed(MESSAGE))


def test_service_mail_without_list_fields_leaves_them_to_the_next_hop() -> None:
    message = signed(re.sub(rb"List-.*\r\n", b"", MESSAGE))

    assert good(b"List-Unsubscribe: <https://esp.example/u>\r\n" + message)


def test_lines_of_the_signature_stay_short() -> None:
    long = Key("a-rather-long-label." * 6 + "example", "s" * 60, RSA.secret)

    fields = signatures(MESSAGE, headers.parse(MESSAGE), [RSA, ED], AT)
    assert max(map(len, fields.split(b"\r\n"))) <= 78
    assert max(map(len, signatures(MESSAGE, headers.parse(MESSAGE), [long], AT).split(b"\r\n"))) < 200


def test_a_message_without_body_is_signed_too() -> None:
    assert good(signed(MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"))


def test_an_rsa_key_of_1024_bits_is_refused() -> None:
    with pytest.raises(Misuse, match="2048"):
        Key("acme.example", "weak", generate_private_key(65537, 1024))


WORDS = st.text(st.sampled_from(" \tabé,;:=<>@\"'\\"), max_size=30)
NAMES = st.sampled_from(["X-Any", "Cc", "To", "Reply-To", "List-Id", "Content-Type", "subject", "MIME-Version"])


@st.composite
def fields(draw: st.DrawFn) -> bytes:
    lines = [b"From: Acme <news@acme.example>"]
    for name in draw(st.lists(NAMES, max_size=6, unique_by=str.lower)):
        parts = draw(st.lists(WORDS, min_size=1, max_size=3))
        folded = "\r\n ".join(["x" + parts[0], *("y" + part for part in parts[1:])])
        lines.append(f"{name}:{draw(st.sampled_from(['', ' ', '   ', chr(9)]))}{folded}".encode())
    return b"\r\n".join(lines) + b"\r\n"


BODIES = st.lists(st.binary(max_size=40).map(lambda b: re.sub(rb"[\r\n]", b" \t", b)), max_size=8).map(b"\r\n".join)


@settings(max_examples=60, deadline=None)
@given(fields(), BODIES, st.sampled_from([b"", b"\r\n", b" \r\n\r\n\t\r\n"]))
def test_whatever_the_message_the_signatures_are_verified_by_dkimpy(head: bytes, body: bytes, end: bytes) -> None:
    whole = body + end
    last = b"" if not whole or whole.endswith(b"\r\n") else b"\r\n"  # SMTP has no line without its end
    message = signed(head + b"\r\n" + whole + last, ED)

    assert good(message)


@settings(max_examples=300, deadline=None)
@given(BODIES, st.sampled_from([b"", b"\r\n", b" \r\n\r\n\t\r\n"]))
def test_the_relaxed_body_is_that_of_dkimpy(body: bytes, end: bytes) -> None:
    whole = body + end + b"\r\n"
    theirs = dkim.canonicalization.Relaxed.canonicalize_body(whole)

    assert relaxed_body(whole) == (b"" if theirs == b"\r\n" else theirs)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=4))
def test_a_relaxed_value_is_that_of_dkimpy(parts: list[str]) -> None:
    raw = "\r\n ".join(parts).encode()
    [(_, theirs)] = dkim.canonicalization.Relaxed.canonicalize_headers([(b"x", raw + b"\r\n")])

    assert relaxed_value(raw) + b"\r\n" == theirs


@pytest.mark.parametrize(("key", "intact"), [(RSA, True), (RSA, False)])
def test_opendkim_says_the_same(key: Key, intact: bool, tmp_path: Path) -> None:
    """Debian's opendkim 2.11 knows rsa only; its test mode reads keys from a file instead of DNS."""
    program = shutil.which("opendkim", path="/usr/sbin:/usr/bin")
    assert program, "opendkim is missing: apt-get install opendkim"
    (tmp_path / "keys").write_text(f"{key.selector}._domainkey.{key.domain} {record(key)}\n")
    (tmp_path / "conf").write_text(f"Mode v\nTestDNSData file:{tmp_path / 'keys'}\nSyslog no\n")
    message = signed(MESSAGE, key)
    (tmp_path / "message").write_bytes(message if intact else message.replace(b"Hello", b"Hallo"))
    answer = subprocess.run(
        [program, "-x", tmp_path / "conf", "-t", tmp_path / "message"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip

    assert ("succeeded" in answer.stdout) == intact, answer.stdout + answer.stderr
