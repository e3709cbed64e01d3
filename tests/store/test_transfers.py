"""Rows by the thousand, the people of an advertiser, and what the recipients of a list must be told."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.store import ledger, people, transfers
from gateway.store.engine import Store
from gateway.store.records import Transfer
from gateway.store.tables import Contact
from tests.store.make import NOW, a_contact, an_event


def handed(store: Store, contact: Contact, **fields: Any) -> dict[str, Any]:
    return an_event(store, contact.id, kind="transferred", evidence={"transfer": 7, "partner": "Acme"}) | fields


def test_events_by_the_thousand_are_what_they_are_one_by_one(store: Store) -> None:
    with store.begin() as tx:
        anna, zoe = people.add(tx, a_contact(store)), people.add(tx, a_contact(store, "zoe"))
        shared = {"text": 'v"3\\', "purpose": ["été\tet\nhiver"], "free": True}
        rows = [an_event(store, anna.id, evidence=shared, at=NOW + timedelta(microseconds=n)) for n in range(3)]
        ledger.extend(tx, rows)
        ledger.append(tx, [row | {"id": store.take()[0], "contact_id": zoe.id} for row in rows])
        ledger.extend(tx, [])
    with store.read() as tx:
        one, other = ledger.of_contact(tx, anna.id), ledger.of_contact(tx, zoe.id)
    assert [event.model_dump(exclude={"id", "contact_id"}) for event in one] == [
        event.model_dump(exclude={"id", "contact_id"}) for event in other
    ]
    assert (one[0].evidence, one[2].at) == (shared, NOW + timedelta(microseconds=2))


def test_a_moment_without_a_zone_is_refused(sqlite_store: Store) -> None:
    with pytest.raises(ValueError, match="aware"), sqlite_store.begin() as tx:
        ledger.extend(tx, [an_event(sqlite_store, 1, at=NOW.replace(tzinfo=None))])


def test_the_people_of_an_advertiser_come_page_by_page(store: Store) -> None:
    with store.begin() as tx:
        rows = [people.add(tx, a_contact(store, f"p{number}")) for number in range(3)]
        people.add(tx, a_contact(store, "other", advertiser_id=2))
    with store.read() as tx:
        first = people.of_advertiser(tx, 1, 0, 2)
        assert [row.id for row in first] == [row.id for row in rows[:2]]
        assert [row.id for row in people.of_advertiser(tx, 1, first[-1].id, 2)] == [rows[2].id]


def test_recipients_are_told_what_was_said_since_and_nothing_else(store: Store) -> None:
    later = NOW + timedelta(days=1)
    with store.begin() as tx:
        transfers.add(tx, record := Transfer(id=7, list_id=1, kind="sale", partner="Acme", at=NOW))
        anna, zoe = people.add(tx, a_contact(store)), people.add(tx, a_contact(store, "zoe"))
        annas = handed(store, anna)
        ledger.append(tx, [annas, handed(store, zoe)])
        said = [
            an_event(store, anna.id, kind="objected", at=later, list_id=None),
            an_event(store, anna.id, kind="objected", at=NOW - timedelta(days=1)),
            an_event(store, zoe.id, kind="objected", at=later, list_id=2),
            an_event(store, zoe.id, kind="granted", at=later),
        ]
        ledger.append(tx, said)
        record.handed = 2
        transfers.save(tx, record)
    with store.read() as tx:
        assert [(one.id, one.handed) for one in transfers.all(tx, 1)] == [(7, 2)]
        assert transfers.all(tx, 2) == []
        assert list(transfers.to_tell(tx, 1)) == [
            transfers.Since(7, annas["id"], "anna@example.org", "objected", later)
        ]
        assert [(event.id, row.partner) for event, row in transfers.of_contact(tx, anna.id)] == [(annas["id"], "Acme")]
        assert transfers.of_contact(tx, anna.id, 2) == []
