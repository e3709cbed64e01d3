"""Verdicts for any number of addresses, as a stream: in this process for a few, on every processor for many.

Bounded memory: a few thousand addresses are under way at a time, whatever the number asked about. The facts are those
of the moment at which each chunk is read.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import NamedTuple

from gateway import clock
from gateway.errors import Misuse, NotFound
from gateway.flow.context import Context
from gateway.flow.crew import Lock, share
from gateway.flow.facts import Question, of_many
from gateway.law.decide import rulings
from gateway.law.facts import MessageFacts
from gateway.law.reasons import Fate, Verdict
from gateway.mail.address import Address, parse
from gateway.store import lists
from gateway.store.catalogue import Catalogue

CHUNK = 1000  # addresses read together; the first answers come after as many lines
INVALID = "INVALID"  # the code of what is no address; there is no such reason in law


class Answer(NamedTuple):
    """One line answered: the address in its normal form, or the line itself with a `problem` and the code INVALID."""

    address: str
    fate: str  # law.reasons.Fate
    code: str
    rule: str
    also: tuple[str, ...] = ()
    problem: str = ""


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
    job = _Job(Question(row.advertiser_id, row.id, (), MessageFacts(offer=offer)))
    return chain.from_iterable(share(context, job, _chunks(lines), workers))


def _chunks(lines: Iterable[str]) -> Iterator[list[str]]:
    written = (text for line in lines if (text := line.strip()))
    while chunk := list(islice(written, CHUNK)):
        yield chunk


@dataclass(frozen=True, slots=True)
class _Job:
    """The question, whoever the people are."""

    asked: Question

    def open(self, context: Context, _lock: Lock) -> Callable[[list[str]], list[Answer]]:
        catalogue = Catalogue()

        def answer(lines: list[str]) -> list[Answer]:
            read = [_address(line) for line in lines]
            people = tuple(one for one in read if isinstance(one, Address))
            now = clock.now()
            verdicts = rulings(*of_many(context, replace(self.asked, recipients=people), now, catalogue), now)
            return [
                _invalid(line, one) if isinstance(one, str) else _answer(next(verdicts), one)
                for line, one in zip(lines, read, strict=True)
            ]

        return answer


def _address(line: str) -> Address | str:
    try:
        return parse(line)
    except Misuse as error:
        return str(error)


def _invalid(line: str, problem: str) -> Answer:
    return Answer(line, Fate.REFUSE.value, INVALID, "", (), problem)


def _answer(verdict: Verdict, address: Address) -> Answer:
    return Answer(address.spelled, verdict.fate.value, verdict.code, verdict.rule, verdict.also)
