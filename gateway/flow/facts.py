"""From rows to facts: everything that a decision may look at, read in one transaction for many questions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway import clock
from gateway.flow.context import Context
from gateway.law.facts import (
    AccountFacts,
    AdvertiserFacts,
    Facts,
    ListFacts,
    ListState,
    MessageClass,
    MessageFacts,
    Origin,
    PersonFacts,
    Regime,
)
from gateway.mail.address import Address
from gateway.store import accounts, advertisers, lists, people
from gateway.store.group import Group
from gateway.store.people import Dossier, Wanted
from gateway.store.tables import Account, Advertiser, Contact, List
from gateway.store.tx import Tx

PLAIN = MessageFacts()


@dataclass(frozen=True, slots=True)
class Question:
    """May these people be written to? `account_id` is None when an administrator asks; `list` is an id or a name."""

    advertiser_id: int
    list: int | str | None
    recipients: tuple[Address, ...]
    message: MessageFacts = PLAIN
    account_id: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """The facts about one recipient, with the rows they were made from."""

    address: Address
    facts: Facts
    advertiser: Advertiser
    list: List | None
    contact: Contact | None


class Reader:
    """Answers the questions of one process; those that arrive together are read together."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._group: Group[Question, Sequence[Case]] = Group(self._work, name="facts")

    async def ask(self, question: Question) -> Sequence[Case]:
        """Return a case for each recipient, with the facts of this moment; raise `errors.TryLater`."""
        return await self._group.ask(question)

    async def close(self) -> None:
        """Answer what was asked, then stop."""
        await self._group.close()

    def _work(self, questions: Sequence[Question]) -> list[Sequence[Case]]:
        return list(gather(self._context, questions, clock.now()))


def gather(context: Context, questions: Sequence[Question], now: datetime) -> Sequence[Sequence[Case]]:
    """Return one case for each recipient of each question, in order; raise `errors.TryLater` when the store is away."""
    with context.store.read() as tx:
        rows = _Rows(tx, questions)
        dossiers = iter(people.dossiers(tx, list(_wanted(context, questions))))
        return [_cases(context, question, rows, dossiers, now) for question in questions]


def _wanted(context: Context, questions: Iterable[Question]) -> Iterator[Wanted]:
    for question in questions:
        for address in question.recipients:
            digests = context.digests.of(question.advertiser_id, address.spelled, address.key)
            yield Wanted(question.advertiser_id, address.key, digests)


class _Rows:
    """The few rows that all recipients of a batch share, each read once."""

    def __init__(self, tx: Tx, questions: Sequence[Question]) -> None:
        self.advertisers = {key: advertisers.get(tx, key) for key in {question.advertiser_id for question in questions}}
        self.accounts = {
            key: accounts.get(tx, key) for key in {question.account_id for question in questions} if key is not None
        }
        self.lists = {
            key: lists.get(tx, key) if isinstance(key, int) else lists.by_name(tx, key)
            for key in {question.list for question in questions}
            if key is not None
        }

    def advertiser(self, question: Question) -> Advertiser:
        row = self.advertisers[question.advertiser_id]
        if row is None:
            raise LookupError(f"advertiser {question.advertiser_id} is gone")
        return row

    def account(self, question: Question) -> Account | None:
        return None if question.account_id is None else self.accounts[question.account_id]

    def list(self, question: Question) -> List | None:
        return None if question.list is None else self.lists[question.list]


def _cases(
    context: Context, question: Question, rows: _Rows, dossiers: Iterator[Dossier], now: datetime
) -> Sequence[Case]:
    advertiser, row = rows.advertiser(question), rows.list(question)
    account = _account_facts(rows.account(question), question.advertiser_id, row)
    controller = _advertiser_facts(advertiser)
    list_facts = _list_facts(row)
    cases = []
    for address in question.recipients:
        dossier = next(dossiers)
        facts = Facts(
            now=now,
            advertiser=controller,
            list=list_facts,
            person=_person_facts(dossier),
            oppositions=dossier.oppositions,
            message=_offered(question.message, row),
            account=account,
            policy=context.policy,
        )
        cases.append(Case(address, facts, advertiser, row, dossier.contact))
    return cases


def _offered(message: MessageFacts, row: List | None) -> MessageFacts:
    """Return the message with its offer family: that of the list, when it has one only and no other is named."""
    only = row.families[0] if row and len(row.families) == 1 else None
    return replace(message, offer=only) if only and message.offer is None else message


def _advertiser_facts(row: Advertiser) -> AdvertiserFacts:
    names = frozenset(name for name in (row.name, row.legal_name, *row.trade_names) if name)
    return AdvertiserFacts(name=row.name, siren=row.siren or None, names=names)


def _account_facts(account: Account | None, advertiser_id: int, row: List | None) -> AccountFacts:
    """Return what the account may do: the lists it was given, or all of its advertiser; never those of another one."""
    own = row is None or row.advertiser_id == advertiser_id
    if account is None:
        return AccountFacts(classes=frozenset(MessageClass), may_use_list=own)
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
