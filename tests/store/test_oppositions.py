"""Oppositions are found by digest only, and stay as evidence when they are lifted."""

from datetime import timedelta

from gateway.store import oppositions
from gateway.store.engine import Store
from tests.store.make import NOW, an_opposition

A, B, C = (bytes([number]) * 32 for number in (1, 2, 3))


def test_oppositions_are_found_by_any_of_the_digests_oldest_first(store: Store) -> None:
    with store.begin() as tx:
        late = oppositions.add(tx, an_opposition(store, A, at=NOW + timedelta(days=1)))
        early = oppositions.add(tx, an_opposition(store, B, list_id=4, channel="sms", reason="asked"))
        oppositions.add(tx, an_opposition(store, C))
    with store.read() as tx:
        found = oppositions.of_digests(tx, 1, [(2, B), (1, A), (1, A)])
    assert found == [early, late]


def test_only_those_of_the_advertiser_are_found(store: Store) -> None:
    with store.begin() as tx:
        oppositions.add(tx, an_opposition(store, A))
    with store.read() as tx:
        assert oppositions.of_digests(tx, 1, [(1, A)])
        assert not oppositions.of_digests(tx, 2, [(1, A)])
        assert not oppositions.of_digests(tx, 1, [(1, B)])
        assert not oppositions.of_digests(tx, 1, [])


def test_a_lifted_opposition_is_no_longer_found_but_still_there(store: Store) -> None:
    with store.begin() as tx:
        row = oppositions.add(tx, an_opposition(store, A))
        assert oppositions.lift(tx, [row.id], NOW + timedelta(days=1)) == 1
    with store.begin() as tx:
        assert oppositions.of_digests(tx, 1, [(1, A)]) == []
        assert oppositions.lift(tx, [row.id], NOW + timedelta(days=2)) == 0
    with store.read() as tx:
        [kept] = oppositions.history(tx, 1, [(1, A)])
    assert kept.lifted_at == NOW + timedelta(days=1)


def test_an_advertisers_oppositions_are_listed_page_by_page(store: Store) -> None:
    with store.begin() as tx:
        rows = [oppositions.add(tx, an_opposition(store, bytes([number]) * 32)) for number in range(5)]
        oppositions.add(tx, an_opposition(store, advertiser_id=2))
        oppositions.lift(tx, [rows[0].id], NOW)
    with store.read() as tx:
        first = oppositions.all(tx, 1, 0, 3)
        second = oppositions.all(tx, 1, first[-1].id, 3)
    assert [row.id for row in (*first, *second)] == [row.id for row in rows[1:]]
