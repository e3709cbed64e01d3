"""The receipts: verdicts and outcomes written down; inserted, never updated."""

from collections.abc import Sequence

from sqlmodel import Session, col, func, select

from gateway.store.rows import Inserter, Row
from gateway.store.tables import Receipt

_insert = Inserter(Receipt)


def write(tx: Session, rows: Sequence[Row]) -> None:
    """Write receipts: objects, or mappings of column names (see `rows.Inserter`)."""
    _insert(tx, rows)


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


def handed_over(tx: Session, ref: int) -> Receipt | None:
    """Return the receipt that says that the next hop took a copy, if it did."""
    query = select(Receipt).where(Receipt.ref == ref, Receipt.outcome == "delivered")
    return tx.exec(query.order_by(col(Receipt.id)).limit(1)).first()
