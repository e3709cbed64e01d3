"""From rows to facts: everything that a decision may look at, read in one transaction for many questions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from gateway import clock
from gateway.flow.context import Context
from gateway.law.decide import decide
from gateway.law.facts import (
    AccountFacts,
    AdvertiserFacts,
    Facts,
    ListFacts,
    ListState,
    MessageClass,
    MessageFacts,
    Opposition,
    Origin,
    PersonFacts,
    Regime,
)
from gateway.law.reasons import Verdict
from gateway.mail.address import Address
from gateway.store import people
from gateway.store.catalogue import Catalogue
from gateway.store.group import Group, Inline
from gateway.store.people import Dossier, Known, Wanted
from gateway.store.tables import Account, Advertiser, List
from gateway.store.tx import Tx

PLAIN = MessageFacts()
NOBODY = Dossier(None, (), ())
ITSELF = 0  # the account that the gateway's own letters come from
LINGER = 0.002  # seconds; reading about ten people costs hardly more than reading about one
PATIENCE = 0.005  # seconds, of what no tool waits for


@dataclass(frozen=True, slots=True)
class Question:
    """May these people be written to? `list` is an id or a name.

    `account_id` is None when an administrator asks, `ITSELF` when the gateway does.
    """

    advertiser_id: int
    list: int | str | None
    recipients: tuple[Address, ...]
    message: MessageFacts = PLAIN
    account_id: int | None = None


@dataclass(frozen=True)
class Case:
    """The facts about one recipient, with the rows they were made from."""

    address: Address
    facts: Facts
    advertiser: Advertiser
    list: List | None
    contact: Known | None
    account: Account | None = None
    paused: frozenset[tuple[int, str]] = frozenset()  # list and name of campaigns (flow.campaigns)

    @cached_property
    def verdict(self) -> Verdict:
        """Return what the law says; worked out once, since the same facts always give the same verdict."""
        return decide(self.facts)


class Reader:
    """Answers the questions of one process; those that arrive together are read together.

    SQLite is read on the loop: that takes less than handing the question to a thread and the answer back, and in its
    write-ahead log a reader waits for nobody. A server is asked in a thread.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._catalogue = Catalogue()
        self._snapshots = context.store.snapshots() if context.store.embedded else None
        self._group: Group[Tx, Question, Sequence[Case]] | Inline[Tx, Question, Sequence[Case]] = (
            Inline(self._snapshots.read, self._work, linger=PATIENCE)
            if self._snapshots
            else Group(context.store.read, self._work, linger=LINGER, name="facts")
        )

    async def ask(self, question: Question, *, patient: bool = False) -> Sequence[Case]:
        """Return a case for each recipient, with the facts of this moment; raise `errors.TryLater`.

        `patient`: no tool waits for the answer, so that in a rush it may take some milliseconds more (`store.group`).
        """
        return await self._group.ask(question, patient=patient)

    async def close(self) -> None:
        """Answer what was asked, then stop."""
        await self._group.close()
        if self._snapshots:
            self._snapshots.close()

    def _work(self, tx: Tx, questions: Sequence[Question]) -> list[Sequence[Case]]:
        return _gathered(self._context, tx, questions, clock.now(), self._catalogue)


def gather(
    context: Context, questions: Sequence[Question], now: datetime, catalogue: Catalogue | None = None
) -> list[Sequence[Case]]:
    """Return one case for each recipient of each question, in order; raise `errors.TryLater` when the store is away.

    `catalogue`, which belongs to one thread, saves reading the same few rows again.
    """
    with context.store.read() as tx:
        return _gathered(context, tx, questions, now, catalogue or Catalogue())


def _gathered(
    context: Context, tx: Tx, questions: Sequence[Question], now: datetime, catalogue: Catalogue
) -> list[Sequence[Case]]:
    catalogue.turn_to(tx)
    frames = [_frame(tx, catalogue, question) for question in questions]
    dossiers = iter(people.dossiers(tx, list(_wanted(context, questions))))
    asked = zip(questions, frames, strict=True)
    return [_cases(context, question, frame, dossiers, now) for question, frame in asked]


def of_many(
    context: Context, question: Question, now: datetime, catalogue: Catalogue
) -> tuple[Facts, list[tuple[PersonFacts | None, tuple[Opposition, ...]]]]:
    """Return the facts that the recipients of a question share, and what is known of each, in order: for very many."""
    with context.store.read() as tx:
        catalogue.turn_to(tx)
        frame = _frame(tx, catalogue, question)
        found = people.dossiers(tx, list(_wanted(context, [question])))
    shared = _facts(context, frame, _offered(question.message, frame.list), NOBODY, now)
    return shared, [(_person_facts(dossier), dossier.oppositions) for dossier in found]


