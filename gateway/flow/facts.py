"""From rows to facts: everything that a decision may look at, read in one transaction for many questions."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

from gateway import clock
from gateway.flow.context import Context
from gateway.law.clocks import day
from gateway.law.decide import ruling
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
    Unread,
)
from gateway.law.reasons import Verdict
from gateway.law.shape import Setting, Story, told
from gateway.mail.address import Address
from gateway.store import dossiers
from gateway.store.catalogue import Catalogue
from gateway.store.dossiers import Dossier, Known, Wanted
from gateway.store.group import Group, Inline
from gateway.store.tables import Account, Advertiser, List
from gateway.store.tx import Tx

PLAIN = {klass: MessageFacts(klass) for klass in MessageClass}  # what is asked about before the message is known
MOST_KEPT = 2000  # people
KEPT = timedelta(minutes=1)
LONG_AGO = datetime.min.replace(tzinfo=UTC)  # what is not about a moment
MOST_SETTINGS = 100  # of one frame: tools may name any offer
ITSELF = 0  # the account that the gateway's own letters come from
LINGER = 0.002  # seconds; reading about ten people costs hardly more than reading about one
Look: TypeAlias = Callable[[Context, int, Address], Wanted]  # whom to look up, by advertiser and address
PATIENCE = 0.005  # seconds, of what no tool waits for


@dataclass(frozen=True, slots=True)
class Question:
    """May these people be written to? `list` is an id or a name.

    `account_id` is None when an administrator asks, `ITSELF` when the gateway does.
    """

    advertiser_id: int
    list: int | str | None
    recipients: tuple[Address, ...]
    message: MessageFacts = PLAIN[MessageClass.PROSPECTING]
    account_id: int | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """What the recipients of a question share: rows that rarely change, and the facts made from them."""

    advertiser: Advertiser
    list: List | None
    account: Account | None
    paused: frozenset[tuple[int, str]]  # list and name of campaigns (flow.campaigns)
    nobody: Facts  # everything but the message and the person
    settings: dict[tuple[MessageFacts, date], Setting] = field(default_factory=dict)

    def setting(self, message: MessageFacts, today: date) -> Setting:
        """Return the setting of a message on one day; when it names no offer family, it offers the list's only one."""
        found = self.settings.get((message, today))
        if found is None:
            if len(self.settings) >= MOST_SETTINGS:
                self.settings.clear()
            facts = replace(self.nobody, message=_offered(message, self.list))
            found = self.settings[message, today] = Setting(facts, today)
        return found


@dataclass(frozen=True, slots=True)
class Case:
    """One recipient, with all that a decision may look at and the rows it was made from."""

    address: Address
    frame: Frame
    setting: Setting
    wanted: Wanted
    dossier: Dossier
    now: datetime

    @property
    def facts(self) -> Facts:
        """Return the facts in full."""
        return told(self.setting, self.dossier.story, self.now)

    @property
    def verdict(self) -> Verdict:
        """Return what the law says."""
        return ruling(self.setting, self.dossier.story, self.now)

    @property
    def message(self) -> MessageFacts:
        """Return what the message claims and offers."""
        return self.setting.facts.message

    @property
    def person(self) -> PersonFacts | Unread | None:
        """Return the person as the law sees them."""
        return self.dossier.story.person

    @property
    def contact(self) -> Known | None:
        """Return what else is known of the person."""
        return self.dossier.contact

    @property
    def advertiser(self) -> Advertiser:
        """Return on whose behalf the message is sent."""
        return self.frame.advertiser

    @property
    def list(self) -> List | None:
        """Return the list, None when none is named."""
        return self.frame.list

    @property
    def account(self) -> Account | None:
        """Return the account that asks, None when no tool does."""
        return self.frame.account

    def about(self, message: MessageFacts) -> "Case":
        """Return the same case about another message: what is known of the person a moment ago is not read twice."""
        setting = self.frame.setting(message, self.setting.today)
        if setting is self.setting:
            return self
        return Case(self.address, self.frame, setting, self.wanted, self.dossier, self.now)


