"""Transactions for reading: the session they have, and the way to open one after another at little cost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlmodel import Session

from gateway.store.embedded import BEGIN
from gateway.store.trouble import told


class Reading(Session):
    """A session on a connection whose transaction is begun and ended by the store: a session's own way costs more."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, expire_on_commit=False, autoflush=False)
        self.begun = connection

    def connection(self, *_: object, **__: object) -> Connection:
        """Return the connection."""
        return self.begun


class Snapshots:
    """Transactions for reading the embedded database, one after another, for one thread.

    Connection and session stay from one to the next, as taking them and giving them back is most of what a short
    transaction costs; the driver begins and ends it, as SQLAlchemy's own takes longer than a statement. After any
    trouble the next one has new ones.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._begin: Callable[[Connection], None] = engine.get_execution_options()[BEGIN]
        self._tx: Reading | None = None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction as `Store.read` does: all its statements see one state. Raises `errors.TryLater`."""
        with told():
            try:
                tx = self._tx = self._tx or Reading(self._engine.connect())
                self._begin(tx.begun)
                yield tx
                if tx.begun.in_transaction():  # a statement went by SQLAlchemy's way
                    tx.close()  # forgets the objects of this one; it can be used again
                    tx.begun.rollback()
                else:
                    tx.begun.connection.rollback()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Let go of the connection."""
        if self._tx is not None:
            tx, self._tx = self._tx, None
            tx.close()
            tx.begun.close()
