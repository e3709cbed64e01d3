"""Opaque tokens for links and return paths, keyed digests of addresses, and secrets kept; all survive a change of key.

A token names a contact, a list and a parcel, and nothing a stranger could read or forge. It opens as long as the key
that sealed it is in the ring, so links in old mail go on working for the life of the installation.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway import errors

SECRET_BYTES = 32
SIV_KEY_BYTES = 64  # AES-256-SIV takes two keys of 32 (RFC 5297, 2.2)
CONTACT_BYTES, LIST_BYTES, PARCEL_BYTES = 6, 4, 6
BODY_BYTES = 1 + 16 + CONTACT_BYTES + LIST_BYTES + PARCEL_BYTES  # key version, synthetic IV, packed numbers
TOKEN_CHARS = -(-BODY_BYTES * 8 // 5)  # 53: with "stop+" in front still a local part (64 octets, RFC 5321 4.5.3.1.1)
SPARE_BITS = TOKEN_CHARS * 5 - BODY_BYTES * 8  # the last character is not full

# Base 32 (RFC 4648, 6) by whole numbers: a third of the time of the standard library, and a token is made per copy.
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_PAIR_BITS = range((TOKEN_CHARS - 1) // 2 * 10, -1, -10)
_DIGITS = bytes(
    "0123456789abcdefghijklmnopqrstuv"[_ALPHABET.index(char)].encode()[0] if char in _ALPHABET else ord("!")
    for char in (chr(byte).lower() if byte < 128 else "!" for byte in range(256))
)


class Keyring:
    """The secrets of the installation by version; the highest version seals, every version opens.

    `secrets`: version (0 to 255) → at least 32 random bytes. Raises `errors.Misuse` for anything else.
    """

    def __init__(self, secrets: Mapping[int, bytes]) -> None:
        if not secrets:
            raise errors.Misuse("no secret is configured: `consentgate init` writes a fresh one")
        for version, secret in secrets.items():
            if not 0 <= version <= 255:
                raise errors.Misuse(f"secret {version}: the version of a secret is a number from 0 to 255")
            if len(secret) < SECRET_BYTES:
                raise errors.Misuse(f"secret {version} has {len(secret)} bytes: at least {SECRET_BYTES} random ones")
        self._secrets = dict(secrets)
        self.versions: tuple[int, ...] = tuple(sorted(secrets, reverse=True))
        self.current: int = self.versions[0]

    def __repr__(self) -> str:
        return f"Keyring(versions={self.versions})"

    def derive(self, version: int, purpose: str, length: int = 32) -> bytes:
        """Return the key of `length` bytes for one purpose (HKDF-SHA-256, RFC 5869); KeyError: no such version."""
        info = b"consentgate/" + purpose.encode()
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(self._secrets[version])


class Purpose(StrEnum):
    """Where a token may be used; one made for one purpose does not open for another."""

    LINK = "link"  # one-click and the page
    MAILTO = "mailto"
    BOUNCE = "bounce"
    JOIN = "join"  # the link that confirms a sign-up: its number stands for the contact, 1 for the parcel is a parent
    RIGHT = "right"  # confirms a request through the mailbox; `parcel` is the number of the request


@dataclass(frozen=True, slots=True)
class Link:
    """Whom and what a token is about: identity numbers of the store; `list` 0 is no list in particular."""

    contact: int
    list: int
    parcel: int


NOBODY = Link(contact=0, list=0, parcel=0)  # a link that is about nobody, to try the pages with: nothing is stopped


class Tokens:
    """Seals links into tokens and opens them again.

    AES-SIV (RFC 5297) is deterministic: the same link under the same key is the same token, so a token needs no nonce
    and no storage, and a misuse-resistant cipher is the right one for it. The key version stands in front in the
    clear and, with the purpose, is authenticated as associated data.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._current = keyring.current
        self._ciphers = {v: AESSIV(keyring.derive(v, "tokens", SIV_KEY_BYTES)) for v in keyring.versions}

    def seal(self, purpose: Purpose, link: Link) -> str:
        """Return the token: 53 characters a–z, 2–7. OverflowError when a number does not fit its field."""
        packed = (
            link.contact.to_bytes(CONTACT_BYTES) + link.list.to_bytes(LIST_BYTES) + link.parcel.to_bytes(PARCEL_BYTES)
        )
        version = self._current.to_bytes()
        sealed = self._ciphers[self._current].encrypt(packed, [purpose.encode(), version])
        return _spell(version + sealed)

    @staticmethod
    def stand_in() -> str:
        """Return what looks like a token and is one of nobody; nobody can guess it. A z begins it, as few words."""
        return _spell(b"\xcf" + secrets.token_bytes(BODY_BYTES - 1))

    def open(self, purpose: Purpose, text: str) -> Link | None:
        """Return what the token names, or None when it is not one of ours for this purpose, whatever the reason.

        Letter case does not matter, because mail systems change the case of local parts.
        """
        body = _read(text)
        if body is None:
            return None
        cipher = self._ciphers.get(body[0])
        if cipher is None:
            return None
        try:
            packed = cipher.decrypt(body[1:], [purpose.encode(), body[:1]])
        except InvalidTag:
            return None
        listed = CONTACT_BYTES + LIST_BYTES
        return Link(
            contact=int.from_bytes(packed[:CONTACT_BYTES]),
            list=int.from_bytes(packed[CONTACT_BYTES:listed]),
            parcel=int.from_bytes(packed[listed:]),
        )


