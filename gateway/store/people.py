"""The contacts, and all that a decision needs to know about many of them at once."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from psycopg.errors import UniqueViolation
from sqlalchemy import bindparam, delete, update
from sqlalchemy import select as core_select
from sqlmodel import Session, col, select

from gateway.law.events import Event, Kind
from gateway.law.facts import Opposition, PersonFacts
from gateway.law.shape import Story
from gateway.store.among import Among
from gateway.store.bulk import NOTHING, Bulk
from gateway.store.ledger import EVENTS, counts
from gateway.store.prepared import Prepared
from gateway.store.rows import keep, table_of
from gateway.store.tables import Contact
from gateway.store.tables import Opposition as OppositionRow

_CONTACTS = table_of(Contact)
_OPPOSITIONS = table_of(OppositionRow)
_KINDS = {kind.value: kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom to look up: `key` is `mail.address.Address.key`, `digests` come from `tokens.Digests.of`."""

    advertiser_id: int
    key: str
    digests: tuple[tuple[int, bytes], ...]


class Known(NamedTuple):
    """What a decision and a mention need to know of a contact (`tables.Contact`), without the cost of an object."""

    id: int
    address_key: str
    company: str
    function: str
    kind: str
    freemail: bool
    subject: str
    country: str | None
    language: str
    age: str
    source: str
    source_name: str
    acquired_at: datetime | None
    restricted: bool


class Named(NamedTuple):
    """Who a number stands for, and where they are reached."""

    id: int
    advertiser_id: int
    address: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """What is known: of the person (None: nothing), and the story of events that count and oppositions that stand."""

    contact: Known | None
    story: Story

    @property
    def events(self) -> tuple[Event, ...]:
        """Return the events that count, oldest first."""
        return self.story.person.events if isinstance(self.story.person, PersonFacts) else ()


def find(tx: Session, advertiser_id: int, key: str) -> Contact | None:
    """Return an advertiser's contact by address key."""
    query = select(Contact).where(Contact.advertiser_id == advertiser_id, Contact.address_key == key)
    return tx.exec(query).first()


def get(tx: Session, number: int) -> Contact | None:
    """Return the contact with that id."""
    return tx.get(Contact, number)


def add(tx: Session, row: Contact) -> Contact:
    """Write a new contact; raise `errors.Misuse` when the advertiser has one with that address."""
    return keep(tx, row, "the advertiser already has a contact with that address")


def save(tx: Session, row: Contact) -> Contact:
    """Write the changes made to a row; raise `errors.Misuse` when the advertiser has another with its new address."""
    return keep(tx, row, "the advertiser already has a contact with that address")


def remove(tx: Session, ids: Sequence[int]) -> int:
    """Delete contacts, and return how many there were. Their events, receipts and oppositions are not touched."""
    return tx.connection().execute(_REMOVE, {"ids": ids}).rowcount


def of_list(tx: Session, list_id: int, after: int, limit: int) -> list[Contact]:
    """Return at most `limit` contacts with ids above `after` who have an event on the list, in ascending order."""
    numbers = (
        core_select(EVENTS.c.contact_id)
        .join(_CONTACTS, _CONTACTS.c.id == EVENTS.c.contact_id)  # an erased person would leave a hole in the page
        .where(EVENTS.c.list_id == list_id, EVENTS.c.contact_id > after, counts(EVENTS))
        .distinct()
        .order_by(EVENTS.c.contact_id)
        .limit(limit)
    )
    return list(tx.exec(select(Contact).where(col(Contact.id).in_(numbers)).order_by(col(Contact.id))))


def of_advertiser(tx: Session, advertiser_id: int, after: int, limit: int) -> list[Contact]:
    """Return at most `limit` contacts of an advertiser with ids above `after`, in ascending order."""
    query = select(Contact).where(Contact.advertiser_id == advertiser_id, Contact.id > after)
    return list(tx.exec(query.order_by(col(Contact.id)).limit(limit)))


