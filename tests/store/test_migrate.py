"""Migrations make the very tables that the program works with, on both databases, whoever runs them."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

from gateway.errors import TryLater
from gateway.store import migrate, outward, records, signups, tables, trails
from gateway.store.engine import Store
from tests.support.postgres import Cluster, binary

FOLDER = Path(migrate.__file__).with_name("migrations")
MODULES = (tables, records, signups, outward, trails)  # read, so that the metadata know every table


@pytest.fixture
def postgres_empty(postgres: Cluster) -> str:
    """The address of a database without tables."""
    return postgres.url(postgres.create())


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables, once on each."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("postgres_empty")
    return url


def test_the_migrated_tables_are_those_of_the_program(store: Store) -> None:
    with store.read() as tx:
        context = MigrationContext.configure(tx.connection(), opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_migrated_sqlite_schema_is_word_for_word_that_of_the_tables(sqlite_store: Store) -> None:
    query = text("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND sql IS NOT NULL")
    plain = create_engine("sqlite://")
    SQLModel.metadata.create_all(plain)
    with plain.connect() as connection, sqlite_store.read() as tx:
        wanted = {name: _words(sql) for name, sql in connection.execute(query)}
        found = {name: _words(sql) for name, sql in tx.connection().execute(query)}
    plain.dispose()
    assert found == wanted


def _words(sql: str) -> list[str]:
    """Return the parts of a definition, whatever their order: constraints come as they were declared.

    The name of a table that was made anew to change a column is in quotes.
    """
    return sorted(part.strip() for part in re.split(r",\s*\n|\n|, ", sql.replace('"', "")) if part.strip(" ()"))


def test_the_migrated_postgresql_schema_is_that_of_the_tables(postgres: Cluster) -> None:
    name = postgres.create()
    plain = create_engine(postgres.url(name).replace("postgresql:", "postgresql+psycopg:"))
    SQLModel.metadata.create_all(plain)
    plain.dispose()
    wanted, found = _dump(postgres, name), _dump(postgres, "template")
    assert "CREATE TABLE public.parcel" in found
    assert sorted(found.splitlines()) == sorted(wanted.splitlines())
    postgres.drop(name)


def _dump(postgres: Cluster, name: str) -> str:
    command = [binary("pg_dump"), "--schema-only", "--exclude-table=alembic_version", f"--dbname={postgres.url(name)}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = (line.strip().rstrip(",") for line in done.stdout.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("--", "\\")))


def test_a_database_says_whether_it_is_of_this_version(empty_url: str) -> None:
    store = Store(empty_url)
    before = migrate.status(store)
    assert (before.current, before.ok) == (None, False)

    migrate.upgrade(store)
    after = migrate.status(store)
    assert after.ok
    assert after.current == after.head == before.head

    migrate.upgrade(store)  # twice is once
    assert migrate.status(store) == after
    store.close()


def test_several_nodes_may_upgrade_at_once(empty_url: str) -> None:
    stores = [Store(empty_url, busy=30) for _ in range(4)]
    failed: list[Exception] = []

    def upgrade(store: Store) -> None:
        try:
            migrate.upgrade(store)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=upgrade, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert migrate.status(stores[0]).ok
    for store in stores:
        store.close()


def test_several_processes_may_upgrade_at_once(empty_url: str) -> None:
    code = (
        "import sys; from gateway.store import migrate; from gateway.store.engine import Store\n"
        "store = Store(sys.argv[1], busy=30); migrate.upgrade(store); assert migrate.status(store).ok; store.close()"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, empty_url]) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]


def test_an_upgrade_of_a_database_that_is_away_can_be_tried_later(tmp_path: Path) -> None:
    store = Store(f"postgresql://postgres@/none?host={tmp_path}")
    with pytest.raises(TryLater):
        migrate.upgrade(store)
    with pytest.raises(TryLater):
        migrate.status(store)
    store.close()


def test_steps_are_numbered_without_gaps_and_named_like_their_files() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    steps = list(ScriptDirectory.from_config(config).walk_revisions())[::-1]

    for number, step in enumerate(steps, 1):
        name = Path(step.path).name
        assert re.fullmatch(rf"v{number:04d}_[a-z0-9_]+\.py", name), name
        assert step.revision == f"v{number:04d}"
        assert step.down_revision == (f"v{number - 1:04d}" if number > 1 else None)
        assert step.doc, f"{name} does not say what it does"
    assert len(steps) == len(list((FOLDER / "versions").glob("v*.py")))


def test_steps_depend_on_nothing_of_the_program() -> None:
    """A step that was released must go on doing what it did, whatever becomes of the tables."""
    for path in (FOLDER / "versions").glob("v*.py"):
        assert "gateway" not in path.read_text("utf-8"), path.name
