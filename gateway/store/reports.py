"""The reports: what a tool or a sender is to be told (the outbox)."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from gateway.store.rows import Inserter, Row
from gateway.store.tables import Report

_insert = Inserter(Report)


def write(tx: Session, rows: Sequence[Row]) -> None:
    """Write reports: objects, or mappings of column names (see `rows.Inserter`)."""
    _insert(tx, rows)


def of_ref(tx: Session, ref: int) -> list[Report]:
    """Return the reports about one recipient's copy, in the order of their ids."""
    return list(tx.exec(select(Report).where(Report.ref == ref).order_by(col(Report.id))))