# ---- many at once: the way of every message

# Pairs of (advertiser, key) would be one statement for all advertisers, but neither database finds its index by them.
_BY_KEY = Prepared(
    core_select(*(_CONTACTS.c[name] for name in Known._fields)).where(
        _CONTACTS.c.advertiser_id == bindparam("advertiser"), Among(_CONTACTS.c.address_key, "keys", "text")
    )
)
_EVENTS_OF = Prepared(
    core_select(
        EVENTS.c.contact_id,
        EVENTS.c.kind,
        EVENTS.c.at,
        EVENTS.c.list_id,
        EVENTS.c.channel,
        EVENTS.c.direct,
        EVENTS.c.evidence,
        EVENTS.c.id,
    ).where(Among(EVENTS.c.contact_id, "ids"), counts(EVENTS))
)
_order = attrgetter("at", "id")
_OPPOSED = Prepared(
    core_select(
        _OPPOSITIONS.c.digest,
        _OPPOSITIONS.c.at,
        _OPPOSITIONS.c.list_id,
        _OPPOSITIONS.c.channel,
        _OPPOSITIONS.c.id,
    ).where(
        _OPPOSITIONS.c.advertiser_id == bindparam("advertiser"),
        Among(_OPPOSITIONS.c.digest, "digests", "digest"),
        _OPPOSITIONS.c.lifted_at.is_(None),
    )
)
_NAMED = Prepared(core_select(*(_CONTACTS.c[name] for name in Named._fields)).where(Among(_CONTACTS.c.id, "ids")))
_REMOVE = delete(_CONTACTS).where(Among(_CONTACTS.c.id, "ids"))


def named(tx: Session, ids: Collection[int]) -> dict[int, Named]:
    """Return the people with those numbers; who was erased is missing."""
    return {row.id: row for row in (Named(*values) for values in _NAMED(tx, {"ids": ids}))}


def dossiers(tx: Session, wanted: Sequence[Wanted]) -> list[Dossier]:
    """Return a dossier for each of `wanted`, in that order, with three statements for (almost) any number.

    Lifted oppositions and events of undone imports are left out. An opposition is found whether or not the person is.
    People of several advertisers take two more statements for each advertiser.
    """
    contacts: dict[tuple[int, str], Known] = {}
    for advertiser_id, own in _by_advertiser(wanted):
        contacts |= _contacts(tx, advertiser_id, own)
    events = events_of(tx, [contact.id for contact in contacts.values()])
    found = []
    for want, noes in zip(wanted, opposed(tx, wanted), strict=True):
        contact = contacts.get((want.advertiser_id, want.key))
        person = _person(contact, tuple(events.get(contact.id, ()))) if contact else None
        found.append(Dossier(contact, Story(person, noes)))
    return found


def _person(contact: Known, events: tuple[Event, ...]) -> PersonFacts:
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
        events=events,
    )


def opposed(tx: Session, wanted: Sequence[Wanted]) -> list[tuple[Opposition, ...]]:
    """Return the oppositions that stand for each of `wanted`, in that order, with one statement for an advertiser."""
    rows: dict[tuple[int, bytes], list[Opposition]] = {}
    for advertiser_id, own in _by_advertiser(wanted):
        rows |= _opposed(tx, advertiser_id, own)
    if not rows:
        return [()] * len(wanted)
    return [
        tuple([row for _, digest in want.digests for row in rows.get((want.advertiser_id, digest), ())])
        for want in wanted
    ]


def _by_advertiser(wanted: Sequence[Wanted]) -> Iterator[tuple[int, Sequence[Wanted]]]:
    for advertiser_id in {want.advertiser_id for want in wanted}:
        yield advertiser_id, [want for want in wanted if want.advertiser_id == advertiser_id]


def _contacts(tx: Session, advertiser_id: int, wanted: Iterable[Wanted]) -> dict[tuple[int, str], Known]:
    keys = {want.key for want in wanted}
    rows = _BY_KEY(tx, {"advertiser": advertiser_id, "keys": keys})
    return {(advertiser_id, row.address_key): row for row in map(Known._make, rows)}


