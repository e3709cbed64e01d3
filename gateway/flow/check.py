"""Dry runs, through the very code that sends: who may be written to, and what would leave."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from gateway import clock
from gateway.errors import NotFound
from gateway.flow import judge, rows
from gateway.flow.checks import Caution, cautions
from gateway.flow.context import Context
from gateway.flow.copyist import Copyist
from gateway.flow.facts import Question, gather
from gateway.flow.gate import Draft
from gateway.flow.intake import Intake, Refusal
from gateway.flow.judge import Decided
from gateway.flow.signing import Keys
from gateway.law.decide import Step, explain
from gateway.law.facts import MessageFacts
from gateway.law.reasons import Verdict
from gateway.mail.address import Address
from gateway.mail.rewrite import Plan
from gateway.store import lists
from gateway.store.spool import Handed
from gateway.store.tables import List

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Inspected:
    """One recipient of a dry run: the verdict, its sentence, and the copy that would leave (None: none would).

    `cautions` are those of the message, the same for every recipient.
    """

    decided: Decided
    sentence: str
    copy: bytes | None
    cautions: tuple[Caution, ...] = ()


def check(
    context: Context, list_name: str, people: Iterable[Address], *, offer: str | None = None
) -> Iterator[tuple[Address, Verdict]]:
    """Yield a verdict for each address, in order, reading as it goes; raise `errors.NotFound` for an unknown list.

    `offer` is the offer family that the message would have.
    """
    row = _list(context, list_name)
    stream = iter(people)
    while chunk := tuple(islice(stream, CHUNK)):
        [cases] = gather(context, [_question(row, chunk, offer)], clock.now())
        yield from ((case.address, case.verdict) for case in cases)


def steps(context: Context, list_name: str, address: Address) -> Sequence[Step]:
    """Return every rule in order with what it found about this person and list."""
    row = _list(context, list_name)
    [[case]] = gather(context, [_question(row, (address,), None)], clock.now())
    return explain(case.facts)


def _question(row: List, people: tuple[Address, ...], offer: str | None) -> Question:
    return Question(row.advertiser_id, row.id, people, MessageFacts(offer=offer))


def inspect(context: Context, draft: Draft, content: bytes) -> Sequence[Inspected]:
    """Return for each recipient of the draft what would happen to the message, and why. Nothing is kept."""
    opened = judge.opening(context, draft, content)
    [cases] = gather(context, [opened.question], clock.now())
    keys, copyist = context.signing.read(opened.question.advertiser_id), Copyist(context)
    decided, wrong = judge.closing(draft, opened, cases, keys)
    taken = opened.taken
    told: tuple[Caution, ...] = ()
    if wrong is None and isinstance(taken, Intake):
        wrapped = isinstance(opened.plan, Plan) and opened.plan.wrapped
        told = tuple(cautions(taken, opened.fields, content, context.sectors, wrapped=wrapped))
    return [Inspected(one, one.reply(0).text, _copy(copyist, opened, draft, one, keys), told) for one in decided]


def _copy(copyist: Copyist, opened: judge.Opening, draft: Draft, one: Decided, keys: Keys) -> bytes | None:
    """Return the copy as delivery writes it, of a parcel that has no number: 0."""
    if not one.passes or isinstance(opened.taken, Refusal):
        return None
    handed = Handed(id=0, **rows.submission(draft, one.case, opened.taken, opened.content, opened.missing, None))
    return keys.signed(copyist.written(handed, opened.plan, one.case, one.verdict, parcel=0))


def _list(context: Context, name: str) -> List:
    with context.store.read() as tx:
        row = lists.by_name(tx, name)
    if row is None:
        raise NotFound(f"there is no list {name}; `consentgate list show` names those there are")
    return row
