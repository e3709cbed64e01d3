"""A backup is the whole database at one moment; a restore brings it back without giving a number twice."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.errors import Misuse, TryLater
from gateway.store import backup, lists, migrate, people
from gateway.store.engine import Store
from tests.store.make import a_contact, a_list


def names(store: Store) -> list[str]:
    with store.read() as tx:
        return [row.name for row in lists.all(tx)]


def add(store: Store, name: str) -> None:
    with store.begin() as tx:
        lists.add(tx, a_list(store, name))


def test_a_restored_database_holds_what_it_held_when_the_backup_was_made(store: Store, tmp_path: Path) -> None:
    add(store, "before")
    backup.save(store, tmp_path / "copy")
    add(store, "after")

    backup.restore(store, tmp_path / "copy")

    assert names(store) == ["before"]
    assert migrate.status(store).ok


def test_after_a_restore_no_number_is_given_that_was_given_before_it(store_url: str, tmp_path: Path) -> None:
    store = Store(store_url)
    store.take()
    backup.save(store, tmp_path / "copy")
    rows, single = store.take(50_000)[-1], store.take(100, of="list")[-1]
    backup.restore(store, tmp_path / "copy")
    store.close()

    again = Store(store_url)
    assert again.take()[0] > rows
    assert again.take(of="list")[0] > single
    again.close()


def test_a_backup_is_readable_by_its_owner_only(store: Store, tmp_path: Path) -> None:
    backup.save(store, tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600


def test_a_backup_leaves_nothing_else_in_its_folder(store: Store, tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir()
    backup.save(store, tmp_path / "copies/copy")
    assert [path.name for path in (tmp_path / "copies").iterdir()] == ["copy"]


def test_a_backup_never_overwrites_a_file(store: Store, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("mine")
    with pytest.raises(Misuse, match="exists already"):
        backup.save(store, tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "mine"


def test_a_backup_into_a_folder_that_is_not_there_says_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="cannot be written"):
        backup.save(store, tmp_path / "nowhere" / "copy")


def test_a_file_that_is_no_backup_is_refused_and_the_database_stays(store: Store, tmp_path: Path) -> None:
    add(store, "before")
    (tmp_path / "copy").write_text("not a backup")
    with pytest.raises((Misuse, TryLater)):
        backup.restore(store, tmp_path / "copy")
    with pytest.raises(Misuse, match="no file"):
        backup.restore(store, tmp_path / "missing")
    assert names(store) == ["before"]


def test_another_sqlite_database_is_refused(sqlite_store: Store, tmp_path: Path) -> None:
    other = Store(f"sqlite:///{tmp_path / 'other.db'}")
    other.ping()
    other.close()
    with pytest.raises(Misuse, match="not a backup of consentgate"):
        backup.restore(sqlite_store, tmp_path / "other.db")


def test_a_restore_under_a_running_gateway_is_refused(store: Store, store_url: str, tmp_path: Path) -> None:
    add(store, "before")
    backup.save(store, tmp_path / "copy")
    code = (
        "import sys; from gateway.store.engine import Store\n"
        "store = Store(sys.argv[1]); store.ping(); print('open', flush=True); sys.stdin.read(); store.close()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, store_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as gateway:
        assert gateway.stdout
        assert gateway.stdout.readline() == b"open\n"

        with pytest.raises(Misuse, match="stop it first"):
            backup.restore(store, tmp_path / "copy")

        gateway.communicate()
    assert names(store) == ["before"]


def test_a_restored_server_knows_its_tables(postgres_store: Store, tmp_path: Path) -> None:
    """Without statistics it reads all of a table for every question about some dozen people."""
    with postgres_store.begin() as tx:
        people.add(tx, a_contact(postgres_store))
    backup.save(postgres_store, tmp_path / "copy")
    backup.restore(postgres_store, tmp_path / "copy")
    with postgres_store.read() as tx:
        found = tx.connection().execute(text("SELECT count(*) FROM pg_stats WHERE tablename = 'contact'"))
        assert found.scalar_one()
