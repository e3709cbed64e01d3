"""Verdicts for any number of addresses, as a stream: in this process for a few, on every processor for many.

Bounded memory: a few thousand addresses are under way at a time, whatever the number asked about. The facts are those
of the moment at which each chunk is read.
"""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import chain, islice
from multiprocessing import get_context
from typing import NamedTuple

from gateway import clock
from gateway.errors import Misuse, NotFound, TryLater
from gateway.flow.context import Context, open_context
from gateway.flow.facts import Question, gather
from gateway.law.decide import decide
from gateway.law.facts import Facts, MessageFacts
from gateway.law.reasons import Fate
from gateway.mail.address import Address, parse
from gateway.settings import Settings
from gateway.store import lists
from gateway.store.catalogue import Catalogue

CHUNK = 1000  # addresses read together; the first answers come after as many lines
FEW = 20  # chunks that one process answers sooner than others could be started
AHEAD = 3  # chunks waiting for each worker
INVALID = "INVALID"  # the code of what is no address; there is no such reason in law


class Answer(NamedTuple):
    """One line answered: the address in its normal form, or the line itself with a `problem` and the code INVALID."""

    address: str
    fate: str  # law.reasons.Fate
    code: str
    rule: str
    also: tuple[str, ...] = ()
    problem: str = ""


_Answering = Callable[[list[str]], list[Answer]]


def answers(
    context: Context, list_name: str, lines: Iterable[str], *, offer: str | None = None, workers: int | None = None
) -> Iterator[Answer]:
    """Yield whether an address may be mailed as things are now, for each line that is not blank, in order.

    `lines` are addresses as people write them and may be endless; `offer` is the offer family that the message would
    have. More than some ten thousand are shared among `workers` processes (None: one for each processor); close the
    iterator to end them early. Blocks: call it in a thread. Raises `errors.NotFound` for an unknown list before
    anything is read, `errors.TryLater` when the store, or a worker, goes away.
    """
    with context.store.read() as tx:
        row = lists.by_name(tx, list_name)
    if row is None:
        raise NotFound(f"there is no list {list_name}; `consentgate list show` names those there are")
    asked = Question(row.advertiser_id, row.id, (), MessageFacts(offer=offer))
    return chain.from_iterable(_answered(context, asked, _chunks(lines), workers or _processors()))


def _answered(context: Context, asked: Question, chunks: Iterator[list[str]], workers: int) -> Iterator[list[Answer]]:
    here = _Desk(context, asked)
    if workers < 2:
        yield from map(here, chunks)
        return
    yield from map(here, islice(chunks, FEW))
    first = next(chunks, None)
    if first is not None:
        with _pool(context.settings, asked, workers) as submit:
            yield from _in_order(submit, chain([first], chunks), AHEAD * workers)


def _chunks(lines: Iterable[str]) -> Iterator[list[str]]:
    written = (text for line in lines if (text := line.strip()))
    while chunk := list(islice(written, CHUNK)):
        yield chunk


def _in_order(
    submit: Callable[[list[str]], Future[list[Answer]]], chunks: Iterator[list[str]], ahead: int
) -> Iterator[list[Answer]]:
    """Yield what comes of the chunks in their order, with at most `ahead` of them under way."""
    waiting = deque(submit(chunk) for chunk in islice(chunks, ahead))
    while waiting:
        done = waiting.popleft().result()
        waiting.extend(submit(chunk) for chunk in islice(chunks, 1))
        yield done


class _Desk:
    """Answers chunks about one list, in one thread."""

    def __init__(self, context: Context, asked: Question) -> None:
        self._context, self._asked = context, asked
        self._catalogue = Catalogue()

    def __call__(self, lines: list[str]) -> list[Answer]:
        read = [_address(line) for line in lines]
        people = tuple(one for one in read if isinstance(one, Address))
        question = Question(self._asked.advertiser_id, self._asked.list, people, self._asked.message)
        [cases] = gather(self._context, [question], clock.now(), self._catalogue)
        found = iter(cases)
        return [
            _invalid(line, one) if isinstance(one, str) else _answer(next(found).facts, one)
            for line, one in zip(lines, read, strict=True)
        ]


@contextmanager
def _pool(settings: Settings, asked: Question, workers: int) -> Iterator[Callable[[list[str]], Future[list[Answer]]]]:
    """Give a function that hands a chunk to one of `workers` processes; they end with the block."""
    # Spawned, not forked: this process may have threads and connections.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (settings, asked))
    try:
        yield lambda chunk: pool.submit(_work, chunk)
    except BrokenProcessPool as error:
        raise TryLater("a process that was asked about a part of the addresses ended; ask again") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_desk: _Desk | None = None  # of a process of the pool


def _begin(settings: Settings, asked: Question) -> None:
    global _desk  # noqa: PLW0603 - what a process of the pool is for
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asked is told, and ends us
    _desk = _Desk(open_context(settings), asked)


def _work(lines: list[str]) -> list[Answer]:
    if _desk is None:
        raise LookupError("a process of the pool was not begun")
    return _desk(lines)


def _address(line: str) -> Address | str:
    try:
        return parse(line)
    except Misuse as error:
        return str(error)


def _invalid(line: str, problem: str) -> Answer:
    return Answer(line, Fate.REFUSE.value, INVALID, "", (), problem)


def _answer(facts: Facts, address: Address) -> Answer:
    verdict = decide(facts)
    return Answer(address.spelled, verdict.fate.value, verdict.code, verdict.rule, verdict.also)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
