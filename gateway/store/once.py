"""Requests that have one effect however often they are sent: who asked what under which key, and the answer."""

from datetime import datetime

from sqlalchemy import delete, update
from sqlmodel import Session

from gateway.store.outward import Once
from gateway.store.rows import NewOnes, table_of

_TABLE = table_of(Once)
_insert = NewOnes(Once)


def claim(tx: Session, row: Once) -> bool:
    """Write the request as one that is being worked on; return False when its owner has used the key before."""
    return _insert(tx, [row]) == 1


def get(tx: Session, owner: str, key: str) -> Once | None:
    """Return what is known of a key."""
    return tx.get(Once, (owner, key))


def take_over(tx: Session, row: Once, now: datetime) -> bool:
    """Work on a request that somebody began and did not finish; False when another one was faster."""
    mine = (_TABLE.c.owner == row.owner, _TABLE.c.key == row.key, _TABLE.c.status == 0, _TABLE.c.at == row.at)
    return tx.connection().execute(update(_TABLE).where(*mine).values(at=now)).rowcount == 1


def answer(tx: Session, owner: str, key: str, status: int, body: bytes) -> None:
    """Keep the answer."""
    mine = (_TABLE.c.owner == owner, _TABLE.c.key == key)
    tx.connection().execute(update(_TABLE).where(*mine).values(status=status, body=body))


def forget(tx: Session, owner: str, key: str) -> None:
    """Forget a request that came to nothing, so that it may be sent again."""
    tx.connection().execute(delete(_TABLE).where(_TABLE.c.owner == owner, _TABLE.c.key == key))


def expire(tx: Session, before: datetime) -> int:
    """Forget what is older than `before`, and return how many there were."""
    return tx.connection().execute(delete(_TABLE).where(_TABLE.c.at < before)).rowcount