class Lately:
    """The people asked about once of late: most are asked about a second time, when their copy leaves.

    Nothing is answered from here: what was made of their rows is used again if the second reading finds the same rows.
    """

    def __init__(self) -> None:
        self._since = LONG_AGO
        self._once: dict[tuple[int, str, str], Wanted] = {}

    def turn_to(self, now: datetime) -> None:
        """Forget those whose copy did not follow."""
        if len(self._once) >= MOST_KEPT or not timedelta(0) <= now - self._since < KEPT:
            self._once, self._since = {}, now

    def wanted(self, context: Context, advertiser_id: int, address: Address) -> Wanted:
        """Return whom to look up."""
        key = (advertiser_id, address.local, address.domain)
        found = self._once.pop(key, None)
        if found is None:
            found = self._once[key] = _wanted(context, advertiser_id, address, lasting=True)
        return found


class Reader:
    """Answers the questions of one process; those that arrive together are read together.

    SQLite is read on the loop: that takes less than handing the question to a thread and the answer back, and in its
    write-ahead log a reader waits for nobody. A server is asked in a thread.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._catalogue = Catalogue()
        self._lately = Lately()
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
        now = clock.now()
        self._lately.turn_to(now)
        return _gathered(self._context, tx, questions, now, self._catalogue, self._lately.wanted)


def gather(
    context: Context, questions: Sequence[Question], now: datetime, catalogue: Catalogue | None = None
) -> list[Sequence[Case]]:
    """Return one case for each recipient of each question, in order; raise `errors.TryLater` when the store is away.

    `catalogue`, which belongs to one thread, saves reading the same few rows again.
    """
    with context.store.read() as tx:
        return _gathered(context, tx, questions, now, catalogue or Catalogue(), _wanted)


def _gathered(
    context: Context, tx: Tx, questions: Sequence[Question], now: datetime, catalogue: Catalogue, look: Look
) -> list[Sequence[Case]]:
    catalogue.turn_to(tx)
    today = day(now, context.policy.timezone)
    frames = [_frame(context, tx, catalogue, question) for question in questions]
    wanted = [look(context, one.advertiser_id, address) for one in questions for address in one.recipients]
    found = iter(zip(wanted, dossiers.of(tx, wanted), strict=True))
    cases: list[Sequence[Case]] = []
    for question, frame in zip(questions, frames, strict=True):
        setting = frame.setting(question.message, today)
        cases.append([Case(address, frame, setting, *next(found), now) for address in question.recipients])
    return cases


def of_many(
    context: Context, question: Question, now: datetime, catalogue: Catalogue
) -> tuple[Setting, Iterator[Story]]:
    """Return the setting of a question and the story of each recipient, in order: for very many."""
    with context.store.read() as tx:
        catalogue.turn_to(tx)
        frame = _frame(context, tx, catalogue, question)
        wanted = [_wanted(context, question.advertiser_id, address) for address in question.recipients]
        found = dossiers.of(tx, wanted)
    return frame.setting(question.message, day(now, context.policy.timezone)), (one.story for one in found)


def _wanted(context: Context, advertiser_id: int, address: Address, *, lasting: bool = False) -> Wanted:
    key = address.key
    return Wanted(advertiser_id, key, context.digests.of(advertiser_id, address.spelled, key), lasting=lasting)


def _frame(context: Context, tx: Tx, catalogue: Catalogue, question: Question) -> Frame:
    """Return the frame of a question; raise `LookupError` when there is no such advertiser."""
    key = (question.advertiser_id, question.list, question.account_id)
    known = catalogue.derived.get(key)
    if isinstance(known, Frame):
        return known
    advertiser = catalogue.advertiser(tx, question.advertiser_id)
    if advertiser is None:
        raise LookupError(f"advertiser {question.advertiser_id} is gone")
    account = None if question.account_id is None else catalogue.account(tx, question.account_id)
    row = None if question.list is None else catalogue.list(tx, question.list)
    nobody = Facts(
        now=LONG_AGO,
        advertiser=_advertiser_facts(advertiser),
        list=_list_facts(row),
        person=None,
        account=_account_facts(question, account, row),
        policy=context.policy,
    )
    frame = catalogue.derived[key] = Frame(advertiser, row, account, catalogue.paused(tx), nobody)
    return frame


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
