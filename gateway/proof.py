"""What a seal is made of: the digest of a row, the tree over many rows, the chain of seals. Pure.

A row becomes a leaf in two steps. Its personal fields are replaced by a salted digest of them; that digest, and the
other fields as they are, make the leaf. Whoever erases the personal fields and the salt leaves a leaf that can still be
checked and that no longer says anything about the person (docs/howto/proof.md). `commands/verifier.py` says the same
again for whoever does not trust this program.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

SALT = 16  # bytes
START = bytes(32)  # what the first seal follows
_PERSONAL, _LEAF, _SEAL = b"consentgate personal 1\n", b"consentgate leaf 1\n", b"consentgate seal 1\n"


@dataclass(frozen=True, slots=True)
class Fields:
    """What of a row is sealed as it is, and what only by its salted digest."""

    public: tuple[str, ...]
    personal: tuple[str, ...] = ()


# An opposition's `lifted_at` is not sealed, because it is written later; that a person undid it is an event of its own.
KINDS: Mapping[str, Fields] = {
    "event": Fields(
        (
            "id", "advertiser_id", "contact_id", "list_id", "channel", "kind", "at", "recorded_at", "direct", "actor",
            "batch_id",
        ),
        ("evidence",),
    ),
    "receipt": Fields(
        (
            "id", "ref", "submission_id", "account_id", "advertiser_id", "list_id", "contact_id", "klass", "stage",
            "at", "fate", "code", "rule", "content_digest", "outcome",
        ),
        ("evidence", "recipient_digest", "reply"),
    ),
    "opposition": Fields(
        ("id", "advertiser_id", "list_id", "channel", "digest", "key_version", "at", "origin", "actor", "reason")
    ),
    "notice": Fields(
        (
            "id", "advertiser_id", "name", "version", "language", "regime", "channel", "text", "html", "full", "fields",
            "created_at",
        )
    ),
}  # fmt: skip
RECORDED = {"event": "recorded_at", "receipt": "at", "notice": "created_at"}  # when a row was written, where it says so


@dataclass(frozen=True, slots=True)
class ChainLink:
    """What one seal says; `complete` means that nothing that was written before `at` was left unsealed."""

    id: int
    at: datetime
    leaves: int
    root: bytes
    previous: bytes
    complete: bool

    @property
    def digest(self) -> bytes:
        """Return the digest of the seal, which the next one carries in `previous`."""
        said = {name: getattr(self, name) for name in ("id", "at", "leaves", "root", "previous", "complete")}
        return hashlib.sha256(_SEAL + canonical(said)).digest()


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return the one way to write a mapping: JSON in ASCII, keys sorted, moments in UTC, bytes in hexadecimal."""
    return _ENCODER.encode(value).encode("ascii")


def plain(value: object) -> str:
    """Return a moment in UTC or bytes in hexadecimal, as they are sealed."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"a {type(value).__name__} cannot be sealed")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=plain)


def commitment(kind: str, row: Mapping[str, Any], salt: bytes) -> bytes:
    """Return what stands for the personal fields of a row; without `salt` nobody can guess them from it."""
    personal = {name: row[name] for name in KINDS[kind].personal}
    return hashlib.sha256(_PERSONAL + salt + canonical(personal)).digest()


def leaf(kind: str, row: Mapping[str, Any], personal: bytes) -> bytes:
    """Return the digest of a row whose personal fields are stood for by `personal` (RFC 6962 2.1)."""
    public = {name: row[name] for name in KINDS[kind].public}
    return hashlib.sha256(b"\0" + _LEAF + canonical({"kind": kind, "personal": personal, "public": public})).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of the Merkle tree over one or more leaves (RFC 6962 2.1)."""
    level = list(leaves)
    if not level:
        raise ValueError("a seal has at least one leaf")
    while len(level) > 1:
        level = _up(level)
    return level[0]


def path(leaves: Sequence[bytes], position: int) -> list[bytes]:
    """Return the digests beside the way from one leaf to the root, lowest first (RFC 6962 2.1.1)."""
    level, found = list(leaves), []
    while len(level) > 1:
        if position ^ 1 < len(level):
            found.append(level[position ^ 1])
        level, position = _up(level), position >> 1
    return found


def _up(level: Sequence[bytes]) -> list[bytes]:
    """Return the level above; what is left alone at the end goes up as it is."""
    above = [_node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return [*above, level[-1]] if len(level) & 1 else above


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
