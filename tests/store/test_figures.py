"""Counts by the hour, the same on both databases."""

from datetime import timedelta

from gateway.store import figures, imports, ledger, receipts
from gateway.store.engine import Store
from gateway.store.figures import Span
from tests.store.make import NOW, a_batch, a_receipt, an_event

HOUR = NOW.replace(minute=0, second=0, microsecond=0)
SPAN = Span(HOUR, HOUR + timedelta(hours=2), advertiser_id=1)


def test_receipts_are_counted_by_hour_and_kind(store: Store) -> None:
    rows = [a_receipt(store, at=HOUR + timedelta(minutes=minute)) for minute in (0, 59, 60)]
    refused = a_receipt(store, fate="refuse", code="R-OBJECTED", list_id=7)
    elsewhere = [a_receipt(store, advertiser_id=2), a_receipt(store, at=HOUR - timedelta(microseconds=1))]
    with store.begin() as tx:
        receipts.write(tx, [*rows, *elsewhere])
        receipts.write(tx, [refused])
    with store.read() as tx:
        found = {(row.hour, row.code): row.count for row in figures.decided(tx, SPAN)}
        of_list = figures.decided(tx, Span(SPAN.since, SPAN.until, list_id=7))
    later = HOUR + timedelta(hours=1)
    assert found == {(HOUR, "A-CONSENT"): 2, (HOUR, "R-OBJECTED"): 1, (later, "A-CONSENT"): 1}
    assert [(row.code, row.list_id, row.count) for row in of_list] == [("R-OBJECTED", 7, 1)]


def test_events_of_an_undone_import_are_not_counted(store: Store) -> None:
    batch = a_batch(store, state="undone")
    kept, undone = an_event(store, 5, "objected", actor="web"), an_event(store, 6, batch_id=batch.id)
    with store.begin() as tx:
        imports.add(tx, batch)
        ledger.append(tx, [kept])
        ledger.append(tx, [undone])
    with store.read() as tx:
        found = figures.said(tx, SPAN, ["objected", "granted"])
    assert [(row.hour, row.kind, row.actor, row.count) for row in found] == [(HOUR, "objected", "web", 1)]
