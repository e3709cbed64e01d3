"""Signing keys over their life: made, published by hand, seen in DNS and active, replaced, retired (RFC 6376).

A new key waits until its record is seen, so that no mail is signed with a key that nobody can look up. Then it signs
instead of the one before, whose record stays for the mail that is under way; retiring a key erases its secret.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway import clock
from gateway.errors import Misuse, NotFound
from gateway.flow.context import Context
from gateway.flow.intake import within
from gateway.flow.lookup import Lookup
from gateway.flow.signing import about
from gateway.mail.sign import ED25519, RSA, RSA_BITS, Secret
from gateway.store import dkim
from gateway.store.records import DkimKey
from gateway.store.tables import Advertiser
from gateway.store.tx import Tx

ALGORITHMS = {"rsa": RSA, "ed25519": ED25519}
WAITING, ACTIVE, RETIRED = "waiting", "active", "retired"
_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_STRING_MOST = 255  # octets of one string of a TXT record (RFC 1035 3.3.14)
_EXPONENT = 65537


@dataclass(frozen=True, slots=True)
class Seen:
    """What DNS says of a key: `published`, `absent`, or `different` with the record found; `begins` when it is new."""

    row: DkimKey
    found: str
    record: str = ""
    begins: bool = False


def make(
    context: Context,
    tx: Tx,
    owner: Advertiser,
    domain: str,
    kinds: Sequence[str],
    *,
    selector: str | None = None,
    active: bool = False,
) -> list[DkimKey]:
    """Write a new key of each of `kinds` ("rsa", "ed25519") for a domain (A-labels) and return them.

    Raises `errors.Misuse` for a domain that is not the advertiser's, or for a selector that is taken or is none.
    """
    related = within(domain, owner.domains) or any(within(own, [domain]) for own in owner.domains)
    if not related or "." not in domain:
        known = ", ".join(owner.domains) or "none yet"
        raise Misuse(f"{domain} has nothing to do with the sending domains of {owner.name} ({known})")
    names = _selectors(selector, kinds, dkim.selectors(tx, domain))
    state = ACTIVE if active else WAITING
    return [_written(context, tx, owner, domain, kind, name, state) for kind, name in zip(kinds, names, strict=True)]


def _written(context: Context, tx: Tx, owner: Advertiser, domain: str, kind: str, selector: str, state: str) -> DkimKey:
    secret: Secret = generate_private_key(_EXPONENT, RSA_BITS) if kind == "rsa" else Ed25519PrivateKey.generate()
    private = secret.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return dkim.add(
        tx,
        DkimKey(
            id=context.store.take(1)[0],
            advertiser_id=owner.id,
            domain=domain,
            selector=selector,
            algorithm=ALGORITHMS[kind],
            secret=context.vault.seal(private, about(domain, selector)),
            public=_public(secret),
            state=state,
            created_at=clock.now(),
        ),
    )


def _public(secret: Secret) -> str:
    """Return the tag p=: a SubjectPublicKeyInfo for RSA, the bare key for Ed25519 (RFC 8463 4)."""
    if isinstance(secret, RSAPrivateKey):
        data = secret.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        data = secret.public_key().public_bytes_raw()
    return b64encode(data).decode("ascii")


def _selectors(wish: str | None, kinds: Sequence[str], taken: set[str]) -> list[str]:
    """Return a selector for each kind: the one wished for, else the month, with a number when that is taken."""
    if wish is not None:
        names = [wish] if len(kinds) == 1 else [f"{wish}-{kind}" for kind in kinds]
        for name in names:
            if not _SELECTOR.fullmatch(name):
                raise Misuse(
                    f"--selector {wish}: a selector has lower-case letters, digits and hyphens, such as cg202611"
                )
        return names
    month = f"cg{clock.now():%Y%m}"
    number = 1
    while True:
        base = month if number == 1 else f"{month}-{number}"
        names = [f"{base}-{kind}" for kind in kinds]
        if not taken.intersection(names):
            return names
        number += 1


def host(row: DkimKey) -> str:
    """Return the name of a key's record."""
    return f"{row.selector}._domainkey.{row.domain}"


def record(row: DkimKey) -> str:
    """Return the value of a key's record (RFC 6376 3.6.1); that of a retired key says so."""
    kind = "rsa" if row.algorithm == RSA else "ed25519"
    return f"v=DKIM1; k={kind}; h=sha256; p={row.public if row.state != RETIRED else ''}"


def zone_line(row: DkimKey) -> str:
    """Return the record as a line of a zone file, in strings that DNS can hold."""
    text = record(row)
    strings = [text[at : at + _STRING_MOST] for at in range(0, len(text), _STRING_MOST)]
    quoted = " ".join(f'"{part}"' for part in strings)
    return f"{host(row)}. 3600 IN TXT ( {quoted} )"


def look(row: DkimKey, lookup: Lookup) -> Seen:
    """Ask DNS for the record of a key; changes nothing. Raises `errors.TryLater`."""
    return _compared(row, lookup(host(row), "TXT"))


def seen(tx: Tx, rows: Sequence[DkimKey], lookup: Lookup) -> list[Seen]:
    """Ask DNS for the record of each key; one that waits and is published begins to sign. Raises `errors.TryLater`."""
    answers = []
    for row in rows:
        answer = look(row, lookup)
        if answer.found == "published" and row.state == WAITING:
            row.state = ACTIVE
            dkim.save(tx, row)
            answer = Seen(row, "published", begins=True)
        answers.append(answer)
    return answers


def _compared(row: DkimKey, records: Sequence[str]) -> Seen:
    for text in records:
        if _tags(text).get("p", "") == row.public and _fits(row, _tags(text)):
            return Seen(row, "published")
    return Seen(row, "different", records[0]) if records else Seen(row, "absent")


def _fits(row: DkimKey, tags: dict[str, str]) -> bool:
    """Return whether a verifier would take the record for this key (RFC 6376 3.6.1)."""
    kind = "rsa" if row.algorithm == RSA else "ed25519"
    services = tags.get("s", "*").split(":")
    return (
        tags.get("v", "DKIM1") == "DKIM1"
        and tags.get("k", "rsa") == kind
        and "sha256" in tags.get("h", "sha256").split(":")
        and not {"*", "email"}.isdisjoint(services)
    )


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip(): "".join(value.split()) for name, sign, value in pairs if sign}


def retire(tx: Tx, row: DkimKey) -> DkimKey:
    """Let a key never sign again and erase its secret; its record may go once mail under way has arrived."""
    row.state, row.secret = RETIRED, b""
    return dkim.save(tx, row)


def of(tx: Tx, owner: Advertiser, domain: str | None = None, selector: str | None = None) -> list[DkimKey]:
    """Return the keys of an advertiser, newest first, of a domain or with a selector if named; `NotFound` for none."""
    every = dkim.all(tx, owner.id)
    found = [row for row in every if domain in (None, row.domain) and selector in (None, row.selector)]
    if (domain or selector) and not found:
        there = ", ".join(host(row) for row in every) or "none: `consentgate dkim new` makes one"
        raise NotFound(f"{owner.name} has no such key; there is {there}")
    return found
