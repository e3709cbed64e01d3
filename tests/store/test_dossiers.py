"""The dossiers that decisions are made from: read anew each time, made anew when a row is another."""

from collections.abc import Callable
from datetime import timedelta

from sqlmodel import Session

from gateway.law.events import Event, Kind
from gateway.law.facts import Opposition
from gateway.store import dossiers, imports, ledger, oppositions, people
from gateway.store.dossiers import Dossier, Wanted
from gateway.store.engine import Store
from tests.store.make import NOW, a_batch, a_contact, an_event, an_opposition


def digest(number: int) -> tuple[int, bytes]:
    return (1, number.to_bytes(32, "big"))


def test_dossiers_come_in_the_order_asked_with_what_is_known(store: Store) -> None:
    with store.begin() as tx:
        anna, bob = people.add(tx, a_contact(store)), people.add(tx, a_contact(store, "bob@example.org"))
        late = an_event(store, anna.id, "withdrawn", at=NOW + timedelta(days=1), list_id=None, channel=None)
        early = an_event(store, anna.id, Kind.GRANTED, evidence={"text": "F1"}, direct=False)
        ledger.append(tx, [late, early])
        opposed = oppositions.add(tx, an_opposition(store, digest(7)[1], list_id=3, channel="email"))

    wanted = [
        Wanted(1, "bob@example.org", (digest(1), digest(7))),
        Wanted(1, "nobody@example.org", (digest(2),)),
        Wanted(1, "anna@example.org", (digest(3), digest(4))),
        Wanted(2, "anna@example.org", ()),
    ]
    with store.read() as tx:
        first, second, third, fourth = dossiers.of(tx, wanted)

    assert first.contact
    assert first.contact.id == bob.id
    assert first.events == ()
    assert first.story.oppositions == (Opposition(NOW, 3, "email", opposed.id),)
    assert all((one.contact, one.story.person, one.story.oppositions) == (None, None, ()) for one in (second, fourth))
    assert third.contact
    assert (third.contact.id, third.contact.country) == (anna.id, "FR")
    assert third.events == (
        Event(Kind.GRANTED, NOW, 1, "email", False, {"text": "F1"}, early["id"]),
        Event(Kind.WITHDRAWN, NOW + timedelta(days=1), None, None, True, {}, late["id"]),
    )
    assert third.story.oppositions == ()


def test_an_opposition_stands_for_somebody_who_is_not_or_no_longer_known(store: Store) -> None:
    with store.begin() as tx:
        oppositions.add(tx, an_opposition(store, digest(1)[1]))
    with store.read() as tx:
        (dossier,) = dossiers.of(tx, [Wanted(1, "gone@example.org", (digest(1),))])
    assert dossier.contact is None
    assert len(dossier.story.oppositions) == 1


def test_a_lifted_opposition_and_that_of_another_advertiser_are_not_in_a_dossier(store: Store) -> None:
    with store.begin() as tx:
        oppositions.add(tx, an_opposition(store, digest(1)[1], lifted_at=NOW))
        oppositions.add(tx, an_opposition(store, digest(2)[1], advertiser_id=2))
    wanted = [Wanted(1, "a", (digest(1), digest(2))), Wanted(2, "a", (digest(1), digest(2)))]
    with store.read() as tx:
        assert [len(dossier.story.oppositions) for dossier in dossiers.of(tx, wanted)] == [0, 1]


def test_events_of_an_undone_import_no_longer_count(store: Store) -> None:
    with store.begin() as tx:
        undone, done = imports.add(tx, a_batch(store)), imports.add(tx, a_batch(store, state="done"))
        anna = people.add(tx, a_contact(store))
        ledger.append(tx, [an_event(store, anna.id, batch_id=number) for number in (undone.id, done.id, None)])
        imports.undo(tx, undone.id)
    with store.read() as tx:
        (dossier,) = dossiers.of(tx, [Wanted(1, anna.address_key, ())])
    assert len(dossier.events) == 2


def test_nobody_wanted_is_nobody_found(store: Store) -> None:
    with store.read() as tx:
        assert dossiers.of(tx, []) == []


def test_thousands_of_dossiers_can_be_asked_for_at_once(store: Store) -> None:
    keys = [f"p{number}@example.org" for number in range(3000)]
    with store.begin() as tx:
        ids = people.upsert_many(
            tx,
            [
                {"id": number, "advertiser_id": 1, "address": key, "address_key": key, "created_at": NOW}
                for number, key in zip(store.take(3000), keys, strict=True)
            ],
        )
        ledger.append(tx, [an_event(store, number) for number in ids.values()])
    wanted = [Wanted(1, key, (digest(number), digest(number + 1))) for number, key in enumerate(keys)]
    with store.read() as tx:
        found = dossiers.of(tx, wanted)
    assert [dossier.contact.address_key for dossier in found if dossier.contact] == [want.key for want in wanted]
    assert all(len(dossier.events) == 1 for dossier in found)


def test_the_same_rows_are_the_same_dossier_and_any_change_makes_another(store: Store) -> None:
    with store.begin() as tx:
        anna = people.add(tx, a_contact(store))
        batch = imports.add(tx, a_batch(store, state="done"))
        opposed = oppositions.add(tx, an_opposition(store, digest(2)[1], lifted_at=NOW))
        ledger.append(tx, [an_event(store, anna.id, batch_id=batch.id, evidence={"text": "F1"})])
    want = Wanted(1, anna.address_key, (digest(1), digest(2)), lasting=True)

    def read() -> Dossier:
        with store.read() as tx:
            kept, anew = dossiers.of(tx, [want, Wanted(1, want.key, want.digests)])
        assert (kept.contact, kept.story.person, kept.story.oppositions) == (
            anew.contact,
            anew.story.person,
            anew.story.oppositions,
        )
        return kept

    first = read()
    assert read() is first
    seen = [first]
    changes: list[Callable[[Session], object]] = [
        lambda tx: setattr(people.get(tx, anna.id), "restricted", True),
        lambda tx: setattr(people.get(tx, anna.id), "company", "B"),
        lambda tx: ledger.append(tx, [an_event(store, anna.id, "withdrawn")]),
        lambda tx: imports.undo(tx, batch.id),
        lambda tx: setattr(oppositions.history(tx, 1, [digest(2)])[0], "lifted_at", None),
        lambda tx: oppositions.add(tx, an_opposition(store, digest(1)[1], list_id=3)),
        lambda tx: oppositions.lift(tx, [opposed.id], NOW),
        lambda tx: people.remove(tx, [anna.id]),
    ]
    for change in changes:
        with store.begin() as tx:
            change(tx)
        seen.append(read())
        assert seen[-1] is not seen[-2]
        assert read() is seen[-1]
    assert seen[-1].contact is None


def test_the_digest_of_receipts_is_that_of_the_folded_spelling_under_the_newest_key() -> None:
    both = ((2, b"spelled"), (2, b"folded"), (1, b"older"), (1, b"oldest"))

    assert Wanted(1, "a@example.org", both).digest == b"folded"
    assert Wanted(1, "a@example.org", both[1:]).digest == b"folded"
