"""An import can be undone as a whole, and says whom nobody else knows."""

from gateway.store import imports, ledger, people
from gateway.store.engine import Store
from tests.store.make import a_batch, a_contact, an_event


def test_a_batch_is_kept_with_its_counts(store: Store) -> None:
    with store.begin() as tx:
        row = imports.add(tx, a_batch(store))
        row.taken, row.state = 12, "done"
        imports.save(tx, row)
        other = imports.add(tx, a_batch(store, list_id=2))
    with store.read() as tx:
        found = imports.get(tx, row.id)
        assert imports.get(tx, other.id + 1) is None
        assert [batch.id for batch in imports.all(tx)] == [other.id, row.id]
        assert [batch.id for batch in imports.all(tx, 1)] == [row.id]
    assert found
    assert (found.taken, found.state) == (12, "done")


def test_undoing_says_how_many_events_no_longer_count_and_twice_is_once(store: Store) -> None:
    with store.begin() as tx:
        batch = imports.add(tx, a_batch(store))
        anna = people.add(tx, a_contact(store))
        ledger.append(tx, [an_event(store, anna.id, batch_id=batch.id) for _ in range(3)])
        assert imports.undo(tx, batch.id) == 3
        assert imports.undo(tx, batch.id) == 0
        assert imports.undo(tx, 4711) == 0
    with store.read() as tx:
        assert people.of_list(tx, 1, 0, 10) == []
        assert len(ledger.of_contact(tx, anna.id)) == 3


def test_those_whom_only_the_undone_import_knew_are_named_page_by_page(store: Store) -> None:
    with store.begin() as tx:
        batch, older = imports.add(tx, a_batch(store)), imports.add(tx, a_batch(store))
        rows = [people.add(tx, a_contact(store, f"p{number}@example.org")) for number in range(5)]
        ledger.append(tx, [an_event(store, row.id, batch_id=batch.id) for row in rows])
        ledger.append(tx, [an_event(store, rows[0].id), an_event(store, rows[1].id, batch_id=older.id)])
        imports.undo(tx, batch.id)
        assert imports.orphans(tx, batch.id, 0, 2) == [rows[2].id, rows[3].id]
        assert imports.orphans(tx, batch.id, rows[3].id, 2) == [rows[4].id]

        imports.undo(tx, older.id)
        assert rows[1].id in imports.orphans(tx, batch.id, 0, 10)
