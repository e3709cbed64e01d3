"""Contacts: one at a time, page by page, by the thousand."""

import threading
from typing import Any

import pytest

from gateway.errors import Misuse
from gateway.store import ledger, people
from gateway.store.engine import Store
from tests.store.make import NOW, a_contact, an_event


def digest(number: int) -> tuple[int, bytes]:
    return (1, number.to_bytes(32, "big"))


def test_a_contact_is_found_by_number_and_by_key_of_its_advertiser(store: Store) -> None:
    with store.begin() as tx:
        row = people.add(tx, a_contact(store, name="Anna", acquired_at=NOW, country=None))
    with store.read() as tx:
        assert people.get(tx, row.id) == people.find(tx, 1, "anna@example.org") == row
        assert people.find(tx, 2, "anna@example.org") is None
        assert people.get(tx, row.id + 1) is None


def test_an_advertiser_has_one_contact_with_an_address(store: Store) -> None:
    with store.begin() as tx:
        people.add(tx, a_contact(store))
        people.add(tx, a_contact(store, advertiser_id=2))
    with pytest.raises(Misuse, match="already has a contact"), store.begin() as tx:
        people.add(tx, a_contact(store))


def test_a_contact_can_be_rectified_but_not_into_somebody_else(store: Store) -> None:
    with store.begin() as tx:
        anna = people.add(tx, a_contact(store))
        people.add(tx, a_contact(store, "bob@example.org"))
    anna.name = "Anna B."
    with store.begin() as tx:
        people.save(tx, anna)
    with store.read() as tx:
        found = people.get(tx, anna.id)
    assert found
    assert found.name == "Anna B."
    found.address_key = "bob@example.org"
    with pytest.raises(Misuse, match="already has a contact"), store.begin() as tx:
        people.save(tx, found)


def test_removed_contacts_are_gone_and_their_events_stay(store: Store) -> None:
    with store.begin() as tx:
        anna, bob = people.add(tx, a_contact(store, "a@x.example")), people.add(tx, a_contact(store, "b@x.example"))
        ledger.append(tx, [an_event(store, anna.id)])
        assert people.remove(tx, [anna.id, 4711]) == 1
    with store.read() as tx:
        assert people.get(tx, anna.id) is None
        assert people.get(tx, bob.id)
        assert len(ledger.of_contact(tx, anna.id)) == 1


def test_the_people_of_a_list_are_those_with_an_event_on_it_page_by_page(store: Store) -> None:
    with store.begin() as tx:
        rows = [people.add(tx, a_contact(store, f"p{number}@example.org")) for number in range(7)]
        ledger.append(tx, [an_event(store, row.id, list_id=1) for row in rows[:6] for _ in range(2)])
        ledger.append(tx, [an_event(store, rows[6].id, list_id=2), an_event(store, rows[6].id, list_id=None)])
        people.remove(tx, [rows[1].id])  # erased: no hole in the page

    with store.read() as tx:
        first = people.of_list(tx, 1, 0, 3)
        second = people.of_list(tx, 1, first[-1].id, 3)
        assert people.of_list(tx, 1, second[-1].id, 3) == []
    assert [row.address for row in (*first, *second)] == [f"p{number}@example.org" for number in (0, 2, 3, 4, 5)]
    assert len(first) == 3


# ---- imports


def row(store: Store, key: str, **fields: Any) -> dict[str, Any]:
    given = {"id": store.take()[0], "advertiser_id": 1, "address": key, "address_key": key, "created_at": NOW}
    return given | fields


def test_new_people_are_written_and_known_ones_keep_their_number(store: Store) -> None:
    with store.begin() as tx:
        anna = people.add(tx, a_contact(store))
        ids = people.upsert_many(tx, [row(store, "anna@example.org"), new := row(store, "new@example.org", name="N")])
    assert ids == {"anna@example.org": anna.id, "new@example.org": new["id"]}
    with store.read() as tx:
        found = people.get(tx, new["id"])
    assert found
    assert (found.name, found.country, found.kind) == ("N", "FR", "named")


def test_what_is_known_of_a_person_is_filled_in_but_never_overwritten(store: Store) -> None:
    with store.begin() as tx:
        anna = people.add(tx, a_contact(store, name="Anna", restricted=True, subject="professional"))
        again = row(store, "anna@example.org", name="Hanna", company="Acme", language="fr", subject="consumer")
        people.upsert_many(tx, [again])
    with store.read() as tx:
        found = people.get(tx, anna.id)
    assert found
    assert (found.name, found.company, found.language) == ("Anna", "Acme", "fr")
    assert (found.restricted, found.subject) == (True, "professional")


def test_a_trait_that_was_not_known_is_filled_in(store: Store) -> None:
    with store.begin() as tx:
        anna = people.add(tx, a_contact(store, subject="unknown", country=None, age="adult"))
        people.upsert_many(tx, [row(store, "anna@example.org", subject="professional", country="FR", age="15-17")])
        people.upsert_many(tx, [row(store, "anna@example.org", subject="consumer", country="DE")])
        people.upsert_many(tx, [row(store, "anna@example.org")])
    with store.read() as tx:
        found = people.get(tx, anna.id)
    assert found
    assert (found.subject, found.country, found.age) == ("professional", "FR", "adult")


def test_of_two_rows_with_one_address_the_first_counts(store: Store) -> None:
    with store.begin() as tx:
        ids = people.upsert_many(tx, [row(store, "a", name="First"), row(store, "a", name="Second")])
    with store.read() as tx:
        found = people.get(tx, ids["a"])
    assert found
    assert found.name == "First"


def test_the_people_of_another_advertiser_are_other_people(store: Store) -> None:
    with store.begin() as tx:
        other = people.add(tx, a_contact(store, advertiser_id=2))
        ids = people.upsert_many(tx, [row(store, "anna@example.org")])
    assert ids["anna@example.org"] != other.id


def test_writing_nobody_is_fine(store: Store) -> None:
    with store.begin() as tx:
        assert people.upsert_many(tx, []) == {}


def test_two_nodes_importing_the_same_people_agree_on_their_numbers(store: Store, store_url: str) -> None:
    """The second node looks while the first has written but not committed."""
    rows = [row(store, f"p{number}@example.org") for number in range(50)]
    again = [given | {"id": store.take()[0]} for given in rows[::-1]]
    other = Store(store_url)
    found: list[dict[str, int]] = []

    def second() -> None:
        with other.begin() as tx:
            found.append(people.upsert_many(tx, again))

    with store.begin() as tx:
        first = people.upsert_many(tx, rows)
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)  # it waits for us
    thread.join()
    assert found == [first]
    other.close()
