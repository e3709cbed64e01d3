"""Receipts and reports: written once, found when they are asked for."""

from datetime import timedelta

from gateway.store import receipts, reports
from gateway.store.engine import Store
from gateway.store.tables import Receipt
from tests.store.make import NOW, a_receipt


def test_receipts_of_a_copy_come_oldest_first(store: Store) -> None:
    late = a_receipt(store, ref=9, at=NOW + timedelta(hours=1), stage="delivery", outcome="delivered", reply="250 ok")
    early = a_receipt(store, ref=9, evidence={"events": [1, 2]})
    with store.begin() as tx:
        receipts.write(tx, [late, early, a_receipt(store, ref=10)])
    with store.read() as tx:
        found = receipts.of_ref(tx, 9)
    assert [row.id for row in found] == [early["id"], late["id"]]
    assert found[0].evidence == {"events": [1, 2]}
    assert found[0].content_digest == b""
    assert (found[1].outcome, found[1].reply) == ("delivered", "250 ok")


def test_receipts_about_a_person_come_page_by_page(store: Store) -> None:
    rows = [Receipt(**a_receipt(store, contact_id=5)) for _ in range(5)]
    with store.begin() as tx:
        receipts.write(tx, [*rows, Receipt(**a_receipt(store, contact_id=None))])
        receipts.write(tx, [])
    with store.read() as tx:
        first = receipts.of_contact(tx, 5, limit=3)
        second = receipts.of_contact(tx, 5, first[-1].id, 3)
    assert [*first, *second] == rows


def test_reports_that_are_due_are_found_as_they_were_written(store: Store) -> None:
    given = {"account_id": 1, "submission_id": 1, "kind": "refused", "body": {"code": "R-OBJECTED"}}
    given |= {"due_at": NOW, "created_at": NOW}
    later = {"submission_id": 2, "due_at": NOW + timedelta(hours=1)}
    with store.begin() as tx:
        reports.write(tx, [{"id": 1, "ref": 9} | given, {"id": 2, "ref": 10} | given | later])
    with store.begin() as tx:
        (found,) = reports.due(tx, NOW, 10)
    assert (found.id, found.body, found.attempts) == (1, {"code": "R-OBJECTED"}, 0)
