"""Short transactions for reading, one after another on one connection."""

import sqlite3
from collections.abc import Iterator

import pytest

from gateway.errors import TryLater
from gateway.store import accounts, migrate, people
from gateway.store.engine import Store
from gateway.store.reading import Snapshots
from tests.store.make import a_contact


@pytest.fixture
def snapshots(sqlite_store: Store) -> Iterator[Snapshots]:
    opened = sqlite_store.snapshots()
    yield opened
    opened.close()


def test_each_sees_what_is_there_when_it_begins_and_nothing_that_comes_while_it_lasts(
    sqlite_store: Store, snapshots: Snapshots
) -> None:
    store = sqlite_store
    row = a_contact(store)
    with snapshots.read() as tx:
        assert people.get(tx, row.id) is None
        with store.begin() as writing:
            people.add(writing, row)
        assert people.named(tx, [row.id]) == {}
    with snapshots.read() as tx:
        assert people.get(tx, row.id)
    with store.begin() as writing:
        people.remove(writing, [row.id])
    with snapshots.read() as tx:  # nor is the object kept from before
        assert people.get(tx, row.id) is None


def test_the_connection_stays_until_there_is_trouble(snapshots: Snapshots) -> None:
    with snapshots.read() as tx:
        first = tx.connection()
    with snapshots.read() as tx:
        assert tx.connection() is first
        assert first.connection.in_transaction
        assert accounts.get(tx, 1) is None  # by SQLAlchemy, which joins the transaction that is there
    assert not first.in_transaction()
    assert not first.connection.in_transaction
    with pytest.raises(KeyError), snapshots.read():
        raise KeyError
    assert first.closed
    with snapshots.read() as tx:
        assert tx.connection() is not first
        assert accounts.get(tx, 1) is None


def test_a_file_that_is_taken_away_is_noticed_by_the_next_one(tmp_path) -> None:
    path = tmp_path / "store.db"
    store = Store(f"sqlite:///{path}")
    migrate.upgrade(store)
    snapshots = store.snapshots()
    with snapshots.read() as tx:
        assert accounts.get(tx, 1) is None
    path.rename(tmp_path / "elsewhere.db")
    with pytest.raises(TryLater, match="removed or replaced"), snapshots.read():
        pytest.fail("there is nothing to read")
    path.symlink_to(tmp_path / "elsewhere.db")
    with snapshots.read() as tx:
        assert accounts.get(tx, 1) is None
    snapshots.close()
    store.close()
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
