"""DKIM signatures (RFC 6376, 8301, 8463): relaxed/relaxed, rsa-sha256 and ed25519-sha256, made last of all.

What is signed is what the next hop gets: sign after everything has been put in. Fields that a reader trusts are listed
once more than they occur, so that nobody can add another one on top and keep the signature (RFC 6376 8.15).
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from gateway.errors import Misuse
from gateway.mail.headers import Headers

Secret: TypeAlias = RSAPrivateKey | Ed25519PrivateKey

RSA, ED25519 = "rsa-sha256", "ed25519-sha256"
RSA_BITS = 2048  # the least that mailbox providers trust (RFC 8301 3.2)

_SIGNED = (
    *("From", "To", "Cc", "Subject", "Date", "Reply-To", "Message-ID", "MIME-Version", "Content-Type"),
    *("Content-Transfer-Encoding", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"),
)
_SEALED = frozenset({"from", "to", "subject", "date"})  # listed once more, there or not
_SEALED_IF_THERE = frozenset({"list-unsubscribe", "list-unsubscribe-post"})  # a next hop may add them to service mail
_NAMES = tuple((name.lower(), name.encode()) for name in _SIGNED)

_SPACES = re.compile(rb"[ \t]+")
_SPACE = b" \t"
_WIDTH = 76
_PREHASHED = utils.Prehashed(hashes.SHA256())
_PADDING = padding.PKCS1v15()


@dataclass(frozen=True, slots=True)
class Key:
    """A private key with the place of its public half: `selector._domainkey.domain`, both in lower-case A-labels."""

    domain: str
    selector: str
    secret: Secret

    def __post_init__(self) -> None:
        """Raise `Misuse` for an RSA key that verifiers would not trust (RFC 8301 3.2)."""
        if isinstance(self.secret, RSAPrivateKey) and self.secret.key_size < RSA_BITS:
            raise Misuse(
                f"the key {self.selector} of {self.domain} has {self.secret.key_size} bits: {RSA_BITS} at least"
            )

    @property
    def algorithm(self) -> str:
        """Return the name of the algorithm, as in the tag a=."""
        return RSA if isinstance(self.secret, RSAPrivateKey) else ED25519


def signatures(copy: bytes, headers: Headers, keys: Sequence[Key], at: int) -> bytes:
    """Return a DKIM-Signature field, with its CRLF, for each of `keys`; they belong on top of `copy`.

    `copy` is a whole message with CRLF lines, `headers` its parsed header section, `at` the moment in seconds since
    1970 (tag t=). Both hashes are computed once for all keys.
    """
    body = b64encode(sha256(relaxed_body(copy[headers.body_start :])).digest())
    names, canonical = _selected(headers)
    hashed, listed = sha256(canonical), _listed(names)
    fields = []
    for key in keys:
        value = b"".join(
            (
                b"v=1; a=%s; c=relaxed/relaxed; t=%d;\r\n" % (key.algorithm.encode(), at),
                _folded(b"", [b"d=%s; " % key.domain.encode(), b"s=%s;" % key.selector.encode()]),
                b"\r\n%s;\r\n bh=%s;\r\n b=" % (listed, body),
            )
        )
        own = hashed.copy()
        own.update(b"dkim-signature:" + relaxed_value(value))
        fields.append(b"DKIM-Signature: %s%s\r\n" % (value, _wrapped(_sign(key.secret, own.digest()))))
    return b"".join(fields)


def relaxed_body(body: bytes) -> bytes:
    """Return the body in the relaxed form (RFC 6376 3.4.4). Lines end in CRLF; the last may lack it."""
    if b"\t" in body or b"  " in body:
        body = _SPACES.sub(b" ", body)
    if b" \r\n" in body:
        body = body.replace(b" \r\n", b"\r\n")
    body = body.rstrip(b" \r\n")
    return body + b"\r\n" if body else b""


def relaxed_value(raw: bytes) -> bytes:
    """Return a field's value in the relaxed form (RFC 6376 3.4.2): unfolded, runs of white space as one space."""
    return _SPACES.sub(b" ", raw.replace(b"\r\n", b"")).strip(_SPACE)


def _selected(headers: Headers) -> tuple[tuple[bytes, ...], bytes]:
    """Return the names for h= and the canonical fields they select, from the bottom up (RFC 6376 5.4.2)."""
    values: dict[str, list[bytes]] = {}
    for found in headers.fields:
        values.setdefault(found.name, []).append(found.raw)
    names: list[bytes] = []
    lines: list[bytes] = []
    for name, shown in _NAMES:
        there = values.get(name, ())
        more = name in _SEALED or (bool(there) and name in _SEALED_IF_THERE)
        names += [shown] * (len(there) + more)
        lines += [_line(name, raw) for raw in reversed(there)]
    return tuple(names), b"".join(lines)


@lru_cache(maxsize=256)
def _line(name: str, raw: bytes) -> bytes:
    """Return one canonical field; most are the same in all copies of a message."""
    return b"%s:%s\r\n" % (name.encode(), relaxed_value(raw))


@lru_cache(maxsize=256)
def _listed(names: tuple[bytes, ...]) -> bytes:
    return _folded(b"h=", [*(name + b":" for name in names[:-1]), names[-1]])


def _sign(secret: Secret, digest: bytes) -> bytes:
    """Sign the SHA-256 of the fields; Ed25519 signs the digest as its message (RFC 8463 3)."""
    if isinstance(secret, RSAPrivateKey):
        return secret.sign(digest, _PADDING, _PREHASHED)
    return secret.sign(digest)


def _folded(start: bytes, words: Sequence[bytes]) -> bytes:
    """Return lines that each begin with a space, of at most 76 octets where the words allow it."""
    lines, line = [], b" " + start
    for word in words:
        if len(line) + len(word) > _WIDTH and line.strip():
            lines.append(line)
            line = b" "
        line += word
    return b"\r\n".join([*lines, line])


def _wrapped(signature: bytes) -> bytes:
    text = b64encode(signature)
    return b"\r\n ".join([text[at : at + _WIDTH - 1] for at in range(0, len(text), _WIDTH - 1)])
