"""Identity numbers: a process takes a block at a time, so that ids are known before the insert and cost nothing.

Numbers grow, but not in the order of commits, and blocks leave gaps. What must stay small (lists have 32 bits in a
link) comes from a sequence of its own, which gives number after number.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

from sqlalchemy import text
from sqlmodel import Session

Name = Literal["row", "list"]  # the sequences; store.backup knows them too
BLOCKS = {"row": 10_000}  # how many numbers are taken from the database at once; of the other just those asked for

_BUMP = text(
    "INSERT INTO numbers (name, next) VALUES (:name, 1 + CAST(:n AS BIGINT)) "
    "ON CONFLICT (name) DO UPDATE SET next = numbers.next + CAST(:n AS BIGINT) RETURNING next"
)


class _Mine(threading.local):
    """What a thread has while it is inside a transaction."""

    def __init__(self) -> None:
        self.tx: Session | None = None
        self.blocks: dict[Name, range] = {}


class Numbers:
    """Gives the numbers of one database to the threads of one process.

    `fresh` opens a transaction of its own. `alone` says that the database has one writer at a time (SQLite): a thread
    that is writing then takes its block inside its own transaction, since a second one would wait for the first.
    Numbers of such a block are that transaction's only until it is committed; if it is rolled back, the database gives
    them again, and whatever they named has been rolled back with them.
    """

    def __init__(self, fresh: Callable[[], AbstractContextManager[Session]], *, alone: bool) -> None:
        self._fresh = fresh
        self._alone = alone
        self._lock = threading.Lock()  # held for a moment only, never while the database is asked
        self._refill = threading.Lock()
        self._blocks: dict[Name, range] = {}
        self._mine = _Mine()

    def take(self, n: int, of: Name) -> range:
        """Return `n` numbers, in a row, that nobody had before."""
        if self._alone and self._mine.tx is not None:
            return self._take_inside(self._mine.tx, n, of)
        found = self._cut(n, of)
        if found is not None:
            return found
        with self._refill:
            return self._cut(n, of) or self._take_fresh(n, of)

    @contextmanager
    def within(self, tx: Session) -> Iterator[None]:
        """Mark the thread as writing in `tx`, and keep what is left of a block taken inside once it is committed."""
        mine = self._mine
        mine.tx, mine.blocks = tx, {}
        try:
            yield
            with self._lock:
                for of, block in mine.blocks.items():
                    if len(block) > len(self._blocks.get(of, ())):
                        self._blocks[of] = block
        finally:
            mine.tx, mine.blocks = None, {}

    @property
    def busy(self) -> bool:
        """Whether this thread is inside a transaction."""
        return self._mine.tx is not None

    def _cut(self, n: int, of: Name) -> range | None:
        with self._lock:
            block = self._blocks.get(of, range(0))
            if len(block) < n:
                return None
            self._blocks[of] = block[n:]
            return block[:n]

    def _take_fresh(self, n: int, of: Name) -> range:
        with self._fresh() as tx:
            block = _bump(tx, max(n, BLOCKS.get(of, 0)), of)
        with self._lock:
            if len(block) - n > len(self._blocks.get(of, ())):
                self._blocks[of] = block[n:]
        return block[:n]

    def _take_inside(self, tx: Session, n: int, of: Name) -> range:
        found = self._cut(n, of)
        if found is not None:
            return found
        block = self._mine.blocks.get(of, range(0))
        if len(block) < n:
            block = _bump(tx, max(n, BLOCKS.get(of, 0)), of)
        self._mine.blocks[of] = block[n:]
        return block[:n]


def _bump(tx: Session, n: int, of: Name) -> range:
    end: int = tx.connection().execute(_BUMP, {"name": of, "n": n}).scalar_one()
    return range(end - n, end)
