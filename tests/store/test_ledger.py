"""The ledger only grows, and can be followed without missing a line."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.store import imports, ledger
from gateway.store.engine import Store
from gateway.store.tables import Event
from tests.store.make import NOW, a_batch, an_event


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


SAID = {"evidence": {"form": "é", "proof": 'log "7"', "free": True, "purpose": ["a"]}, "channel": "email"}


@pytest.mark.parametrize(
    ("change", "written"),
    [
        ({}, 0),
        ({"evidence": dict(reversed(SAID["evidence"].items()))}, 0),  # type: ignore[attr-defined]
        ({"at": NOW.astimezone(tz=None)}, 0),
        ({"recorded_at": NOW + timedelta(days=1), "actor": "cli:anna"}, 0),
        ({"evidence": SAID["evidence"] | {"free": False}}, 1),  # type: ignore[operator]
        ({"at": NOW + timedelta(microseconds=1)}, 1),
        ({"kind": "sold"}, 1),
        ({"list_id": 2}, 1),
        ({"channel": None}, 1),
        ({"direct": False}, 1),
        ({"contact_id": 6}, 1),
    ],
)
def test_what_was_said_word_for_word_is_not_written_again(store: Store, change: dict[str, Any], written: int) -> None:
    with store.begin() as tx:
        ledger.extend(tx, [an_event(store, 5, **SAID)])
    with store.begin() as tx:
        again = [an_event(store, 5, **SAID) | change | {"id": number} for number in store.take(2)]
        assert ledger.extend_unsaid(tx, again, {}, {5, 6}) == written
    with store.read() as tx:
        assert len(ledger.of_contact(tx, 5)) + len(ledger.of_contact(tx, 6)) == 1 + written


def test_what_an_undone_import_said_is_written_again(store: Store) -> None:
    with store.begin() as tx:
        batch = imports.add(tx, a_batch(store))
        ledger.extend(tx, [an_event(store, 5, batch_id=batch.id)])
        imports.undo(tx, batch.id)
    with store.begin() as tx:
        assert ledger.extend_unsaid(tx, [an_event(store, 5)], {}, {5}) == 1


def test_of_people_who_are_new_everything_is_written(store: Store) -> None:
    with store.begin() as tx:
        assert ledger.extend_unsaid(tx, [an_event(store, 7), an_event(store, 7)], {}, set()) == 2
        assert ledger.extend_unsaid(tx, [], {}, {7}) == 0