def _opposed(tx: Session, advertiser_id: int, wanted: Iterable[Wanted]) -> dict[tuple[int, bytes], list[Opposition]]:
    digests = {digest for want in wanted for _, digest in want.digests}
    rows = _OPPOSED(tx, {"advertiser": advertiser_id, "digests": digests})
    found: dict[tuple[int, bytes], list[Opposition]] = {}
    for digest, at, list_id, channel, number in rows:
        found.setdefault((advertiser_id, digest), []).append(Opposition(at, list_id, channel, number))
    return found


def events_of(tx: Session, ids: Collection[int]) -> dict[int, list[Event]]:
    """Return the events that count of each of these people, oldest first."""
    found: dict[int, list[Event]] = {}
    for contact_id, kind, *rest in _EVENTS_OF(tx, {"ids": ids}):
        found.setdefault(contact_id, []).append(Event(_KINDS[kind], *rest))
    for events in found.values():  # most have one: sorting all of them together would cost the database more
        if len(events) > 1:
            events.sort(key=_order)
    return found


# ---- people who come by the thousand

_insert = Bulk(Contact)
_TRIES = 5
# What a later import may complete, and what stands there while it is not known.
_FILLED: Mapping[str, str | None] = {
    "name": "",
    "company": "",
    "function": "",
    "language": "",
    "source_name": "",
    "subject": "unknown",
    "country": None,
    "age": "unknown",
}
_KNOWN = Prepared(
    core_select(_CONTACTS.c.address_key, _CONTACTS.c.id, *(_CONTACTS.c[name] for name in _FILLED)).where(
        _CONTACTS.c.advertiser_id == bindparam("advertiser"), Among(_CONTACTS.c.address_key, "keys", "text")
    )
)
_FILL = Prepared(
    update(_CONTACTS)
    .where(_CONTACTS.c.id == bindparam("number"))
    .values({name: bindparam(f"new_{name}") for name in _FILLED})
)


def upsert_many(tx: Session, rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any] = NOTHING) -> dict[str, int]:
    """Write the people of one advertiser and return the id of each by address key.

    A row is a mapping of column names with a fresh `id`, `common` what all rows say. Somebody known keeps their id and
    everything known of them; only what was not known is filled in (`_FILLED`). Of two rows with one key the first
    counts.
    """
    fresh: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        fresh.setdefault(row["address_key"], row)
    known: dict[str, Sequence[Any]] = {}
    for left in reversed(range(_TRIES if fresh else 0)):
        known = _known(tx, common.get("advertiser_id") or rows[0]["advertiser_id"], fresh)
        try:
            with tx.begin_nested():
                _insert(tx, [row for key, row in fresh.items() if key not in known], common)
        except UniqueViolation:  # another node has written somebody meanwhile, who is known now
            if not left:
                raise
        else:
            break
    _fill(tx, fresh, known)
    return {key: known[key][0] if key in known else row["id"] for key, row in fresh.items()}


def _known(tx: Session, advertiser_id: int, keys: Collection[str]) -> dict[str, Sequence[Any]]:
    """Return the id, and what may be filled in, of those of `keys` who are known."""
    return {key: rest for key, *rest in _KNOWN(tx, {"advertiser": advertiser_id, "keys": keys})}


def _fill(tx: Session, fresh: Mapping[str, Mapping[str, Any]], known: Mapping[str, Sequence[Any]]) -> None:
    changes = []
    for key, (number, *held) in known.items():
        row = fresh[key]
        new = [
            row.get(name) or unknown if value == unknown else value
            for (name, unknown), value in zip(_FILLED.items(), held, strict=True)
        ]
        if new != held:
            changes.append({"number": number} | {f"new_{name}": text for name, text in zip(_FILLED, new, strict=True)})
    _FILL.each(tx, changes)
