"""All that a decision needs to know about people, many of them at once: the way of every message.

A person is asked about more than once within a second: when RCPT is answered, and when the copy leaves. The rows are
read every time; when they are the very same rows, what was made of them is not made again.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Text, bindparam, cast
from sqlalchemy import select as core_select
from sqlmodel import Session

from gateway.law.events import Event, Kind
from gateway.law.facts import Opposition, PersonFacts
from gateway.law.shape import Story
from gateway.store.among import Among
from gateway.store.ledger import EVENTS, counts
from gateway.store.prepared import Convert, Prepared
from gateway.store.rows import table_of
from gateway.store.tables import Contact
from gateway.store.tables import Opposition as OppositionRow

_CONTACTS = table_of(Contact)
_OPPOSITIONS = table_of(OppositionRow)
_KINDS = {kind.value: kind for kind in Kind}
_MOST_ROWS = 8  # of a person, that are kept to be compared; nearly nobody has more


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


@dataclass(frozen=True, slots=True)
class Dossier:
    """What is known: of the person (None: nothing), and the story of events that count and oppositions that stand."""

    contact: Known | None
    story: Story

    @property
    def events(self) -> tuple[Event, ...]:
        """Return the events that count, oldest first."""
        return self.story.person.events if isinstance(self.story.person, PersonFacts) else ()


class _Readers(NamedTuple):
    """What reads a row: of a contact, of an event, of an opposition."""

    contact: Convert
    event: Convert
    opposition: Convert


class Wanted:
    """Whom to look up: `key` is `mail.address.Address.key`, `digests` come from `tokens.Digests.of`.

    One that is `lasting` is for who asks again: as long as the rows are the same, it gets the same dossier. It is used
    in one thread at a time.
    """

    __slots__ = ("_dossier", "_lasting", "_rows", "advertiser_id", "digests", "key")

    def __init__(
        self, advertiser_id: int, key: str, digests: tuple[tuple[int, bytes], ...], *, lasting: bool = False
    ) -> None:
        self.advertiser_id = advertiser_id
        self.key = key
        self.digests = digests
        self._lasting = lasting
        self._rows: tuple[Any, Sequence[Any], Sequence[Any]] | None = None
        self._dossier: Dossier | None = None

    @property
    def digest(self) -> bytes:
        """Return the digest that stands for the person in receipts: of `key`, under the newest version."""
        newest = self.digests[0][0]
        return next(digest for version, digest in reversed(self.digests) if version == newest)

    def dossier(self, contact: Any, events: Sequence[Any], noes: Sequence[Any], readers: _Readers) -> Dossier:  # noqa: ANN401 - rows of any driver
        """Return what the rows say; a contact of None is somebody unknown."""
        if not self._lasting:
            return _dossier(contact, events, noes, readers)
        rows = (contact, events, noes)
        if self._dossier is not None and rows == self._rows:
            return self._dossier
        found = _dossier(contact, events, noes, readers)
        if len(events) + len(noes) <= _MOST_ROWS:
            self._rows, self._dossier = rows, found
        return found


# Pairs of (advertiser, key) would be one statement for all advertisers, but neither database finds its index by them.
# Evidence comes as it was written: values that only compare as equal (1 and true) are not the same to every rule.
_BY_KEY = Prepared(
    core_select(*(_CONTACTS.c[name] for name in Known._fields)).where(
        _CONTACTS.c.advertiser_id == bindparam("advertiser"), Among(_CONTACTS.c.address_key, "keys", "text")
    )
)
_EVENTS_OF = Prepared(
    core_select(
        EVENTS.c.kind,
        EVENTS.c.at,
        EVENTS.c.list_id,
        EVENTS.c.channel,
        EVENTS.c.direct,
        cast(EVENTS.c.evidence, Text),
        EVENTS.c.id,
        EVENTS.c.contact_id,
    ).where(Among(EVENTS.c.contact_id, "ids"), counts(EVENTS))
)
_OPPOSED = Prepared(
    core_select(
        _OPPOSITIONS.c.at, _OPPOSITIONS.c.list_id, _OPPOSITIONS.c.channel, _OPPOSITIONS.c.id, _OPPOSITIONS.c.digest
    ).where(
        _OPPOSITIONS.c.advertiser_id == bindparam("advertiser"),
        Among(_OPPOSITIONS.c.digest, "digests", "digest"),
        _OPPOSITIONS.c.lifted_at.is_(None),
    )
)
_ID, _KEY = Known._fields.index("id"), Known._fields.index("address_key")
_order = attrgetter("at", "id")


def of(tx: Session, wanted: Sequence[Wanted]) -> list[Dossier]:
    """Return a dossier for each of `wanted`, in that order, with three statements for (almost) any number.

    Lifted oppositions and events of undone imports are left out. An opposition is found whether or not the person is.
    People of several advertisers take three more statements for each advertiser.
    """
    found: dict[int, Dossier] = {}
    for advertiser_id, own in _by_advertiser(wanted):
        contacts, read_contact = _BY_KEY.unread(tx, {"advertiser": advertiser_id, "keys": {want.key for want in own}})
        events, read_event = _EVENTS_OF.unread(tx, {"ids": [row[_ID] for row in contacts]})
        noes, read_no = _opposed(tx, advertiser_id, own)
        by_key, by_contact = {row[_KEY]: row for row in contacts}, _by_last(events)
        readers = _Readers(read_contact, read_event, read_no)
        for want in own:
            contact = by_key.get(want.key)
            said = by_contact.get(contact[_ID], ()) if contact else ()
            found[id(want)] = want.dossier(contact, said, _noes(want, noes), readers)
    return [found[id(want)] for want in wanted]


def opposed(tx: Session, wanted: Sequence[Wanted]) -> list[tuple[Opposition, ...]]:
    """Return the oppositions that stand for each of `wanted`, in that order, with one statement for an advertiser."""
    by_advertiser = {number: _opposed(tx, number, own) for number, own in _by_advertiser(wanted)}
    return [
        _oppositions(_noes(want, rows), read) for want in wanted for rows, read in (by_advertiser[want.advertiser_id],)
    ]


def _by_advertiser(wanted: Sequence[Wanted]) -> Iterator[tuple[int, Sequence[Wanted]]]:
    for advertiser_id in {want.advertiser_id for want in wanted}:
        yield advertiser_id, [want for want in wanted if want.advertiser_id == advertiser_id]


def _opposed(tx: Session, advertiser_id: int, wanted: Iterable[Wanted]) -> tuple[Mapping[bytes, list[Any]], Convert]:
    """Return the rows of oppositions by digest, and what reads one."""
    digests = {digest for want in wanted for _, digest in want.digests}
    rows, read = _OPPOSED.unread(tx, {"advertiser": advertiser_id, "digests": digests})
    return _by_last(rows), read


def _by_last(rows: Iterable[Any]) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for row in rows:
        found.setdefault(row[-1], []).append(row)
    return found


def _noes(want: Wanted, rows: Mapping[bytes, list[Any]]) -> Sequence[Any]:
    return [row for _, digest in want.digests for row in rows.get(digest, ())] if rows else ()


def _oppositions(rows: Iterable[Any], read: Convert) -> tuple[Opposition, ...]:
    return tuple([Opposition(*read(row)[:-1]) for row in rows])


def _dossier(contact: Any, events: Sequence[Any], noes: Sequence[Any], readers: _Readers) -> Dossier:  # noqa: ANN401
    oppositions = _oppositions(noes, readers.opposition) if noes else ()
    if contact is None:
        return Dossier(None, Story(None, oppositions))
    known, read = Known._make(readers.contact(contact)), readers.event
    found = [
        Event(_KINDS[kind], at, list_id, channel, direct, json.loads(evidence), number)
        for kind, at, list_id, channel, direct, evidence, number, _ in map(read, events)
    ]
    if len(found) > 1:  # most have one: sorting all of them together would cost the database more
        found.sort(key=_order)
    return Dossier(known, Story(_person(known, tuple(found)), oppositions))


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
