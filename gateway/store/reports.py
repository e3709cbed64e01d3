"""The reports: what a tool is to be told (the outbox). A row goes when it has been told."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col, select

from gateway.store.among import Among
from gateway.store.rows import Inserter, Row, table_of
from gateway.store.tables import Report

_REPORTS = table_of(Report)
_insert = Inserter(Report)
_GONE = delete(_REPORTS).where(Among(_REPORTS.c.id, "ids"))


def write(tx: Session, rows: Sequence[Row]) -> None:
    """Write reports: objects, or mappings of column names (see `rows.Inserter`)."""
    _insert(tx, rows)


def due(tx: Session, now: datetime, limit: int) -> list[Report]:
    """Return at most `limit` reports, by submission, and keep other nodes from taking them.

    Those of one submission come together: once the first is due, the others do not wait for their own time. They are
    locked until the end of the transaction (PostgreSQL; SQLite has one writer), in which they should be told and
    deleted, or put off.
    """
    ready = select(Report.submission_id).where(Report.due_at <= now).limit(limit)
    query = (
        select(Report).where(col(Report.submission_id).in_(ready)).order_by(col(Report.submission_id), col(Report.id))
    )
    return list(tx.exec(query.limit(limit).with_for_update(skip_locked=True)))


def waiting(tx: Session, now: datetime) -> bool:
    """Return whether there is a report due."""
    return tx.exec(select(Report.id).where(Report.due_at <= now).limit(1)).first() is not None


def drop(tx: Session, ids: Collection[int]) -> int:
    """Delete reports that have been told, and return how many there were."""
    return tx.connection().execute(_GONE, {"ids": ids}).rowcount
