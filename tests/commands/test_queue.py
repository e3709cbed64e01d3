"""The spool, as an administrator looks after it."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.settings import load
from gateway.store import advertisers, lists, spool, trails
from gateway.store.engine import Store
from gateway.store.trails import Pause
from tests.support.shell import Gate

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


@contextlib.contextmanager
def store_of(gate: Gate) -> Iterator[Store]:
    store = Store(load(gate.config).store.url)
    try:
        yield store
    finally:
        store.close()


@pytest.fixture
def parcels(tea: Gate) -> dict[str, int]:
    """One parcel in each state that an administrator can change; the reference by state."""
    refs = {}
    with store_of(tea) as store, store.begin() as tx:
        owner = advertisers.all(tx)[0].id
        for state in ("waiting", "held", "failed"):
            submission, parcel = store.take(2)
            refs[state] = parcel
            spool.put(
                tx,
                [{"id": submission, "account_id": 1, "advertiser_id": owner, "klass": "prospecting",
                  "mail_from": "a@news.tea.example", "content": b"x", "received_at": NOW}],
                [{"id": parcel, "submission_id": submission, "recipient": f"{state}@example.org", "state": state,
                  "due_at": NOW, "expires_at": NOW + timedelta(days=5), "created_at": NOW}],
            )  # fmt: skip
    return refs


def states(gate: Gate) -> dict[int, str]:
    return {row["ref"]: row["state"] for row in gate.json("queue", "list")["parcels"]}


def test_the_queue_is_listed_by_state(tea: Gate, parcels: dict[str, int]) -> None:
    said = tea.json("queue", "list", "--state", "held")

    assert [row["ref"] for row in said["parcels"]] == [parcels["held"]]
    assert said["counts"]["waiting"] == 1
    assert "held@example.org" in tea.run("queue", "list").stdout


def test_one_copy_is_shown_by_its_reference(tea: Gate, parcels: dict[str, int]) -> None:
    assert tea.json("queue", "show", parcels["failed"])["parcel"]["recipient"] == "failed@example.org"
    assert "no copy with the reference 7" in tea.run("queue", "show", 7, code=2).stderr


def test_failed_copies_are_tried_again_and_held_ones_are_not(tea: Gate, parcels: dict[str, int]) -> None:
    tea.run("queue", "retry", parcels["failed"])
    said = tea.json("queue", "retry", parcels["held"], code=1)

    assert said["done"] == 0
    assert states(tea)[parcels["failed"]] == "waiting"
    assert states(tea)[parcels["held"]] == "held"


def test_held_copies_are_released_all_at_once(tea: Gate, parcels: dict[str, int]) -> None:
    assert tea.json("queue", "release", "--all")["done"] == 1
    assert states(tea)[parcels["held"]] == "waiting"


def test_copies_are_dropped_only_when_said_twice(tea: Gate, parcels: dict[str, int]) -> None:
    tea.run("queue", "drop", parcels["waiting"], code=2)
    tea.run("queue", "drop", parcels["waiting"], "--yes")
    assert parcels["waiting"] not in states(tea)

    tea.run("queue", "drop", "--all", "--yes")
    assert states(tea) == {}


def test_which_copies_must_be_said(tea: Gate) -> None:
    assert "--all" in tea.run("queue", "retry", code=2).stderr
    tea.run("queue", "retry", 5, "--all", code=2)


def test_a_paused_campaign_is_shown_and_let_go_with_its_copies(tea: Gate, parcels: dict[str, int]) -> None:
    with store_of(tea) as store, store.begin() as tx:
        [row] = lists.all(tx)
        held = spool.get(tx, parcels["held"])
        assert held
        held.reason = trails.PAUSED
        tx.add(held)
        shared = {"account_id": 1, "list_id": row.id, "campaign": "spring", "created_at": NOW}
        trails.write(tx, [{"submission_id": held.submission_id, "copies": 900, **shared}])
        trails.pause(tx, Pause(id=1, list_id=row.id, campaign="spring", sent=900, complaints=9, at=NOW))

    [shown] = tea.json("queue", "list")["paused"]
    assert (shown["list"], shown["campaign"], shown["complaints"]) == ("news", "spring", 9)
    assert "spring" in tea.run("queue", "list").stderr
    tea.run("queue", "release", "--list", "news", "--campaign", "winter", code=1)
    assert tea.json("queue", "release", "--list", "news") == {"campaigns": 1, "done": 1}
    assert states(tea)[parcels["held"]] == "waiting"
    assert tea.json("queue", "list")["paused"] == []
    tea.run("queue", "release", "--campaign", "spring", code=2)
    tea.run("queue", "release", "--list", "news", "--all", code=2)
