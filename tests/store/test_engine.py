"""Transactions are whole, durable and seen at once; trouble with the database is said in words."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session

from gateway.errors import Bug, Misuse, TryLater
from gateway.store import advertisers, migrate
from gateway.store.engine import Store
from tests.store.make import NOW, an_advertiser
from tests.support.gateway import ROOT
from tests.support.postgres import Cluster


def names(store: Store) -> list[str]:
    with store.read() as tx:
        return [row.name for row in advertisers.all(tx)]


def add(store: Store, name: str) -> None:
    with store.begin() as tx:
        advertisers.add(tx, an_advertiser(store, name))


def setting(tx: Session, query: str) -> str:
    return str(tx.connection().execute(text(query)).scalar_one())


def test_what_was_written_is_seen_by_others_once_the_block_has_ended(store: Store, store_url: str) -> None:
    other = Store(store_url)
    with store.begin() as tx:
        advertisers.add(tx, an_advertiser(store))
        assert names(other) == []

    assert names(other) == ["acme"]
    other.close()


def test_a_block_that_raises_leaves_nothing_behind(store: Store) -> None:
    def stumble() -> None:
        with store.begin() as tx:
            advertisers.add(tx, an_advertiser(store))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stumble()

    assert names(store) == []


def test_rows_can_be_used_after_their_transaction(store: Store) -> None:
    with store.begin() as tx:
        written = advertisers.add(tx, an_advertiser(store, trade_names=["Acme Fleurs"]))
    with store.read() as tx:
        found = advertisers.get(tx, written.id)

    assert found
    assert (written.name, found.name) == ("acme", "acme")
    assert found.trade_names == ["Acme Fleurs"]
    assert found.created_at == NOW


def test_all_statements_of_a_reading_see_one_state(store: Store) -> None:
    add(store, "before")
    with store.read() as tx:
        assert len(advertisers.all(tx)) == 1
        writer = threading.Thread(target=add, args=(store, "after"))
        writer.start()
        writer.join()
        assert len(advertisers.all(tx)) == 1
    assert len(names(store)) == 2


def test_a_reading_cannot_write(store: Store) -> None:
    with pytest.raises(TryLater), store.read() as tx:
        advertisers.add(tx, an_advertiser(store))
    assert names(store) == []


def test_a_transaction_inside_a_transaction_is_a_bug_and_not_a_standstill(store: Store) -> None:
    with store.begin(), pytest.raises(Bug), store.begin():
        pass


def test_threads_write_one_after_the_other(store: Store) -> None:
    threads = [threading.Thread(target=add, args=(store, f"n{number}")) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(store)) == 20


def test_a_naive_moment_is_refused(store: Store) -> None:
    with pytest.raises(Exception, match="aware"), store.begin() as tx:
        advertisers.add(tx, an_advertiser(store, created_at=NOW.replace(tzinfo=None)))


def test_a_store_that_was_closed_opens_again_when_it_is_used(store: Store) -> None:
    store.close()
    store.ping()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///a.db?mode=ro",
        "/var/lib/store.db",
        "sqlite:",
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_with_the_cure(url: str) -> None:
    with pytest.raises(Misuse, match=r"\[store\] url: write sqlite:///"):
        Store(url)


def test_a_database_without_tables_names_the_cure(tmp_path: Path, postgres: Cluster) -> None:
    name = postgres.create()
    for url in (f"sqlite:///{tmp_path / 'new.db'}", postgres.url(name)):
        store = Store(url)
        with pytest.raises(Misuse, match="consentgate db upgrade"):
            names(store)
        store.close()
    postgres.drop(name)


# ---- SQLite


def test_sqlite_syncs_every_commit_and_writes_ahead(sqlite_store: Store) -> None:
    with sqlite_store.begin() as tx:
        assert setting(tx, "PRAGMA journal_mode") == "wal"
        assert setting(tx, "PRAGMA synchronous") == "2"
        assert setting(tx, "PRAGMA foreign_keys") == "1"


def test_a_new_sqlite_file_and_its_log_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'var' / 'new.db'}")
    migrate.upgrade(store)

    made = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "var").iterdir()}
    assert made == {"new.db": 0o600, "new.db-wal": 0o600, "new.db-shm": 0o600}
    store.close()


HOLDER = """
import sys
from gateway.store.engine import Store
store = Store(sys.argv[1])
with store.begin():
    print("holding", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(sqlite_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process inside a write transaction, until its input ends."""
    command = [sys.executable, "-c", HOLDER, sqlite_url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"holding\n"
        yield process
        process.communicate()


def test_a_writer_gives_up_after_a_while_and_says_who_is_in_the_way(
    sqlite_url: str, holder: subprocess.Popen[bytes]
) -> None:
    store = Store(sqlite_url, busy=0.2)
    with pytest.raises(TryLater, match="another process has been writing for too long"):
        add(store, "late")
    assert names(store) == []  # reading goes on meanwhile
    store.close()


def test_a_writer_goes_on_when_the_other_process_has_finished(sqlite_url: str, holder: subprocess.Popen[bytes]) -> None:
    store = Store(sqlite_url, busy=20)
    writer = threading.Thread(target=add, args=(store, "patient"))
    writer.start()
    holder.communicate()
    writer.join()
    assert names(store) == ["patient"]
    store.close()


def test_a_thread_that_waits_too_long_for_its_own_process_is_told_to_try_later(sqlite_url: str) -> None:
    store = Store(sqlite_url, busy=0.1)
    told: list[str] = []

    def late() -> None:
        try:
            add(store, "late")
        except TryLater as error:
            told.append(str(error))

    with store.begin():
        thread = threading.Thread(target=late)
        thread.start()
        thread.join()
    assert told == ["the database is busy: every connection to it is in use"]
    store.close()


WRITER = """
import sys
from gateway.store import oppositions
from gateway.store.engine import Store
from gateway.store.tables import Opposition
from datetime import UTC, datetime
store = Store(sys.argv[1], busy=30)
for _ in range(40):
    with store.begin() as tx:
        row = Opposition(id=store.take()[0], advertiser_id=1, digest=bytes(32), key_version=1, at=datetime.now(UTC))
        oppositions.add(tx, row)
store.close()
"""


def test_several_processes_write_into_one_database(store: Store, store_url: str) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", WRITER, store_url]) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    with store.read() as tx:
        assert setting(tx, "SELECT count(*) FROM opposition") == "80"


def test_a_file_taken_away_under_a_running_program_swallows_nothing(sqlite_store: Store, tmp_path: Path) -> None:
    add(sqlite_store, "before")
    (tmp_path / "store.db").rename(tmp_path / "away.db")

    with pytest.raises(TryLater, match="removed or replaced"):
        add(sqlite_store, "lost")
    with pytest.raises(TryLater):
        names(sqlite_store)
    assert not (tmp_path / "store.db").exists()

    (tmp_path / "away.db").rename(tmp_path / "store.db")
    add(sqlite_store, "after")
    assert names(sqlite_store) == ["after", "before"]


def test_a_file_that_was_replaced_is_not_mistaken_for_the_one_that_was_opened(
    sqlite_store: Store, sqlite_template: Path, tmp_path: Path
) -> None:
    add(sqlite_store, "before")
    (tmp_path / "other.db").write_bytes(sqlite_template.read_bytes())
    (tmp_path / "other.db").replace(tmp_path / "store.db")
    with pytest.raises(TryLater, match="removed or replaced"):
        names(sqlite_store)


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("These are notes, not a database. " * 50)
    store = Store(f"sqlite:///{tmp_path / 'notes.txt'}")
    with pytest.raises(Misuse, match="not a database"):
        store.ping()
    store.close()


def test_a_folder_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TryLater, match="cannot be opened"):
        Store(f"sqlite:///{tmp_path / 'file' / 'store.db'}")


def test_a_full_disk_is_told_and_nothing_is_kept(sqlite_store: Store) -> None:
    def fill() -> None:
        with sqlite_store.begin() as tx:
            pages = setting(tx, "PRAGMA page_count")
            tx.connection().execute(text(f"PRAGMA max_page_count={pages}"))  # as if the disk had no more
            for number in range(200):
                advertisers.add(tx, an_advertiser(sqlite_store, f"n{number}", office="x" * 1000))

    with pytest.raises(TryLater, match="full"):
        fill()
    assert names(sqlite_store) == []


# ---- PostgreSQL


def test_postgresql_waits_for_the_disk_at_every_commit(postgres_store: Store) -> None:
    with postgres_store.begin() as tx:
        assert setting(tx, "SHOW synchronous_commit") == "on"
        assert setting(tx, "SHOW application_name") == "consentgate"


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    store = Store(f"postgres://nobody@/none?host={tmp_path}")
    with pytest.raises(TryLater, match="cannot be reached"):
        store.ping()
    store.close()


def test_a_database_that_is_not_there_is_told_without_the_password(postgres: Cluster) -> None:
    store = Store(f"postgresql://postgres:sesame@/nowhere?host={postgres.folder}")
    with pytest.raises(TryLater, match="does not exist") as told:
        store.ping()
    assert "sesame" not in str(told.value)
    store.close()


def test_a_connection_ended_by_the_server_is_told_and_the_next_call_works(
    postgres_store: Store, postgres: Cluster
) -> None:
    def write() -> None:
        with postgres_store.begin() as tx:
            number = setting(tx, "SELECT pg_backend_pid()")
            postgres.run(f"SELECT pg_terminate_backend({number})")
            advertisers.add(tx, an_advertiser(postgres_store))

    with pytest.raises(TryLater):
        write()
    assert names(postgres_store) == []


def test_a_lock_held_too_long_is_told(postgres_url: str) -> None:
    first, second = Store(postgres_url), Store(postgres_url, busy=0.2)
    with first.begin() as tx:
        tx.connection().execute(text("LOCK TABLE advertiser"))
        with pytest.raises(TryLater, match="holds what is needed for too long"):
            names(second)
    first.close()
    second.close()


def test_after_a_restart_of_the_server_the_next_call_works() -> None:
    cluster = Cluster()
    store = Store(cluster.url(), busy=1)
    try:
        cluster.start()
        migrate.upgrade(store)
        add(store, "before")

        cluster.stop()
        with pytest.raises(TryLater):
            add(store, "away")
        with pytest.raises(TryLater):
            names(store)

        cluster.start()
        assert names(store) == ["before"]
        add(store, "after")

        cluster.stop()
        cluster.start()
        add(store, "not noticed")
        assert len(names(store)) == 3
    finally:
        store.close()
        cluster.remove()


def test_ping_is_quick_when_all_is_well(store: Store) -> None:
    store.ping()
    start = time.monotonic()
    store.ping()
    assert time.monotonic() - start < 1


def test_a_server_that_takes_no_writes_is_not_well(postgres_store: Store) -> None:
    postgres_store.ping()
    with postgres_store.begin() as tx:
        tx.connection().execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
    with pytest.raises(TryLater, match="takes no writes"):
        postgres_store.ping()


def test_who_uses_no_server_does_not_load_its_driver(tmp_path: Path):
    code = (
        "import sys\nimport gateway.service\nfrom gateway.errors import Misuse\n"
        "from gateway.store import advertisers, migrate\nfrom gateway.store.engine import Store\n"
        f"store = Store('sqlite:///{tmp_path / 'people.db'}')\n"
        "try:\n    with store.read() as tx: advertisers.all(tx)\n"  # trouble is told without it, too
        "except Misuse as error: print(error)\n"
        "migrate.upgrade(store)\n"
        "with store.read() as tx: assert not advertisers.all(tx)\n"
        "assert 'psycopg' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "db upgrade" in done.stdout
