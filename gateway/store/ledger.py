"""The ledger: what happened between people and advertisers. It only grows.

Events of an undone import stay in it but no longer count.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Text, cast, or_, type_coerce
from sqlalchemy import select as core_select
from sqlalchemy.types import NullType
from sqlmodel import Session, col, select

from gateway.store.among import Among
from gateway.store.bulk import NOTHING, Bulk
from gateway.store.prepared import Prepared
from gateway.store.rows import Inserter, Row, table_of
from gateway.store.tables import Batch, Event

EVENTS = table_of(Event)
UNDONE = "undone"  # the state of a batch (store.imports)

_BATCHES = table_of(Batch)
_insert = Inserter(Event)
_pour = Bulk(Event)
_WHEN, _WHAT = ("contact_id", "at"), ("kind", "list_id", "channel", "direct", "evidence")
_when, _what = (itemgetter(*map(_pour.names.index, names)) for names in (_WHEN, _WHAT))


def counts(events: FromClause) -> ColumnElement[bool]:
    """Return the condition that an event of `events` was not undone with its import."""
    undone = core_select(_BATCHES.c.id).where(_BATCHES.c.state == UNDONE)
    return or_(events.c.batch_id.is_(None), events.c.batch_id.not_in(undone))


_SAID = Prepared(  # as the database keeps it: nothing is made of what is only compared
    core_select(
        *(type_coerce(EVENTS.c[name], NullType()) for name in (*_WHEN, *_WHAT[:-1])), cast(EVENTS.c.evidence, Text)
    ).where(Among(EVENTS.c.contact_id, "ids"), counts(EVENTS))
)


def append(tx: Session, rows: Sequence[Row]) -> None:
    """Write events: objects, or mappings of column names (see `rows.Inserter`)."""
    _insert(tx, rows)


def extend(tx: Session, rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any] = NOTHING) -> None:
    """Write events by the thousand, as `bulk.Bulk` takes them."""
    _pour(tx, rows, common)


def extend_unsaid(
    tx: Session, rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any], known: Collection[int]
) -> int:
    """Write events as `extend` does, but what the ledger has word for word of the people `known`; return how many.

    An event of an undone import is as if it had not been said.
    """
    values = _pour.laid_out(tx, rows, common)
    if known:
        said: dict[tuple[int, Any], list[tuple[Any, ...]]] = {}
        for contact_id, at, *rest in _SAID(tx, {"ids": known}):
            said.setdefault((contact_id, at), []).append(tuple(rest))
        values = [row for row in values if _when(row)[0] not in known or _is_new(said.setdefault(_when(row), []), row)]
    _pour.pour(tx, values)
    return len(values)


def _is_new(said: list[tuple[Any, ...]], row: tuple[Any, ...]) -> bool:
    """Return whether `row` is not among what was `said` of the same person at the same moment; add it there then."""
    new = _what(row)
    if new in said or any(_read(one) == _read(new) for one in said):
        return False
    said.append(new)
    return True


def _read(said: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what was said with its evidence read: the same may be written in another order."""
    *rest, evidence = said
    return *rest, json.loads(evidence)


def of_contact(tx: Session, contact_id: int) -> list[Event]:
    """Return every event about a person, undone ones too, oldest first."""
    query = select(Event).where(Event.contact_id == contact_id).order_by(col(Event.at), col(Event.id))
    return list(tx.exec(query))
