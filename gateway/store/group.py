"""Sharing a commit: questions that arrive while a transaction runs go together into the next one.

A disk sync costs a millisecond or more, whether it makes one message durable or a hundred (group commit).
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Generic, TypeAlias, TypeVar

from gateway import clock
from gateway.errors import Bug, GatewayError, TryLater

T = TypeVar("T")
R = TypeVar("R")
_Answer: TypeAlias = "tuple[asyncio.Future[R], R | None, BaseException | None]"


class _Asked(Generic[T, R]):
    """One item with the place its answer goes to."""

    __slots__ = ("future", "item", "loop")

    def __init__(self, item: T, loop: asyncio.AbstractEventLoop) -> None:
        self.item = item
        self.loop = loop
        self.future: asyncio.Future[R] = loop.create_future()


class Group(Generic[T, R]):
    """Calls `work` with lists of items, in a thread of its own, and gives each asker the result of its item.

    `work` returns one result for each item, in order, and is all or nothing: when it raises, nothing was done. The
    items of a batch that raised are then tried one by one, so that one bad item does not fail its neighbours; except
    after `errors.TryLater`, which is no item's fault and goes to all. At most `most` items go together. An item whose
    asker has given up before its batch began is left out; one given up later may have been done.

    `linger` is for work whose cost lies in the batch and not in its items: while batches follow each other at once,
    the next one waits that many seconds for company; after a pause nobody waits.
    """

    def __init__(
        self, work: Callable[[list[T]], Sequence[R]], *, most: int = 256, linger: float = 0.0, name: str
    ) -> None:
        self._work = work
        self._most = most
        self._linger = linger
        self._idle_since = 0.0
        self._inbox: SimpleQueue[_Asked[T, R] | None] = SimpleQueue()
        self._closed = False
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
        open_ = True
        while open_:
            batch, open_ = self._collect()
            live = [asked for asked in batch if not asked.future.cancelled()]
            if live:
                _give(_answers(self._work, live), live)
            self._idle_since = clock.ticks()

    def _collect(self) -> tuple[list[_Asked[T, R]], bool]:
        """Wait for one item and take along all that are there; say whether more may come."""
        batch: list[_Asked[T, R]] = []
        try:
            asked = self._inbox.get()
            if self._linger and clock.ticks() - self._idle_since < self._linger:
                clock.pause(self._linger)
            while asked is not None:
                batch.append(asked)
                if len(batch) == self._most:
                    return batch, True
                asked = self._inbox.get_nowait()
        except Empty:
            return batch, True
        return batch, False


class Inline(Generic[T, R]):
    """A `Group` on the loop itself, for work so short that handing it to a thread and back would cost more.

    What is asked in one turn of the loop goes together. What is asked patiently, within `linger` seconds of the work
    before, waits as long for company, or until somebody comes who is not patient.
    """

    def __init__(self, work: Callable[[list[T]], Sequence[R]], *, linger: float = 0.0) -> None:
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
            loop.call_soon(self._run)
        return await asked.future

    async def close(self) -> None:
        """Answer no more; what was asked so far is answered now."""
        self._closed = True
        self._run()

    def _run(self) -> None:
        batch, self._asked, self._soon = self._asked, [], False
        self._idle_since = asyncio.get_running_loop().time()
        if live := [asked for asked in batch if not asked.future.cancelled()]:
            _settle(_answers(self._work, live))


def _answers(work: Callable[[list[T]], Sequence[R]], batch: list[_Asked[T, R]]) -> "list[_Answer[R]]":
    try:
        results = work([asked.item for asked in batch])
    except TryLater as error:
        return _same(batch, error)
    except Exception as error:
        if len(batch) == 1:
            return [(batch[0].future, None, error)]
        return [answer for asked in batch for answer in _answers(work, [asked])]
    if len(results) != len(batch):
        return _same(batch, Bug(f"{len(batch)} questions got {len(results)} answers"))
    return [(asked.future, result, None) for asked, result in zip(batch, results, strict=True)]


def _same(batch: list[_Asked[T, R]], error: GatewayError) -> "list[_Answer[R]]":
    """Give everybody an exception of their own: one raised in many tasks would collect all their tracebacks."""
    answers: list[_Answer[R]] = []
    for asked in batch:
        own = type(error)(str(error))
        own.__cause__ = error
        answers.append((asked.future, None, own))
    return answers


def _give(answers: "list[_Answer[R]]", batch: list[_Asked[T, R]]) -> None:
    """Hand the answers to the loops they were asked from, each woken once."""
    loops: dict[asyncio.AbstractEventLoop, list[_Answer[R]]] = {}
    for asked, answer in zip(batch, answers, strict=True):
        loops.setdefault(asked.loop, []).append(answer)
    for loop, given in loops.items():
        try:
            loop.call_soon_threadsafe(_settle, given)
        except RuntimeError:  # the loop is closed: nobody waits any more
            continue


def _settle(answers: "list[_Answer[R]]") -> None:
    for future, result, error in answers:
        if future.done():
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]
