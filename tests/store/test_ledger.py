"""The ledger only grows, and can be followed without missing a line."""

from datetime import timedelta

from gateway.store import ledger
from gateway.store.engine import Store
from gateway.store.ledger import Cursor
from gateway.store.tables import Event
from tests.store.make import NOW, an_event


def test_events_of_a_person_come_oldest_first(store: Store) -> None:
    rows = [an_event(store, 5, at=NOW - timedelta(days=days)) for days in (0, 2, 1)]
    with store.begin() as tx:
        ledger.append(tx, [*rows, an_event(store, 6)])
    with store.read() as tx:
        found = ledger.of_contact(tx, 5)
    assert [event.id for event in found] == [rows[1]["id"], rows[2]["id"], rows[0]["id"]]
    assert found[0].evidence == {}
    assert found[0].direct


def test_objects_are_written_as_well_as_mappings(store: Store) -> None:
    event = Event(**an_event(store, 5, "sold", evidence={"order": "é 1"}, actor="cli:anna"))
    with store.begin() as tx:
        ledger.append(tx, [event])
        ledger.append(tx, [])
    with store.read() as tx:
        assert ledger.of_contact(tx, 5) == [event]


def test_a_reader_follows_the_order_of_recording_page_by_page(store: Store) -> None:
    moments = [NOW + timedelta(seconds=seconds) for seconds in (2, 0, 1, 1)]
    rows = [an_event(store, 5, recorded_at=moment, at=NOW - timedelta(days=9)) for moment in moments]
    with store.begin() as tx:
        ledger.append(tx, rows)
    order = [rows[1]["id"], rows[2]["id"], rows[3]["id"], rows[0]["id"]]

    seen: list[int] = []
    cursor = None
    with store.read() as tx:
        while page := ledger.since(tx, cursor, 2, before=NOW + timedelta(minutes=1)):
            seen += [event.id for event in page]
            cursor = Cursor(page[-1].recorded_at, page[-1].id)
    assert seen == order


def test_a_reader_does_not_pass_what_may_still_be_committed(store: Store) -> None:
    with store.begin() as tx:
        ledger.append(tx, [an_event(store, 5), late := an_event(store, 5, recorded_at=NOW + timedelta(seconds=30))])
    with store.read() as tx:
        found = ledger.since(tx, None, 10, before=NOW + timedelta(seconds=30))
    assert late["id"] not in [event.id for event in found]
    assert len(found) == 1
