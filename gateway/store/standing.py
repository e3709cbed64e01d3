"""Reading again and again: sessions whose transactions cost little more than what is asked in them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlmodel import Session

from gateway.store.trouble import told


class Reading(Session):
    """A session on a connection whose transaction is begun and ended by the store: a session's own way costs more."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, expire_on_commit=False, autoflush=False)
        self.begun = connection

    def connection(self, *_: object, **__: object) -> Connection:
        """Return the connection."""
        return self.begun


class Standing:
    """Transactions for reading an embedded database, one after another, for one thread: `read` is as `Store.read`.

    Connection and session stay from one to the next, as taking them and giving them back is most of what a short
    transaction costs. `begin` begins one on the driver's connection; SQLAlchemy is told of the first one only, and
    takes all of them for one. After any trouble the next one has a new connection.
    """

    def __init__(self, engine: Engine, begin: Callable[[Connection], None]) -> None:
        self._engine = engine
        self._begin = begin
        self._tx: Reading | None = None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction for reading: all its statements see one state. Raises `errors.TryLater`."""
        with told():
            try:
                if self._tx is None:
                    self._tx = self._open()
                else:
                    self._begin(self._tx.begun)
                yield self._tx
                if self._tx.identity_map:
                    self._tx.expunge_all()
                self._tx.begun.connection.cursor().execute("COMMIT")
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Let go of the connection."""
        if self._tx is not None:
            tx, self._tx = self._tx, None
            tx.close()
            tx.begun.close()

    def _open(self) -> Reading:
        connection = self._engine.connect()
        try:
            connection.begin()
        except BaseException:
            connection.close()
            raise
        return Reading(connection)
