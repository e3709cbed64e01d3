"""Webhooks of the API: who is told, under which secret, since when. The tools of accounts stand in the same table."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway import clock
from gateway.courier.webhook import Hosts
from gateway.errors import Misuse, NotFound
from gateway.flow import feed as feeds
from gateway.flow import seal
from gateway.flow.context import Context
from gateway.flow.feed import Scope
from gateway.store import endpoints, errands, feed
from gateway.store.outward import Endpoint
from gateway.store.tx import Tx

PREFIX = "whsec_"  # of secrets, as Standard Webhooks writes them
OVERLAP = timedelta(days=1)  # how long the secret before is still used beside a new one
MOST = 50  # webhooks of one advertiser
USUAL = ("unsubscribed", "subscribed", "complained", "bounced", "rejected")


@dataclass(frozen=True, slots=True)
class State:
    """A webhook as its owner sees it; the secrets cannot be seen again."""

    id: int
    url: str
    list_ids: Sequence[int]
    types: Sequence[str]
    cursor: str
    waiting: int
    failing_since: datetime | None
    disabled_at: datetime | None
    why: str
    created_at: datetime


def create(
    context: Context, by: Scope, url: str, list_ids: Iterable[int], types: Iterable[str], cursor: str | None
) -> tuple[State, str]:
    """Make a webhook and return it with its secret, which is shown this once.

    It is told what happens from now on, or from `cursor` on. Raises Misuse for an address that may not be called.
    """
    Hosts(context.settings.plugins.internal_hosts).check(url)
    wanted = list(dict.fromkeys(types)) or list(USUAL)
    if unknown := set(wanted) - set(feeds.TYPES):
        raise Misuse(f"there is no type {min(unknown)}; there are {', '.join(feeds.TYPES)}")
    place = feeds.opened(cursor) if cursor else None
    secret = secrets.token_bytes(32)
    seal.seal(context, whole=False)  # what happened so far gets its place before the end of the feed
    with context.store.begin() as tx:
        if sum(row.account_id is None for row in endpoints.all(tx, by.advertiser_id)) >= MOST:
            raise Misuse(f"there are {MOST} webhooks already; delete one first")
        row = Endpoint(
            id=context.store.take(1)[0],
            advertiser_id=by.advertiser_id,
            url=url,
            list_ids=sorted(list_ids),
            types=wanted,
            place=feed.end(tx) if place is None else min(place, feed.end(tx)),
            created_at=clock.now(),
        )
        row.secrets = [_sealed(context, row, secret)]
        endpoints.add(tx, row)
        return _state(tx, row), _written(secret)


def mine(context: Context, by: Scope) -> list[State]:
    """Return the webhooks of a scope, the oldest first."""
    with context.store.read() as tx:
        return [_state(tx, row) for row in endpoints.all(tx, by.advertiser_id) if _within(by, row)]


def get(context: Context, by: Scope, number: int) -> State:
    """Return one webhook; raise NotFound when the scope has no such one."""
    with context.store.read() as tx:
        return _state(tx, _own(tx, by, number))


def remove(context: Context, by: Scope, number: int) -> None:
    """Delete a webhook; what it was still to be told is not told any more."""
    with context.store.begin() as tx:
        endpoints.remove(tx, _own(tx, by, number).id)


def rotate(context: Context, by: Scope, number: int) -> str:
    """Give a webhook a new secret and return it; for a day everything is signed with the one before too."""
    secret = secrets.token_bytes(32)
    with context.store.begin() as tx:
        row = _own(tx, by, number)
        before = row.secrets[0] | {"until": (clock.now() + OVERLAP).isoformat()}
        row.secrets = [_sealed(context, row, secret), before]
        endpoints.save(tx, row)
    return _written(secret)


def replay(context: Context, by: Scope, number: int, cursor: str | None) -> State:
    """Tell a webhook again everything behind a cursor (None: where it stands), and enable it if it was disabled."""
    with context.store.begin() as tx:
        row = _own(tx, by, number)
        _, first = errands.waiting(tx, row.id)
        errands.clear(tx, row.id)
        behind = row.place if first is None else min(row.place, first - 1)
        row.place = behind if cursor is None else min(feeds.opened(cursor), behind)
        row.disabled_at = row.failing_since = row.rest_until = None
        row.failures, row.why = 0, ""
        return _state(tx, endpoints.save(tx, row))


def signed(context: Context, row: Endpoint, event_id: str, body: bytes) -> list[tuple[str, str]]:
    """Return the headers that prove where a body comes from (standardwebhooks.com; HMAC-SHA-256 with a time stamp)."""
    now = clock.now()
    stamp = str(int(now.timestamp()))
    content = b".".join((event_id.encode(), stamp.encode(), body))
    valid = [one for one in row.secrets if not one.get("until") or datetime.fromisoformat(one["until"]) > now]
    keys = [context.vault.open(bytes.fromhex(one["sealed"]), _about(row)) for one in valid]
    signatures = [base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode() for key in keys]
    return [
        ("webhook-id", event_id),
        ("webhook-timestamp", stamp),
        ("webhook-signature", " ".join(f"v1,{one}" for one in signatures)),
    ]


def _within(by: Scope, row: Endpoint) -> bool:
    """Return whether a webhook tells of nothing outside a scope, which may be some lists only."""
    listed = not by.list_ids or (bool(row.list_ids) and by.list_ids.issuperset(row.list_ids))
    return row.account_id is None and row.advertiser_id == by.advertiser_id and listed


def _own(tx: Tx, by: Scope, number: int) -> Endpoint:
    row = endpoints.get(tx, number)
    if row is None or not _within(by, row):
        raise NotFound("there is no such webhook")
    return row


def _state(tx: Tx, row: Endpoint) -> State:
    waiting, _ = errands.waiting(tx, row.id)
    return State(
        row.id, row.url, row.list_ids, row.types, feeds.spelled(row.place), waiting,
        row.failing_since, row.disabled_at, row.why, row.created_at,
    )  # fmt: skip


def _sealed(context: Context, row: Endpoint, secret: bytes) -> dict[str, str | None]:
    return {"sealed": context.vault.seal(secret, _about(row)).hex(), "until": None}


def _about(row: Endpoint) -> str:
    return f"webhook {row.id}"


def _written(secret: bytes) -> str:
    return PREFIX + base64.b64encode(secret).decode()