def _spell(body: bytes) -> str:
    number = int.from_bytes(body) << (SPARE_BITS + 5)  # to an even number of characters, of which one is cut off
    return "".join([_PAIRS[number >> shift & 1023] for shift in _PAIR_BITS])[:TOKEN_CHARS]


def _read(text: str) -> bytes | None:
    if len(text) != TOKEN_CHARS or not text.isascii():
        return None
    try:
        number = int(text.encode().translate(_DIGITS), 32)
    except ValueError:
        return None
    if number & ((1 << SPARE_BITS) - 1):  # only the spelling that we write is a token
        return None
    return (number >> SPARE_BITS).to_bytes(BODY_BYTES)


class Digests:
    """Keyed digests of addresses: what is left of a person who objected (HMAC-SHA-256, a key per advertiser).

    A plain hash of an address is reversible by guessing; a keyed one needs our secret.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._versions = keyring.versions
        self._begun = lru_cache(maxsize=65_536)(
            lambda advertiser_id, version: _begun(keyring.derive(version, f"digest/{advertiser_id}"))
        )

    def of(self, advertiser_id: int, spelled: str, folded: str) -> tuple[tuple[int, bytes], ...]:
        """Return (key version, 32 bytes) for both spellings under every version, newest first, without duplicates.

        `spelled`: the address with its local part as given; `folded`: the same case-folded.
        """
        return self._of(self._versions, advertiser_id, spelled, folded)

    def current(self, advertiser_id: int, spelled: str, folded: str) -> tuple[tuple[int, bytes], ...]:
        """Return the same under the newest version only: what a new opposition is written with."""
        return self._of(self._versions[:1], advertiser_id, spelled, folded)

    def _of(
        self, versions: Sequence[int], advertiser_id: int, spelled: str, folded: str
    ) -> tuple[tuple[int, bytes], ...]:
        texts = (spelled.encode(),) if spelled == folded else (spelled.encode(), folded.encode())
        found = []
        for version in versions:
            inner, outer = self._begun(advertiser_id, version)
            for text in texts:
                within, around = inner.copy(), outer.copy()
                within.update(text)
                around.update(within.digest())
                found.append((version, around.digest()))
        return tuple(found)


def _begun(key: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """Return the two hashes of HMAC-SHA-256 (RFC 2104 2), each begun with the key; going on from copies costs little.

    `hmac.digest` would let go of the interpreter lock each time, and getting it back costs a hundred times the digest
    while other threads work; objects of `hmac` cost twice as much as this.
    """
    padded = key.ljust(64, b"\0")
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in padded)) for pad in (0x36, 0x5C))
    return inner, outer


class Vault:
    """Encrypts what the database keeps secret, such as signing keys (AES-256-SIV, RFC 5297).

    A stolen database is useless without the configured secrets. `about` says what a secret belongs to; it is
    authenticated, so that a sealed secret cannot be moved to another row.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._current = keyring.current
        self._ciphers = {v: AESSIV(keyring.derive(v, "vault", SIV_KEY_BYTES)) for v in keyring.versions}

    def seal(self, secret: bytes, about: str) -> bytes:
        """Return `secret` encrypted under the newest key, whose version stands in front."""
        version = self._current.to_bytes()
        return version + self._ciphers[self._current].encrypt(secret, [about.encode(), version])

    def open(self, sealed: bytes, about: str) -> bytes:
        """Return the secret; raise `errors.Misuse` when no key in the ring opens it for `about`."""
        try:
            return self._ciphers[sealed[0]].decrypt(sealed[1:], [about.encode(), sealed[:1]])
        except (KeyError, IndexError, InvalidTag) as error:
            raise errors.Misuse(f"what is kept for {about} does not open under the configured secrets") from error
