"""Advertisers, accounts and lists: kept by number, found by name."""

import pytest

from gateway.errors import Misuse
from gateway.store import accounts, advertisers, lists
from gateway.store.engine import Store
from tests.store.make import NOW, a_list, an_account, an_advertiser


def test_an_advertiser_is_found_by_number_and_by_name(store: Store) -> None:
    with store.begin() as tx:
        row = advertisers.add(tx, an_advertiser(store, domains=["acme.example"], upstream_signs=True))
    with store.read() as tx:
        assert advertisers.get(tx, row.id) == advertisers.by_name(tx, "acme") == row
        assert advertisers.get(tx, row.id + 1) is None
        assert advertisers.by_name(tx, "ACME") is None


def test_advertisers_are_listed_by_name(store: Store) -> None:
    with store.begin() as tx:
        for name in ("c", "a", "b"):
            advertisers.add(tx, an_advertiser(store, name))
    with store.read() as tx:
        assert [row.name for row in advertisers.all(tx)] == ["a", "b", "c"]


def test_a_name_is_given_once(store: Store) -> None:
    with store.begin() as tx:
        advertisers.add(tx, an_advertiser(store))
        accounts.add(tx, an_account(store))
        lists.add(tx, a_list(store))

    with pytest.raises(Misuse, match="already an advertiser named acme"), store.begin() as tx:
        advertisers.add(tx, an_advertiser(store))
    with pytest.raises(Misuse, match="already an account with the login tool"), store.begin() as tx:
        accounts.add(tx, an_account(store))
    with pytest.raises(Misuse, match="already a list named news"), store.begin() as tx:
        lists.add(tx, a_list(store))


def test_a_row_cannot_be_renamed_to_a_name_that_is_taken(store: Store) -> None:
    with store.begin() as tx:
        advertisers.add(tx, an_advertiser(store, "first"))
        second = advertisers.add(tx, an_advertiser(store, "second"))
    second.name = "first"
    with pytest.raises(Misuse, match="already an advertiser named first"), store.begin() as tx:
        advertisers.save(tx, second)


def test_changes_to_a_row_that_was_read_before_are_saved(store: Store) -> None:
    with store.begin() as tx:
        number = advertisers.add(tx, an_advertiser(store, trade_names=["Acme"])).id
    with store.read() as tx:
        row = advertisers.get(tx, number)
    assert row
    row.phone = "+33 1 00 00 00 00"
    row.trade_names.append("Acme Fleurs")  # changed in place, which looks unchanged
    with store.begin() as tx:
        advertisers.save(tx, row)

    with store.read() as tx:
        found = advertisers.get(tx, number)
    assert found
    assert found.phone == "+33 1 00 00 00 00"
    assert found.trade_names == ["Acme", "Acme Fleurs"]


def test_an_account_is_found_by_login_also_when_it_is_disabled(store: Store) -> None:
    with store.begin() as tx:
        row = accounts.add(tx, an_account(store, list_ids=[1, 2], classes=["prospecting"], disabled_at=NOW))
    with store.read() as tx:
        assert accounts.by_login(tx, "tool") == accounts.get(tx, row.id) == row
        assert accounts.by_login(tx, "other") is None
    row.disabled_at = None
    with store.begin() as tx:
        accounts.save(tx, row)
    with store.read() as tx:
        found = accounts.get(tx, row.id)
    assert found
    assert found.disabled_at is None


def test_accounts_and_lists_are_listed_for_all_or_for_one_advertiser(store: Store) -> None:
    with store.begin() as tx:
        for number, name in ((1, "b"), (2, "c"), (1, "a")):
            accounts.add(tx, an_account(store, name, advertiser_id=number))
            lists.add(tx, a_list(store, name, advertiser_id=number))
    with store.read() as tx:
        assert [row.login for row in accounts.all(tx)] == ["a", "b", "c"]
        assert [row.login for row in accounts.all(tx, 1)] == ["a", "b"]
        assert [row.name for row in lists.all(tx)] == ["a", "b", "c"]
        assert [row.name for row in lists.all(tx, 2)] == ["c"]


def test_a_list_keeps_what_the_law_asks_of_it(store: Store) -> None:
    given = {
        "channels": ["email", "sms"],
        "analogous": {"seeds": ["tools", "pots"]},
        "guarantee": {"seller": "Fichiers SA", "until": "2027-01-01"},
        "title": "Nouveautés d’été",
    }
    with store.begin() as tx:
        row = lists.add(tx, a_list(store, **given))
    with store.read() as tx:
        found = lists.by_name(tx, "news")
        assert found == lists.get(tx, row.id)
    assert found
    assert {name: getattr(found, name) for name in given} == given


def test_a_list_without_a_guarantee_has_none(store: Store) -> None:
    with store.begin() as tx:
        row = lists.add(tx, a_list(store))
        row.state = "active"
        lists.save(tx, row)
    with store.read() as tx:
        found = lists.get(tx, row.id)
    assert found
    assert found.guarantee is None
    assert found.state == "active"
