"""Work shared among processes, in order and in bounded memory: little is done here, much on every processor.

A job is an object that can be sent to another process; there it is opened with the context of that process and gives
the function that does the work, one chunk at a time. Three times as many chunks as there are workers are under way.
"""

import ctypes
import gc
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from typing import Any, Protocol, TypeVar

from gateway.errors import TryLater
from gateway.flow.context import Context, open_context
from gateway.settings import Settings

In = TypeVar("In")
Out = TypeVar("Out")
In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)

FEW = 20  # chunks that one process has done sooner than others could be started
AHEAD = 3
_M_MMAP_THRESHOLD, _LARGE = -3, 4_194_304  # mallopt(3)
Lock = AbstractContextManager[Any]


class Job(Protocol[In_contra, Out_co]):
    """What is to be done, in a form that can be sent to another process."""

    def open(self, context: Context, lock: Lock) -> Callable[[In_contra], Out_co]:
        """Return what does one chunk; of all the processes only one is inside `lock` at a time."""


def share(context: Context, job: Job[In, Out], chunks: Iterable[In], workers: int | None = None) -> Iterator[Out]:
    """Yield what comes of each chunk, in order.

    The first chunks are done here; if there are more, `workers` processes (None: one for each processor) share the
    rest. Closing the iterator ends them. Raises what the work raises, and `errors.TryLater` when a worker is gone.
    """
    stream = iter(chunks)
    workers = workers or _processors()
    lock = get_context("spawn").Lock()
    here = job.open(context, lock)
    yield from map(here, stream if workers == 1 else islice(stream, FEW))
    first = list(islice(stream, 1))
    if first:
        with _pool(workers, context.settings, job, lock) as submit:
            yield from _in_order(submit, chain(first, stream), AHEAD * workers)


def settle() -> None:
    """Leave what was made so far out of garbage collection, which would look through it again and again.

    And have large blocks of memory given back when they are free: glibc keeps them once it has seen a few, and a
    process that took in large messages would stay large.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)


def _in_order(submit: Callable[[In], Future[Out]], chunks: Iterator[In], ahead: int) -> Iterator[Out]:
    waiting = deque(submit(chunk) for chunk in islice(chunks, ahead))
    while waiting:
        done = waiting.popleft().result()
        waiting.extend(submit(chunk) for chunk in islice(chunks, 1))
        yield done


@contextmanager
def _pool(workers: int, settings: Settings, job: Job[In, Out], lock: Lock) -> Iterator[Callable[[In], Future[Out]]]:
    """Give a function that hands a chunk to one of the processes; they end with the block."""
    # Spawned, not forked: this process may have threads and connections.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (settings, job, lock))
    try:
        yield lambda chunk: pool.submit(_work, chunk)
    except BrokenProcessPool as error:
        raise TryLater("a process that did a part of the work has ended; ask again") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


# ---- in a process of the pool


_doing: list[Callable[[Any], Any]] = []  # the one thing that this process is for


def _begin(settings: Settings, job: Job[Any, Any], lock: Lock) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asked is told, and ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    settle()
    _doing[:] = [job.open(open_context(settings), lock)]


def _end_with_parent() -> None:
    """End when the process that asked was killed: nobody else would tell us."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _work(chunk: Any) -> Any:  # noqa: ANN401 - by job
    return _doing[0](chunk)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
