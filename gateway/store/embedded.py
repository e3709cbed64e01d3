"""SQLite, the embedded default: one file, write-ahead log, every commit synced to the disk.

One connection of a process writes and several read, so that writers of one process queue in memory instead of polling
the lock of the file; between processes SQLite's own lock decides, for which a writer waits `busy` seconds.
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import cast
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event

from gateway import clock
from gateway.errors import Misuse, TryLater

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # "accepted" means that it survives a power cut
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA secure_delete=ON",  # what is deleted is overwritten: an erased person is in no free page (GDPR 17)
    "PRAGMA journal_size_limit=67108864",  # a long import does not leave a large log behind
    "PRAGMA wal_autocheckpoint=4000",  # pages; messages of 10 KB would otherwise checkpoint every 300 of them
)
BEGIN = "begin"  # the option of the engine for reading that begins a transaction on its connections
_WRITER = ("PRAGMA cache_size=-16384",)  # KiB; the system keeps the file in memory too
_READER = ("PRAGMA cache_size=-4096", "PRAGMA query_only=ON")


def engines(url: URL, busy: float, connections: int) -> tuple[Engine, Engine, Engine]:
    """Return the engines that write, read and give numbers; the file is made if it is missing."""
    path = _path(url)
    same = _create(path)
    begin_writing, begin_reading = (_beginner(words, path, same) for words in ("BEGIN IMMEDIATE", "BEGIN"))
    writer = create_engine(
        "sqlite+pysqlite://",
        poolclass=QueuePool,
        creator=_connector(path, busy, _WRITER),
        pool_size=1,
        max_overflow=0,
        pool_timeout=busy,
    )
    reader = create_engine(
        "sqlite+pysqlite://",
        poolclass=QueuePool,
        creator=_connector(path, busy, _READER),
        pool_size=connections,
        max_overflow=-1,  # one more costs little, and the loop, which reads here too, must never wait for a thread
        pool_use_lifo=True,  # the one used last has its pages and statements at hand
        execution_options={BEGIN: begin_reading},
    )
    event.listen(writer, "begin", begin_writing)
    event.listen(reader, "begin", _unless_begun(begin_reading))
    return writer, reader, writer


def file_of(url: URL) -> Path:
    """Return the file that a SQLite URL names; raise `errors.Misuse` when it names none."""
    return _path(url)


def _path(url: URL) -> Path:
    name = url.database
    if not name or name == ":memory:" or url.query:
        raise Misuse(
            "[store] url: write sqlite:///relative/file.db or sqlite:////absolute/file.db, and nothing behind it"
        )
    return Path(name).absolute()


def _create(path: Path) -> os.stat_result:
    """Make the file readable by its owner only: it holds personal data, and the log files inherit its mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise TryLater(f"the database file {path} cannot be opened ({error.strerror})") from error
    try:
        return os.fstat(handle)
    finally:
        os.close(handle)


def _connector(path: Path, busy: float, pragmas: tuple[str, ...]) -> Callable[[], sqlite3.Connection]:
    uri = f"file:{quote(str(path))}?mode=rw"  # never makes a new file in place of one that was taken away

    def connect() -> sqlite3.Connection:
        # isolation_level None: the driver begins nothing by itself, see _beginner
        connection = sqlite3.connect(
            uri, uri=True, timeout=busy, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            for pragma in (*_PRAGMAS, *pragmas):
                _set(connection, pragma, busy)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    return connect


def _set(connection: sqlite3.Connection, pragma: str, busy: float) -> None:
    """Set a pragma; wait where SQLite does not: while another process turns a fresh file to its write-ahead log."""
    limit = clock.ticks() + busy
    while True:
        try:
            connection.execute(pragma)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or clock.ticks() > limit:
                raise
            clock.pause(0.01)
        else:
            return


def _beginner(statement: str, path: Path, same: os.stat_result) -> Callable[[Connection], None]:
    """Return what begins a transaction: a file taken away or replaced under us must not swallow accepted mail."""
    name = str(path)  # a Path is spelled anew for every call of the system

    def begin(connection: Connection) -> None:
        try:
            there = os.path.samestat(os.stat(name), same)  # noqa: PTH116
        except OSError:
            there = False
        if not there:
            raise TryLater(f"the database file {name} was removed or replaced while the program was running")
        _driver(connection).execute(statement)

    return begin


def _unless_begun(begin: Callable[[Connection], None]) -> Callable[[Connection], None]:
    """Return what begins a transaction where `reading.Snapshots` has not."""

    def listen(connection: Connection) -> None:
        if not _driver(connection).in_transaction:
            begin(connection)

    return listen


def _driver(connection: Connection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.driver_connection)
