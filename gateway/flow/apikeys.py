"""The keys of the API: made and shown once, kept as digests, checked in constant time, each for little."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from gateway import clock
from gateway.errors import Misuse, NotFound
from gateway.flow.context import Context
from gateway.flow.feed import Scope
from gateway.store import advertisers, apikeys, lists
from gateway.store.outward import ApiKey
from gateway.store.tables import Advertiser, List
from gateway.store.tx import Tx

PREFIX = "cg"  # so that a key that lies around is recognised as one
# What a key may do: a verb for each thing of the API.
VERBS = ("check", "consents", "objections", "contacts", "events", "lists", "signups", "webhooks")
_NOBODY = hashlib.sha256(b"").digest()


@dataclass(frozen=True, slots=True)
class Grant:
    """What the holder of a key may do: for one advertiser, on some of its lists (empty: all), with some verbs."""

    key_id: int
    name: str
    advertiser: Advertiser
    list_ids: frozenset[int]
    verbs: frozenset[str]

    @property
    def actor(self) -> str:
        """Return who acts, as the ledger names it."""
        return f"api:{self.name}"

    @property
    def scope(self) -> Scope:
        """Return whose events the holder may see."""
        return Scope(self.advertiser.id, self.list_ids)

    def may_use(self, row: List) -> bool:
        """Return whether a list is within the grant."""
        return row.advertiser_id == self.advertiser.id and (not self.list_ids or row.id in self.list_ids)

    def list(self, tx: Tx, name: str) -> List:
        """Return the list of that name; raise NotFound, the same for one that is there for others."""
        row = lists.by_name(tx, name)
        if row is None or not self.may_use(row):
            raise NotFound("there is no such list for this key")
        return row


def make(
    context: Context, tx: Tx, owner: Advertiser, name: str, rows: Iterable[List], verbs: Iterable[str]
) -> tuple[ApiKey, str]:
    """Make a key and return it with what its holder sends; raise Misuse for a verb that there is not."""
    wanted = list(dict.fromkeys(verbs))
    if unknown := set(wanted) - set(VERBS):
        raise Misuse(f"there is no verb {min(unknown)}; there are {', '.join(VERBS)}")
    if not wanted:
        raise Misuse(f"say what the key may do: {', '.join(VERBS)}")
    if not name or not name.isprintable() or len(name) > 64:
        raise Misuse("the name of a key has 1 to 64 printable signs")
    secret = secrets.token_urlsafe(32)
    row = ApiKey(
        id=context.store.take(1)[0],
        advertiser_id=owner.id,
        name=name,
        list_ids=sorted(row.id for row in rows),
        verbs=wanted,
        digest=_digest(secret),
        created_at=clock.now(),
    )
    return apikeys.add(tx, row), f"{PREFIX}_{row.id}_{secret}"


def revoke(tx: Tx, number: int) -> ApiKey:
    """Let a key do nothing more; twice is once. Raise NotFound when there is no such key."""
    row = apikeys.get(tx, number)
    if row is None:
        raise NotFound(f"there is no key with the number {number}; `consentgate apikey list` shows those there are")
    row.revoked_at = row.revoked_at or clock.now()
    return apikeys.save(tx, row)


def opened(context: Context, token: str) -> Grant | None:
    """Return what the holder of `token` may do, or None. Blocks; raise `errors.TryLater`.

    The secret has 256 random bits, so one plain digest of it is enough, and comparing takes the same time whether or
    not there is such a key.
    """
    prefix, _, rest = token.partition("_")
    number, _, secret = rest.partition("_")
    known = prefix == PREFIX and number.isascii() and number.isdecimal() and len(number) < 19
    with context.store.read() as tx:
        row = apikeys.get(tx, int(number)) if known else None
        good = hmac.compare_digest(row.digest if row else _NOBODY, _digest(secret))
        if row is None or not good or row.revoked_at is not None:
            return None
        owner = advertisers.get(tx, row.advertiser_id)
        return Grant(row.id, row.name, owner, frozenset(row.list_ids), frozenset(row.verbs)) if owner else None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
