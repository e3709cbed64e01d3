"""Sharing a commit among threads: what several want to write at once goes into one transaction.

`store.group` does the same for tasks of a loop. Here each thread brings its own work and does it, or has it done, in
its place: the thread whose turn it is takes along the work of all who wait.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from sqlmodel import Session

from gateway.errors import TryLater

T = TypeVar("T")


class _Work:
    """What one thread wants done, and what came of it."""

    __slots__ = ("answer", "do", "done", "error")

    def __init__(self, do: Callable[[Session], Any]) -> None:
        self.do = do
        self.done = False
        self.answer: Any = None
        self.error: BaseException | None = None


class Together:
    """Runs the work of many threads in few transactions, which `begin` opens."""

    def __init__(self, begin: Callable[[], AbstractContextManager[Session]], *, most: int = 64) -> None:
        self._begin = begin
        self._most = most
        self._lock = threading.Lock()  # held for a moment only
        self._turn = threading.Lock()  # held while a transaction runs
        self._waiting: list[_Work] = []

    def write(self, do: Callable[[Session], T]) -> T:
        """Return what `do` returned, once it is committed; raise what it raised, and nothing of it was done.

        `do` may run again, in a transaction of its own, when somebody else's work in the same one failed: it must have
        no effects but those on its transaction. `errors.TryLater`, which is nobody's fault, goes to all.
        """
        work = _Work(do)
        with self._lock:
            self._waiting.append(work)
        with self._turn:
            if not work.done:
                self._run(self._taken(work))
        if work.error is not None:
            raise work.error
        answer: T = work.answer
        return answer

    def _taken(self, own: _Work) -> list[_Work]:
        """Return the work that is done now: one's own and that of others who wait, the oldest first."""
        with self._lock:
            batch = self._waiting[: self._most]
            if own not in batch:
                batch[-1] = own
            self._waiting = [work for work in self._waiting if work not in batch]
        return batch

    def _run(self, batch: list[_Work]) -> None:
        try:
            with self._begin() as tx:
                for work in batch:
                    work.answer = work.do(tx)
        except TryLater as error:
            for work in batch:
                work.error, work.done = _own(error), True
        except BaseException as error:
            if len(batch) > 1:
                for work in batch:
                    self._run([work])
                return
            batch[0].error, batch[0].done = error, True
        else:
            for work in batch:
                work.done = True


def _own(error: TryLater) -> TryLater:
    """Give everybody an exception of their own: one raised in many threads would collect all their tracebacks."""
    own = type(error)(str(error))
    own.__cause__ = error
    return own
