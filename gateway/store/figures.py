"""Counts for reports: how often each verdict, outcome and event came, by the hour (UTC), so that any calendar fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func, select
from sqlmodel import Session

from gateway.store.ledger import EVENTS, counts
from gateway.store.rows import table_of
from gateway.store.tables import Receipt

_RECEIPTS = table_of(Receipt)


@dataclass(frozen=True, slots=True)
class Span:
    """What is counted: from `since` (inclusive) to `until` (exclusive), of one advertiser or list, or of all (None)."""

    since: datetime
    until: datetime
    advertiser_id: int | None = None
    list_id: int | None = None


@dataclass(frozen=True, slots=True)
class ReceiptCount:
    """How many receipts of one kind fell into one hour; `outcome` is "" where nothing was attempted."""

    hour: datetime
    list_id: int | None
    stage: str
    fate: str
    code: str
    outcome: str
    count: int


@dataclass(frozen=True, slots=True)
class EventCount:
    """How many events of one kind fell into one hour, those of undone imports left out."""

    hour: datetime
    list_id: int | None
    kind: str
    actor: str
    count: int


def decided(tx: Session, span: Span) -> list[ReceiptCount]:
    """Return the receipts of the span, counted, in the order of the hours."""
    table, hour = _RECEIPTS.c, _hour(tx, _RECEIPTS.c.at)
    parts = (hour, table.list_id, table.stage, table.fate, table.code, table.outcome)
    query = _within(select(*parts, func.count()), span, table.at, table.advertiser_id, table.list_id)
    found = tx.connection().execute(query.group_by(*parts).order_by(hour)).all()
    return [ReceiptCount(_moment(row[0]), *row[1:]) for row in found]


def said(tx: Session, span: Span, kinds: Sequence[str]) -> list[EventCount]:
    """Return the events of those kinds in the span, counted, in the order of the hours."""
    table, hour = EVENTS.c, _hour(tx, EVENTS.c.at)
    parts = (hour, table.list_id, table.kind, table.actor)
    query = _within(select(*parts, func.count()), span, table.at, table.advertiser_id, table.list_id)
    query = query.where(table.kind.in_(kinds), counts(EVENTS))
    found = tx.connection().execute(query.group_by(*parts).order_by(hour)).all()
    return [EventCount(_moment(row[0]), *row[1:]) for row in found]


def _within(
    query: Select[Any],
    span: Span,
    at: ColumnElement[datetime],
    advertiser_id: ColumnElement[int],
    list_id: ColumnElement[int],
) -> Select[Any]:
    query = query.where(at >= span.since, at < span.until)
    if span.advertiser_id is not None:
        query = query.where(advertiser_id == span.advertiser_id)
    if span.list_id is not None:
        query = query.where(list_id == span.list_id)
    return query


def _hour(tx: Session, at: ColumnElement[datetime]) -> ColumnElement[str]:
    """Return the first 13 characters of a moment: `2026-11-23 10`."""
    if tx.connection().dialect.name == "postgresql":
        return func.to_char(func.timezone("UTC", at), "YYYY-MM-DD HH24")
    return func.substr(cast(at, String), 1, 13)


def _moment(hour: str) -> datetime:
    return datetime.strptime(hour, "%Y-%m-%d %H").replace(tzinfo=UTC)
