"""Copies of the whole database, and the way back: a SQLite file, or the custom format of `pg_dump`.

A restored database has forgotten what happened since the copy was made: objections too. And it would give numbers again
that links in delivered mail already carry, so that a click by one person would speak for another; after a restore the
numbers therefore go on far above all that can have been given.
"""

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import text
from sqlmodel import SQLModel

from gateway.errors import Misuse, TryLater
from gateway.store import outward, records, signups, tables, trails
from gateway.store.embedded import file_of
from gateway.store.engine import Store
from gateway.store.trouble import told

# Also for a sequence that had given nothing when the copy was made.
_LEAP = (
    "INSERT INTO {} AS n (name, next) VALUES ('row', 1000000000), ('list', 1000) "
    "ON CONFLICT (name) DO UPDATE SET next = n.next + excluded.next"
)
_MODULES = (outward, records, signups, tables, trails)  # read, so that the metadata know every table
_NAMES = (tables.Numbers.__tablename__, "alembic_version")
_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name = 'consentgate' AND pid <> pg_backend_pid()"
)


def save(store: Store, path: Path) -> None:
    """Write a consistent copy of the database to `path`, readable by its owner only, while gateways go on working.

    Raises `errors.Misuse` when `path` exists, its folder does not, or the tools of PostgreSQL are missing, and
    `errors.TryLater` when the database cannot be read.
    """
    if path.exists():
        raise Misuse(f"{path} exists already; a backup never overwrites anything")
    with _beside(path) as copy:
        if store.embedded:
            with told(), contextlib.closing(_open(file_of(store.url), "ro")) as source:
                source.execute("VACUUM INTO ?", (str(copy),))
        else:
            names = [f"--table={name}" for name in _tables()]
            _run(store, ["pg_dump", "--format=custom", "--no-owner", "--no-acl", f"--file={copy}", *names])
        _sync(copy)
        copy.replace(path)
        _sync(path.parent)


def restore(store: Store, path: Path) -> None:
    """Put the copy at `path` in the place of everything in the database, all or nothing.

    Raises `errors.Misuse` when `path` is not such a copy or a gateway is still running on the database. The copy may be
    of an older version: `migrate.upgrade` comes next.
    """
    if not path.is_file():
        raise Misuse(f"there is no file {path}")
    store.close()
    if store.embedded:
        _restore_file(file_of(store.url), path)
    else:
        _restore_server(store, path)


def _restore_file(place: Path, path: Path) -> None:
    with _beside(place) as copy:
        shutil.copyfile(path, copy)
        with contextlib.closing(_open(copy, "rw")) as source:
            _check(source, path)
            source.execute(_LEAP.format("numbers"))
            with told(), contextlib.closing(_open(place, "rw")) as target:
                _alone(target)
                source.backup(target)


def _check(source: sqlite3.Connection, path: Path) -> None:
    try:
        sound = source.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        found = {name for (name,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError as error:
        raise Misuse(f"{path} is not a backup of a SQLite database ({error})") from error
    if not sound or not found.issuperset(_NAMES):
        raise Misuse(f"{path} is damaged or not a backup of consentgate")


def _alone(target: sqlite3.Connection) -> None:
    """Make sure that nobody else has the database open: leaving the write-ahead log needs that, and empties it."""
    try:
        target.execute("PRAGMA locking_mode=EXCLUSIVE")
        mode = target.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
    except sqlite3.OperationalError as error:
        raise Misuse("a gateway is still running on this database; stop it first") from error
    if mode != "delete":
        raise Misuse("a gateway is still running on this database; stop it first")


def _restore_server(store: Store, path: Path) -> None:
    schema = _schema(_run(store, ["pg_restore", "--list", str(path)], connected=False), path)
    with store.read() as tx:
        if tx.connection().execute(_OTHERS).scalar_one():
            raise Misuse("a gateway is still running on this database; stop it first")
    store.close()
    # A script of its own, not a pipe: half a script would be committed as if it were the whole.
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "restore.sql"
        _run(store, ["pg_restore", "--no-owner", "--no-acl", f"--file={script}", str(path)], connected=False)
        steps = [
            # `pg_restore --clean` would leave the tables that are younger than the copy
            f"--command=DROP TABLE IF EXISTS {', '.join(_tables())} CASCADE",
            f"--file={script}",
            f"--command={_LEAP.format(f'{schema}.numbers')}",  # the script empties the search path
            "--command=ANALYZE",  # a copy holds no statistics, and without them whole tables are read
        ]
        _run(store, ["psql", "--quiet", "--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1", *steps])


def _schema(listing: str, path: Path) -> str:
    """Return the schema that the table of numbers lies in; raise `errors.Misuse` when the copy holds no such table."""
    found = re.search(r" TABLE (\S+) numbers ", listing)
    if found is None or "alembic_version" not in listing:
        raise Misuse(f"{path} is not a backup of consentgate")
    return found[1]


def _tables() -> list[str]:
    return [*SQLModel.metadata.tables, "alembic_version"]


def _run(store: Store, command: Sequence[str], *, connected: bool = True) -> str:
    """Run one of PostgreSQL's tools on the database; the password goes by the environment, where nobody looks."""
    program = shutil.which(command[0])
    if program is None:
        raise Misuse(f"{command[0]} is missing; it comes with the client tools of PostgreSQL (postgresql-client)")
    target = ["--dbname", store.url.set(drivername="postgresql", password=None).render_as_string()] if connected else []
    env = {**os.environ, "PGOPTIONS": "-c lock_timeout=10s"}
    if store.url.password:
        env["PGPASSWORD"] = store.url.password
    done = subprocess.run(  # noqa: S603 - one of three fixed commands
        [program, *command[1:], *target], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env, check=False
    )
    if done.returncode:
        raise TryLater(f"{command[0]}: {next(iter(done.stderr.strip().splitlines()), 'failed')}")
    return done.stdout


def _open(path: Path, mode: str) -> sqlite3.Connection:
    with told():
        return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode={mode}", uri=True, isolation_level=None)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give the path of an empty file in the same folder, readable by its owner only, gone at the end."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
    except OSError as error:
        raise Misuse(f"{path.absolute().parent} cannot be written to ({error.strerror})") from error
    os.close(handle)
    try:
        yield Path(name)
    finally:
        for end in ("", "-journal", "-wal", "-shm"):
            Path(name + end).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
