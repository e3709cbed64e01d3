"""What the holder of an API key says and asks about people: within the grant, in the words of the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway import clock, meters
from gateway.errors import Misuse, NotFound
from gateway.flow import consent, importer, privacy
from gateway.flow.apikeys import Grant
from gateway.flow.consent import CHANNEL, Saying
from gateway.flow.context import Context
from gateway.flow.importrow import Entry
from gateway.law.events import Kind
from gateway.mail.address import parse
from gateway.store import ledger, lists, people
from gateway.store.tables import Contact, Event, List, Opposition
from gateway.store.tx import Tx

ORIGIN = "api"


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a no: whether it is new, and whether anything is known of the person."""

    recorded: bool
    known: bool


@dataclass(frozen=True, slots=True)
class Person:
    """A contact with what the ledger and the oppositions say, as far as the grant goes."""

    contact: Contact
    events: list[tuple[Event, str | None]]
    oppositions: list[tuple[Opposition, str | None]]


def grant(context: Context, by: Grant, list_name: str, values: Mapping[str, object], kind: Kind | None) -> Entry:
    """Record a consent, or what the regime of the list rests on; raise `importrow.RowError` when it is not taken."""
    with context.store.read() as tx:
        row = by.list(tx, list_name)
    if row.state == "closed":
        raise Misuse("the list is closed; nobody is added to it any more")
    return importer.one(context, row, values, by.actor, kind)


def refuse(
    context: Context, by: Grant, address: str, list_name: str | None, kind: Kind, *, reason: str, every_channel: bool
) -> Told:
    """Record a no, and return once nothing more leaves; the person need not be known, and twice is once.

    Without a list it is a no to everything of the advertiser: that is the person's to say, whatever lists the key is
    for.
    """
    parsed = parse(address)
    channel = None if every_channel else CHANNEL
    said = Saying(clock.now(), ORIGIN, by.actor, reason, channel=channel, evidence={"reason": reason} if reason else {})
    with context.store.begin() as tx:
        row = by.list(tx, list_name) if list_name else None
        fresh, person = consent.say_no(context, tx, by.advertiser.id, parsed, row, kind, said)
    if fresh:
        meters.count("opt_outs", ORIGIN)
    if person:
        consent.settle(context, person.id)
    return Told(fresh, person is not None)


def lift(context: Context, by: Grant, address: str, reason: str) -> int:
    """Lift what an address opposes, as the person asked; return how many scopes stood. It makes no consent.

    A key for some lists lifts what stands against these lists only.
    """
    parsed = parse(address)
    said = Saying(clock.now(), ORIGIN, by.actor, reason, evidence={"reason": reason})
    with context.store.begin() as tx:
        every = consent.noes(context, tx, by.advertiser.id, parsed)
        found = [one for one in every if not by.list_ids or one.list_id in by.list_ids]
        return consent.unsay(context, tx, by.advertiser.id, parsed, found, said)


def person(context: Context, by: Grant, address: str) -> Person:
    """Return what is held on a person; raise NotFound for somebody unknown, or unknown to the lists of the key."""
    parsed = parse(address)
    with context.store.read() as tx:
        contact = _contact(tx, by, parsed.key)
        names = {row.id: row.name for row in lists.all(tx, by.advertiser.id)}
        events = [one for one in ledger.of_contact(tx, contact.id) if _within(by, one.list_id)]
        opposed = consent.each_once(consent.noes(context, tx, by.advertiser.id, parsed))
    return Person(
        contact,
        [(one, names.get(one.list_id or 0)) for one in events],
        [(one, names.get(one.list_id or 0)) for one in opposed if _within(by, one.list_id)],
    )


def rectify(context: Context, by: Grant, address: str, changes: Mapping[str, Any], new: str | None) -> list[str]:
    """Correct what is held on a person (GDPR 16), and return which fields changed."""
    said = Saying(clock.now(), ORIGIN, by.actor)
    other = parse(new) if new else None
    with context.store.begin() as tx:
        contact = _contact(tx, by, parse(address).key)
        return privacy.rectify(context, tx, contact, changes, other, said)


def mine(context: Context, by: Grant) -> list[List]:
    """Return the lists within the grant, by name."""
    with context.store.read() as tx:
        return [row for row in lists.all(tx, by.advertiser.id) if by.may_use(row)]


def one_list(context: Context, by: Grant, name: str) -> List:
    """Return one list; raise NotFound."""
    with context.store.read() as tx:
        return by.list(tx, name)


def list_ids(context: Context, by: Grant, names: list[str]) -> frozenset[int]:
    """Return the ids of lists by name, or all those of the key when none is named; raise NotFound."""
    with context.store.read() as tx:
        return frozenset(by.list(tx, name).id for name in names) or by.list_ids


def _within(by: Grant, list_id: int | None) -> bool:
    return not by.list_ids or list_id is None or list_id in by.list_ids


def _contact(tx: Tx, by: Grant, key: str) -> Contact:
    contact = people.find(tx, by.advertiser.id, key)
    if contact is None or (
        by.list_ids and not any(one.list_id in by.list_ids for one in ledger.of_contact(tx, contact.id))
    ):
        raise NotFound("nobody with this address is known")
    return contact
