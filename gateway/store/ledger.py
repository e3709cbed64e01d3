"""The ledger: what happened between people and advertisers. It only grows.

Events of an undone import stay in it but no longer count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, or_, tuple_
from sqlalchemy import select as core_select
from sqlmodel import Session, col, select

from gateway.store.bulk import NOTHING, Bulk
from gateway.store.rows import Inserter, Row, table_of
from gateway.store.tables import Batch, Event

EVENTS = table_of(Event)
UNDONE = "undone"  # the state of a batch (store.imports)

_BATCHES = table_of(Batch)
_insert = Inserter(Event)
_pour = Bulk(Event)


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """How far a reader of the ledger has come: the last event it saw."""

    recorded_at: datetime
    id: int


def counts(events: FromClause) -> ColumnElement[bool]:
    """Return the condition that an event of `events` was not undone with its import."""
    undone = core_select(_BATCHES.c.id).where(_BATCHES.c.state == UNDONE)
    return or_(events.c.batch_id.is_(None), events.c.batch_id.not_in(undone))


def append(tx: Session, rows: Sequence[Row]) -> None:
    """Write events: objects, or mappings of column names (see `rows.Inserter`)."""
    _insert(tx, rows)


def extend(tx: Session, rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any] = NOTHING) -> None:
    """Write events by the thousand, as `bulk.Bulk` takes them."""
    _pour(tx, rows, common)


def of_contact(tx: Session, contact_id: int) -> list[Event]:
    """Return every event about a person, undone ones too, oldest first."""
    query = select(Event).where(Event.contact_id == contact_id).order_by(col(Event.at), col(Event.id))
    return list(tx.exec(query))


def since(tx: Session, cursor: Cursor | None, limit: int, *, before: datetime) -> list[Event]:
    """Return at most `limit` events recorded after the cursor (None: from the beginning), in the order of recording.

    Only events recorded before `before` are returned. Leave the longest transaction (a minute) between it and now: an
    event that is being committed late has an earlier moment, and a cursor that has passed it would miss it for ever.
    """
    order = (col(Event.recorded_at), col(Event.id))
    query = select(Event).where(col(Event.recorded_at) < before).order_by(*order).limit(limit)
    if cursor is not None:
        types = [EVENTS.c.recorded_at.type, EVENTS.c.id.type]
        query = query.where(tuple_(*order) > tuple_(cursor.recorded_at, cursor.id, types=types))
    return list(tx.exec(query))