def again(case: Case, message: MessageFacts) -> Case:
    """Return the same case about another message: what is known of the person a moment ago is not read twice."""
    offered = _offered(message, case.list)
    return case if offered == case.facts.message else replace(case, facts=replace(case.facts, message=offered))


def _wanted(context: Context, questions: Iterable[Question]) -> Iterator[Wanted]:
    for question in questions:
        for address in question.recipients:
            digests = context.digests.of(question.advertiser_id, address.spelled, address.key)
            yield Wanted(question.advertiser_id, address.key, digests)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What the recipients of a question share: rows that rarely change, and the facts made from them."""

    advertiser: Advertiser
    list: List | None
    account: Account | None
    advertiser_facts: AdvertiserFacts
    list_facts: ListFacts | None
    account_facts: AccountFacts
    paused: frozenset[tuple[int, str]]


def _frame(tx: Tx, catalogue: Catalogue, question: Question) -> _Frame:
    """Return the frame of a question; raise `LookupError` when there is no such advertiser."""
    key = (question.advertiser_id, question.list, question.account_id)
    known = catalogue.derived.get(key)
    if isinstance(known, _Frame):
        return known
    advertiser = catalogue.advertiser(tx, question.advertiser_id)
    if advertiser is None:
        raise LookupError(f"advertiser {question.advertiser_id} is gone")
    account = None if question.account_id is None else catalogue.account(tx, question.account_id)
    row = None if question.list is None else catalogue.list(tx, question.list)
    frame = _Frame(
        advertiser,
        row,
        account,
        _advertiser_facts(advertiser),
        _list_facts(row),
        _account_facts(question, account, row),
        catalogue.paused(tx),
    )
    catalogue.derived[key] = frame
    return frame


def _cases(
    context: Context, question: Question, frame: _Frame, dossiers: Iterator[Dossier], now: datetime
) -> Sequence[Case]:
    message = _offered(question.message, frame.list)
    cases = []
    for address in question.recipients:
        dossier = next(dossiers)
        facts = _facts(context, frame, message, dossier, now)
        cases.append(Case(address, facts, frame.advertiser, frame.list, dossier.contact, frame.account, frame.paused))
    return cases


def _facts(context: Context, frame: _Frame, message: MessageFacts, dossier: Dossier, now: datetime) -> Facts:
    return Facts(
        now=now,
        advertiser=frame.advertiser_facts,
        list=frame.list_facts,
        person=_person_facts(dossier),
        oppositions=dossier.oppositions,
        message=message,
        account=frame.account_facts,
        policy=context.policy,
    )


def _offered(message: MessageFacts, row: List | None) -> MessageFacts:
    """Return the message with its offer family: that of the list, when it has one only and no other is named."""
    only = row.families[0] if row and len(row.families) == 1 else None
    return replace(message, offer=only) if only and message.offer is None else message


def _advertiser_facts(row: Advertiser) -> AdvertiserFacts:
    names = frozenset(name for name in (row.name, row.legal_name, *row.trade_names) if name)
    return AdvertiserFacts(name=row.name, siren=row.siren or None, names=names)


def _account_facts(question: Question, account: Account | None, row: List | None) -> AccountFacts:
    """Return what the account may do: the lists it was given, or all of its advertiser; never those of another one."""
    own = row is None or row.advertiser_id == question.advertiser_id
    if question.account_id in (None, ITSELF):
        return AccountFacts(classes=frozenset(MessageClass), may_use_list=own)
    if account is None:  # gone since it handed the message in
        return AccountFacts(classes=frozenset(), may_use_list=False)
    granted = row is None or not account.list_ids or row.id in account.list_ids or row.id == account.list_id
    classes = frozenset(MessageClass(name) for name in account.classes) or frozenset({MessageClass.PROSPECTING})
    return AccountFacts(classes=classes, may_use_list=own and granted and account.disabled_at is None)


def _list_facts(row: List | None) -> ListFacts | None:
    if row is None:
        return None
    return ListFacts(
        id=row.id,
        regime=Regime(row.regime),
        state=ListState(row.state),
        channels=frozenset(row.channels),
        origin=Origin(row.origin),
        families=frozenset(row.families),
        analogous={family: frozenset(covers) for family, covers in row.analogous.items()},
        guarantee=row.guarantee,
        child_directed=row.child_directed,
    )


def _person_facts(dossier: Dossier) -> PersonFacts | None:
    contact = dossier.contact
    if contact is None:
        return None
    return PersonFacts(
        id=contact.id,
        kind=contact.kind,
        freemail=contact.freemail,
        subject=contact.subject,
        country=contact.country,
        age=contact.age,
        source=contact.source,
        source_name=contact.source_name or None,
        acquired_at=contact.acquired_at,
        restricted=contact.restricted,
        events=dossier.events,
    )
