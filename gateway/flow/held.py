"""What is held on the person behind a link, and why: kinds and reasons, never the data themselves (GDPR 12(6)).

A link may be in strange hands, because messages are forwarded. So this names categories, sources, texts and clocks;
who wants the data asks for a copy, which goes through the mailbox (`flow.rights`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from gateway import clock
from gateway.flow import asof, recipients, scene
from gateway.flow.context import Context
from gateway.flow.facts import Case, Question, gather
from gateway.flow.scene import Imprint, Scene
from gateway.law.clocks import add_years, day
from gateway.law.events import Kind
from gateway.law.facts import Regime
from gateway.law.matter import Matter
from gateway.law.regimes import NOTHING
from gateway.mail.address import parse
from gateway.store import ledger, lists, receipts, requests
from gateway.store.records import Notice, Request
from gateway.store.tables import Contact, Event, List
from gateway.store.tx import Tx
from gateway.tokens import Link

TRAITS = ("name", "company", "function", "language", "country")  # of a contact, beside the address
_BASES = {Kind.GRANTED: "consent", Kind.SOLD: "customer"}


@dataclass(frozen=True, slots=True)
class Ground:
    """One list that the person is on: what the mail rests on ("" for nothing that holds), and since when."""

    title: str
    basis: str  # consent, customer, professional, generic, informed
    since: datetime | None
    form: str  # where a consent was given


@dataclass(frozen=True, slots=True)
class ShownText:
    """A text that was shown to the person: when, and its words by language where we have them."""

    at: datetime
    words: dict[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: which right, since when, until when it must be answered, how it ended ("" while it is open)."""

    right: str
    at: datetime
    due: datetime
    outcome: str
    waits: bool  # for the confirmation through the mailbox


@dataclass(frozen=True, slots=True)
class Held:
    """What the page about the data shows. `gone` means that nothing is held but the refusal's digest."""

    imprint: Imprint
    timezone: str
    gone: bool = True
    grounds: Sequence[Ground] = ()
    traits: Sequence[str] = ()  # of `TRAITS`, those that are known
    source: str = "direct"
    source_name: str = ""
    acquired: datetime | None = None
    texts: Sequence[ShownText] = ()
    messages: int = 0
    partners: Sequence[str] = ()
    until: date | None = None  # retention ends with this day
    restricted: bool = False
    requests: Sequence[Asked] = ()


def held(context: Context, link: Link) -> Held | None:
    """Return what is held on the person behind a link; None as `optout.Desk.page` says it. Blocks, changes nothing."""
    with context.store.read() as tx:
        found = scene.find(tx, link)
        rows = lists.all(tx, found.advertiser.id) if found else []
    if found is None:
        return None
    if found.contact is None:
        return Held(found.imprint, context.policy.timezone)
    address, now = parse(found.contact.address), clock.now()
    answers = gather(context, [Question(found.advertiser.id, row.id, (address,)) for row in rows], now)
    cases = [(row, answer[0]) for row, answer in zip(rows, answers, strict=True)]
    with context.store.read() as tx:
        return _held(context, tx, found, found.contact, cases)


def _held(context: Context, tx: Tx, found: Scene, contact: Contact, cases: Sequence[tuple[List, Case]]) -> Held:
    events = ledger.of_contact(tx, contact.id)
    on = {one.list_id for one in events}
    return Held(
        found.imprint,
        context.policy.timezone,
        gone=False,
        grounds=[_ground(row, Matter(case.facts)) for row, case in cases if row.id in on],
        traits=[name for name in TRAITS if getattr(contact, name)],
        source=contact.source,
        source_name=contact.source_name,
        acquired=contact.acquired_at,
        texts=_texts(tx, found.advertiser.id, events),
        messages=receipts.delivered(tx, contact.id),
        partners=sorted({one.partner for one in recipients.of_contact(tx, contact.id)}),
        until=_until(context, contact, [Matter(case.facts) for _, case in cases]),
        restricted=contact.restricted,
        requests=[_asked(one) for one in requests.of_contact(tx, contact.id)],
    )


def _ground(row: List, matter: Matter) -> Ground:
    """Return what the list rests on, an opt-out left aside: why somebody was written to is asked after it, too."""
    basis = matter.basis or next((one for one in (*matter.consents, matter.own_regime) if one and not one.failed), None)
    title = row.title or row.name
    if basis is None:
        return Ground(title, "", None, "")
    if basis.event is NOTHING:  # the address itself is enough: it is that of a legal person
        return Ground(title, "generic", None, "")
    told = "professional" if row.regime == Regime.PROFESSIONAL else "informed"
    return Ground(title, _BASES.get(basis.event.kind, told), basis.event.at, str(basis.event.evidence.get("form", "")))


def _texts(tx: Tx, advertiser_id: int, events: Sequence[Event]) -> list[ShownText]:
    """Return the texts that the evidence names, the latest first, each once."""
    first: dict[str, datetime] = {}
    for event in events:
        for name in asof.texts_of(event.evidence):
            first.setdefault(name, event.at)
    notices: dict[str, list[Notice]] = {}
    for one in asof.shown(tx, advertiser_id, list(first)):
        notices.setdefault(f"{one.name}/{one.version}", []).append(one)
    told = [ShownText(at, {one.language: one.text for one in notices.get(name, ())}) for name, at in first.items()]
    return sorted(told, key=lambda one: one.at, reverse=True)


def _until(context: Context, contact: Contact, matters: Sequence[Matter]) -> date:
    """Return the day with which retention ends (`flow.retention`), if nothing comes from the person until then."""
    policy = context.policy
    limits = [matter.limit for matter in matters if matter.limit]
    return max(limits) if limits else add_years(day(contact.created_at, policy.timezone), policy.prospect_years)


def _asked(row: Request) -> Asked:
    waits = row.link_until is not None and row.confirmed_at is None and row.closed_at is None
    return Asked(row.right, row.received_at, row.due_at, row.outcome, waits)
