"""Sharing a commit: questions that arrive while a transaction runs go together into the next one.

A disk sync costs a millisecond or more, whether it makes one message durable or a hundred (group commit).
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, TypeAlias, TypeVar

from gateway import clock
from gateway.errors import Bug, GatewayError, TryLater

C = TypeVar("C")
T = TypeVar("T")
R = TypeVar("R")
Begin: TypeAlias = Callable[[], AbstractContextManager[C]]
Work: TypeAlias = Callable[[C, list[T]], Sequence[R]]


class _Asked(Generic[T, R]):
    """One item with the place its answer goes to."""

    __slots__ = ("future", "item", "loop")

    def __init__(self, item: T, loop: asyncio.AbstractEventLoop) -> None:
        self.item = item
        self.loop = loop
        self.future: asyncio.Future[R] = loop.create_future()


_Answer: TypeAlias = tuple[_Asked[T, R], R | None, BaseException | None]


class Group(Generic[C, T, R]):
    """Calls `work` with lists of items, in a thread of its own, and gives each asker the result of its item.

    A batch is one transaction: `begin` opens it, `work` gets what it gives and returns one result for each item, in
    order. Whoever asks while the transaction before runs, or while this one waits for its lock, is taken along.

    A batch is all or nothing: when it raises, nothing was done. Its items are then tried one by one, so that one bad
    item does not fail its neighbours; except after `errors.TryLater`, which is no item's fault and goes to all. At
    most `most` items go together. An item whose asker has given up before its batch began is left out; one given up
    later may have been done.

    `linger` is for work whose cost lies in the batch and not in its items: while batches follow each other at once,
    the next one waits that many seconds for company; after a pause nobody waits.
    """

    def __init__(
        self, begin: Begin[C], work: Work[C, T, R], *, most: int = 256, linger: float = 0.0, name: str
    ) -> None:
        self._begin = begin
        self._work = work
        self._most = most
        self._linger = linger
        self._idle_since = 0.0
        self._inbox: SimpleQueue[_Asked[T, R] | None] = SimpleQueue()
        self._closed = False
        self._ended = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def ask(self, item: T, *, patient: bool = False) -> R:  # noqa: ARG002 - batches form by themselves here
        """Return what `work` returned for `item`, or raise what it raised; `errors.TryLater` once closed."""
        if self._closed:
            raise TryLater("the gateway is stopping")
        asked: _Asked[T, R] = _Asked(item, asyncio.get_running_loop())
        self._inbox.put(asked)
        return await asked.future

    async def close(self) -> None:
        """Answer everything asked so far, then end the thread. Twice is once."""
        if not self._closed:
            self._closed = True
            self._inbox.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while not self._ended:
            batch: list[_Asked[T, R]] = []
            self._collect(batch, self._inbox.get())
            if self._linger and clock.ticks() - self._idle_since < self._linger:
                with suppress(OSError):  # a pause that fails must not end the thread: nobody would be answered any more
                    clock.pause(self._linger)
            if batch:
                _give(_answers(partial(self._joined, batch), self._begin, self._work, batch))
            self._idle_since = clock.ticks()

    @contextmanager
    def _joined(self, batch: list[_Asked[T, R]]) -> Iterator[C]:
        """Begin, and take along who has come meanwhile; also to be told that there is no beginning now."""
        try:
            with self._begin() as begun:
                self._take_along(batch)
                yield begun
        except TryLater:
            self._take_along(batch)
            raise

    def _take_along(self, batch: list[_Asked[T, R]]) -> None:
        with suppress(Empty):
            while len(batch) < self._most and not self._ended:
                self._collect(batch, self._inbox.get_nowait())

    def _collect(self, batch: list[_Asked[T, R]], asked: _Asked[T, R] | None) -> None:
        if asked is None:
            self._ended = True
        else:
            batch.append(asked)


class Inline(Generic[C, T, R]):
    """A `Group` on the loop itself, for work so short that handing it to a thread and back would cost more.

    What is asked in one turn of the loop, or in the next, goes together. What is asked patiently, within `linger`
    seconds of the work before, waits as long for company, or until somebody comes who is not patient.
    """

    def __init__(self, begin: Begin[C], work: Work[C, T, R], *, linger: float = 0.0) -> None:
        self._begin = begin
        self._work = work
        self._linger = linger
        self._idle_since = -linger
        self._soon = False
        self._asked: list[_Asked[T, R]] = []
        self._closed = False

    async def ask(self, item: T, *, patient: bool = False) -> R:
        """Return what `work` returned for `item`, or raise what it raised; `errors.TryLater` once closed."""
        if self._closed:
            raise TryLater("the gateway is stopping")
        loop = asyncio.get_running_loop()
        asked: _Asked[T, R] = _Asked(item, loop)
        self._asked.append(asked)
        if patient and loop.time() - self._idle_since < self._linger:
            if len(self._asked) == 1:
                loop.call_later(self._linger, self._run)
        elif not self._soon:
            self._soon = True
            loop.call_soon(loop.call_soon, self._run)  # who asks in the next turn comes along
        return await asked.future

    async def close(self) -> None:
        """Answer no more; what was asked so far is answered now."""
        self._closed = True
        self._run()

    def _run(self) -> None:
        batch, self._asked, self._soon = self._asked, [], False
        self._idle_since = asyncio.get_running_loop().time()
        if batch:
            _settle(_answers(self._begin, self._begin, self._work, batch))


def _answers(begin: Begin[C], again: Begin[C], work: Work[C, T, R], batch: list[_Asked[T, R]]) -> list[_Answer[T, R]]:
    """Return the answers to a batch, which may grow while `begin` waits; `again` begins for one item alone."""
    live: list[_Asked[T, R]] = []
    try:
        with begin() as begun:
            live = [asked for asked in batch if not asked.future.cancelled()]
            results = work(begun, [asked.item for asked in live]) if live else ()
    except TryLater as error:
        return _same(batch, error)
    except Exception as error:
        if len(live) <= 1:
            return [(asked, None, error) for asked in live or batch]
        return [answer for asked in live for answer in _answers(again, again, work, [asked])]
    if len(results) != len(live):
        return _same(live, Bug(f"{len(live)} questions got {len(results)} answers"))
    return [(asked, result, None) for asked, result in zip(live, results, strict=True)]


def _same(batch: list[_Asked[T, R]], error: GatewayError) -> list[_Answer[T, R]]:
    """Give everybody an exception of their own: one raised in many tasks would collect all their tracebacks."""
    answers: list[_Answer[T, R]] = []
    for asked in batch:
        own = type(error)(str(error))
        own.__cause__ = error
        answers.append((asked, None, own))
    return answers


def _give(answers: list[_Answer[T, R]]) -> None:
    """Hand the answers to the loops they were asked from, each woken once."""
    loops: dict[asyncio.AbstractEventLoop, list[_Answer[T, R]]] = {}
    for answer in answers:
        loops.setdefault(answer[0].loop, []).append(answer)
    for loop, given in loops.items():
        try:
            loop.call_soon_threadsafe(_settle, given)
        except RuntimeError:  # the loop is closed: nobody waits any more
            continue


def _settle(answers: list[_Answer[T, R]]) -> None:
    for asked, result, error in answers:
        future = asked.future
        if future.done():
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]
