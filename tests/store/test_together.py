"""Threads that write at once share a transaction, and each gets what its own work came to."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

import pytest
from sqlalchemy import text
from sqlmodel import Session

from gateway.errors import Misuse, TryLater
from gateway.store.engine import Store
from gateway.store.together import Together

PEOPLE = 20
_PUT = text("INSERT INTO numbers (name, next) VALUES (:name, 1)")
_NAMES = text("SELECT name FROM numbers WHERE name LIKE 'p%'")

Do = Callable[[Session], str]


class Counted:
    """Opens transactions and counts them; the first one waits until it is told to go on."""

    def __init__(self, store: Store) -> None:
        self.opened = 0
        self.go = threading.Event()
        self._store = store

    @contextmanager
    def __call__(self) -> Iterator[Session]:
        self.opened += 1
        if self.opened == 1:
            assert self.go.wait(30)
        with self._store.begin() as tx:
            yield tx


def put(name: str) -> Do:
    """Return work that writes a row and returns its name."""

    def do(tx: Session) -> str:
        tx.connection().execute(_PUT, {"name": name})
        return name

    return do


def refuse(_tx: Session) -> str:
    raise Misuse("not like this")


def away(_tx: Session) -> str:
    raise TryLater("the store is away")


def together(store: Store, works: Sequence[Do]) -> tuple[Counted, list["Future[str]"]]:
    """Let one thread hold its turn until all others wait, then let them go; return what came of each."""
    begin = Counted(store)
    shared = Together(begin)
    with ThreadPoolExecutor(len(works) + 1) as threads:
        first = threads.submit(shared.write, put("p-first"))
        limit = time.monotonic() + 30
        while not begin.opened:
            assert time.monotonic() < limit
            time.sleep(0.001)
        others = [threads.submit(shared.write, work) for work in works]
        while len(shared._waiting) < len(works):
            assert time.monotonic() < limit
            time.sleep(0.001)
        begin.go.set()
        wait([first, *others], 60)
    assert first.result() == "p-first"
    return begin, others


def names(store: Store) -> set[str]:
    with store.read() as tx:
        return set(tx.connection().execute(_NAMES).scalars())


def test_those_who_wait_share_one_transaction(store: Store) -> None:
    wanted = [f"p{number}" for number in range(PEOPLE)]
    begin, done = together(store, [put(name) for name in wanted])

    assert [future.result() for future in done] == wanted
    assert names(store) == {"p-first", *wanted}
    assert begin.opened == 2


def test_work_that_fails_fails_alone_and_leaves_nothing(store: Store) -> None:
    def half(tx: Session) -> str:
        put("p-half")(tx)
        return refuse(tx)

    _, done = together(store, [put("p1"), half, put("p2")])

    assert [done[0].result(), done[2].result()] == ["p1", "p2"]
    with pytest.raises(Misuse):
        done[1].result()
    assert names(store) == {"p-first", "p1", "p2"}


def test_a_store_that_is_away_is_nobodys_fault_and_told_to_all(store: Store) -> None:
    _, done = together(store, [put("p1"), away, put("p2")])

    for future in done:
        with pytest.raises(TryLater):
            future.result()
    assert names(store) == {"p-first"}


def test_alone_it_is_an_ordinary_transaction(store: Store) -> None:
    assert store.together(put("p1")) == "p1"
    with pytest.raises(Misuse):
        store.together(refuse)
    assert names(store) == {"p1"}
