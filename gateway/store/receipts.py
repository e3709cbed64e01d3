"""The receipts: verdicts and outcomes written down; inserted, never updated."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select as core_select
from sqlmodel import Session, col, func, select

from gateway.store.among import Among
from gateway.store.prepared import Prepared
from gateway.store.rows import Inserter, Row, table_of
from gateway.store.tables import Receipt

_insert = Inserter(Receipt)
_RECEIPTS = table_of(Receipt)
_THERE = Prepared(core_select(_RECEIPTS.c.id).where(Among(_RECEIPTS.c.id, "ids")))
_HANDED_OVER = Prepared(
    core_select(_RECEIPTS.c.ref, _RECEIPTS.c.account_id, _RECEIPTS.c.at)
    .where(Among(_RECEIPTS.c.ref, "refs"), _RECEIPTS.c.outcome == "delivered")
    .order_by(_RECEIPTS.c.id.desc())
)


def write(tx: Session, rows: Sequence[Row]) -> None:
    """Write receipts: objects, or mappings of column names (see `rows.Inserter`)."""
    _insert(tx, rows)


def there(tx: Session, ids: Collection[int]) -> set[int]:
    """Return which of these numbers are receipts that were written."""
    return {row[0] for row in _THERE(tx, {"ids": ids})}


def of_ref(tx: Session, ref: int) -> list[Receipt]:
    """Return the receipts of one recipient's copy, oldest first."""
    return list(tx.exec(select(Receipt).where(Receipt.ref == ref).order_by(col(Receipt.at), col(Receipt.id))))


def of_contact(tx: Session, contact_id: int, after: int = 0, limit: int = 1000) -> list[Receipt]:
    """Return at most `limit` receipts about a person with ids above `after`, in ascending order of ids."""
    query = select(Receipt).where(Receipt.contact_id == contact_id, Receipt.id > after)
    return list(tx.exec(query.order_by(col(Receipt.id)).limit(limit)))


def delivered(tx: Session, contact_id: int) -> int:
    """Return how many messages the next hop took for a person."""
    query = select(func.count()).select_from(Receipt)
    return tx.exec(query.where(Receipt.contact_id == contact_id, Receipt.outcome == "delivered")).one()


class Delivery(NamedTuple):
    """That the next hop took a copy: whose account handed the message in, and when it was taken."""

    account_id: int
    at: datetime


def handed_over(tx: Session, refs: Collection[int]) -> dict[int, Delivery]:
    """Return by number those of these copies that the next hop took; of one taken twice, the first time."""
    return {ref: Delivery(*rest) for ref, *rest in _HANDED_OVER(tx, {"refs": refs})}
