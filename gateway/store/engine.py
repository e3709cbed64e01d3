"""The open database: transactions for writing, transactions for reading, identity numbers."""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlmodel import Session

from gateway import clock
from gateway.errors import Bug, InDoubt, Misuse, TryLater
from gateway.store import embedded, server
from gateway.store.numbers import Name, Numbers
from gateway.store.reading import Reading, Snapshots
from gateway.store.trouble import told

_READ_ONLY = text("SHOW transaction_read_only")
_CLOCK = text("SELECT clock_timestamp()")


class Store:
    """A database that threads of one process share; make it after forking.

    `url` is `sqlite:///file` or `postgresql://…`. `busy` is how many seconds a transaction waits for others;
    `connections` how many are kept open (twice as many for a moment). Everything here blocks: call it in a thread.
    Raises `errors.Misuse` for a URL that cannot be meant, `errors.TryLater` when a file cannot be opened; a server is
    asked only when a transaction begins.
    """

    def __init__(self, url: str, *, busy: float = 5.0, connections: int = 4) -> None:
        self.url = parse(url)
        self.embedded = self.url.get_backend_name() == "sqlite"
        room = embedded if self.embedded else server
        self._writer, self._reader, self._numberer = room.engines(self.url, busy, connections)
        self._numbers = Numbers(self._fresh, alone=self.embedded)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Open a transaction for writing: committed and durable when the block ends, undone when it raises.

        On SQLite it is the only one that writes from its beginning. Raises `errors.TryLater` when the database cannot
        be reached, is locked for too long or goes away; nothing was changed then, except that a connection lost in
        the very commit leaves open whether it was (`errors.InDoubt`). One thread has one transaction at a time.
        """
        if self._numbers.busy:
            raise Bug("a transaction was begun inside a transaction")
        committing = False
        try:
            with told(), Session(self._writer, expire_on_commit=False) as tx, self._numbers.within(tx), tx.begin():
                tx.connection()  # the lock is taken now, not at the first statement
                yield tx
                committing = True
        except TryLater as trouble:
            if committing and type(trouble) is TryLater:
                raise InDoubt(str(trouble)) from trouble
            raise

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction for reading: all its statements see one state. Raises `errors.TryLater` as `begin`."""
        with told(), self._reader.connect() as connection, connection.begin():
            tx = Reading(connection)
            try:
                yield tx
            finally:
                tx.close()

    def snapshots(self) -> Snapshots:
        """Return what opens many short transactions for reading, for one thread, until it is closed."""
        return Snapshots(self._reader)

    def take(self, n: int = 1, of: Name = "row") -> range:
        """Return `n` fresh identity numbers; also inside `begin`.

        "list" counts up one by one: a link has 32 bits for the number of a list. Everything else takes from "row".
        """
        return self._numbers.take(n, of)

    def scrub(self) -> None:
        """Empty SQLite's log into its file: it holds pages as they were before an erasure. Nothing on PostgreSQL.

        Outside any transaction; while somebody reads for longer than `busy` the log stays until the next time.
        """
        if self.url.get_backend_name() == "sqlite":
            with told(), closing(self._writer.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def ping(self) -> None:
        """Return when the database takes writes; raise `errors.TryLater` when it does not."""
        with self.begin() as tx:  # on SQLite this takes the lock, which only a file that can be written to gives
            if not self.embedded and tx.connection().execute(_READ_ONLY).scalar_one() == "on":
                raise TryLater("the database server takes no writes")

    def drift(self) -> timedelta:
        """Return how far this machine's clock is ahead of the database server's, nothing where there is none.

        Raises `errors.TryLater` when the server does not answer.
        """
        if self.embedded:
            return timedelta()
        with self.read() as tx:
            before = clock.now()
            there: datetime = tx.connection().execute(_CLOCK).scalar_one()
            return before + (clock.now() - before) / 2 - there

    @property
    def file(self) -> Path | None:
        """The file of the embedded database; None for a server."""
        return embedded.file_of(self.url) if self.embedded else None

    def room(self) -> int | None:
        """Return how many bytes the disk of the embedded database still takes; None for a server elsewhere."""
        return shutil.disk_usage(self.file.parent).free if self.file else None

    def close(self) -> None:
        """Let go of every connection."""
        for engine in (self._reader, self._writer, self._numberer):
            engine.dispose()

    @contextmanager
    def _fresh(self) -> Iterator[Session]:
        with told(), Session(self._numberer) as tx, tx.begin():
            yield tx


def parse(url: str) -> URL:
    """Return the parsed `[store] url`; raise `errors.Misuse` when it is not one of SQLite or PostgreSQL."""
    try:
        parsed = make_url(url)
        backend = parsed.drivername.partition("+")[0]
    except (ArgumentError, ValueError):
        backend = ""
    if backend in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite":
        return parsed.set(drivername="sqlite+pysqlite")
    raise Misuse("[store] url: write sqlite:///file.db or postgresql://user@host/database")
