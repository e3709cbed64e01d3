"""The errands: what endpoints are still to be told, claimed by lease like parcels, in the order of each person.

An errand is claimed only when nothing earlier about the same person is waiting for the same endpoint.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, exists, func, or_, select, update
from sqlmodel import Session

from gateway.store.among import Among
from gateway.store.outward import Endpoint, Errand
from gateway.store.rows import NewOnes, Row, table_of
from gateway.store.tables import Moment

_TABLE = table_of(Errand)
_ENDPOINTS = table_of(Endpoint)
_BEFORE = _TABLE.alias("before")
_insert = NewOnes(Errand)


@dataclass(frozen=True, slots=True)
class Claimed:
    """An errand in our hands."""

    id: int
    endpoint_id: int
    what: str
    kind: str
    row_id: int
    attempts: int
    created_at: datetime


_now = bindparam("now", type_=Moment)
_DUE = (
    select(_TABLE.c.id)
    .join(_ENDPOINTS, _ENDPOINTS.c.id == _TABLE.c.endpoint_id)
    .where(
        _TABLE.c.due_at <= _now,
        _ENDPOINTS.c.disabled_at.is_(None),
        or_(_ENDPOINTS.c.rest_until.is_(None), _ENDPOINTS.c.rest_until <= _now),
        ~exists().where(
            _BEFORE.c.endpoint_id == _TABLE.c.endpoint_id,
            _BEFORE.c.what == _TABLE.c.what,
            _BEFORE.c.person == _TABLE.c.person,
            _BEFORE.c.place < _TABLE.c.place,
        ),
    )
    .order_by(_TABLE.c.due_at, _TABLE.c.place)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=_TABLE)
    .cte("due")
)
_CLAIM = (
    update(_TABLE)
    .where(_TABLE.c.id.in_(select(_DUE.c.id)))
    .values(node=bindparam("new_node"), due_at=bindparam("until", type_=Moment))
    .returning(*(_TABLE.c[name] for name in Claimed.__slots__))
)
_MINE = (_TABLE.c.id == bindparam("errand"), _TABLE.c.node == bindparam("mine"))
_LATER = (
    update(_TABLE).where(*_MINE).values(node="", due_at=bindparam("due", type_=Moment), attempts=_TABLE.c.attempts + 1)
)
_INHERIT = (
    update(_TABLE)
    .where(_TABLE.c.due_at > _now, Among(_TABLE.c.node, "nodes", "text"))
    .values(node="", due_at=bindparam("now", type_=Moment))
)


def add(tx: Session, rows: Sequence[Row]) -> int:
    """Write errands; those that are waiting already are left out. Return how many were written."""
    return _insert(tx, rows)


def claim(tx: Session, node: str, now: datetime, lease: timedelta, limit: int) -> list[Claimed]:
    """Take at most `limit` errands that are due; they are `node`'s until the lease ends."""
    values = {"new_node": node, "now": now, "until": now + lease, "most": limit}
    return [Claimed(*row) for row in tx.connection().execute(_CLAIM, values)]


def inherit(tx: Session, nodes: Collection[str], now: datetime) -> int:
    """Let any node have at once all errands that `nodes` hold, which are dead; return how many there were."""
    return tx.connection().execute(_INHERIT, {"nodes": list(nodes), "now": now}).rowcount


def done(tx: Session, node: str, ids: Collection[int]) -> int:
    """Delete errands that are done with, and return how many still were `node`'s."""
    mine = delete(_TABLE).where(Among(_TABLE.c.id, "ids"), _TABLE.c.node == bindparam("mine"))
    return tx.connection().execute(mine, {"ids": list(ids), "mine": node}).rowcount


def later(tx: Session, node: str, number: int, due: datetime) -> None:
    """Try an errand again then."""
    tx.connection().execute(_LATER, {"errand": number, "mine": node, "due": due})


def waiting(tx: Session, endpoint_id: int) -> tuple[int, int | None]:
    """Return how many errands wait for an endpoint, and the place of the first (None: there is none)."""
    query = select(func.count(), func.min(_TABLE.c.place)).where(_TABLE.c.endpoint_id == endpoint_id)
    count, first = tx.connection().execute(query).one()
    return count, first


def clear(tx: Session, endpoint_id: int) -> int:
    """Delete what an endpoint was still to be told, and return how many there were."""
    return tx.connection().execute(delete(_TABLE).where(_TABLE.c.endpoint_id == endpoint_id)).rowcount
