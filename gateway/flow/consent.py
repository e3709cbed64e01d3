"""What people and administrators say about consent, written to the ledger and, for every no, to the oppositions.

A no is two things: an event, which goes when the person is erased, and an opposition, which stays (docs/glossary.md).
An opt-out is acknowledged only when it is durable *and* no copy to that person is in the hands of a courier any more.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from gateway import clock
from gateway.errors import NotFound, TryLater
from gateway.flow.context import Context
from gateway.law.events import Kind
from gateway.law.facts import Opposition as Standing
from gateway.mail.address import Address, parse
from gateway.store import bursts, dossiers, ledger, oppositions, people, spool
from gateway.store.dossiers import Dossier, Wanted
from gateway.store.tables import Advertiser, Contact, List, Opposition
from gateway.store.tx import Tx

CHANNEL = "email"
BY_LINK = frozenset({"one-click", "page"})
OWN = BY_LINK | {"mailto"}  # how people themselves say no
AGREEMENTS = frozenset({Kind.GRANTED, Kind.CONFIRMED})
NOBODY = 0  # the contact of an event about an address that no contact has
UNDER_WAY = "your choice is recorded, but a message to you is being handed over at this very moment"
PATIENCE = 20.0  # seconds an acknowledgement waits for copies already in a courier's hands


@dataclass(frozen=True, slots=True)
class Saying:
    """One thing said: when, through what (`one-click`, `page`, `cli` …), by whom, with which evidence.

    `direct` is False when a third party reports it. `channel` None means every channel.
    """

    at: datetime
    origin: str
    actor: str = ""
    reason: str = ""
    direct: bool = True
    channel: str | None = CHANNEL
    evidence: Mapping[str, Any] | None = None


class Person(Protocol):
    """Somebody known: a contact, or what was read of one."""

    @property
    def id(self) -> int: ...  # noqa: D102
    @property
    def advertiser_id(self) -> int: ...  # noqa: D102
    @property
    def address(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class No:
    """What one address says no to: a list of an advertiser, or (None) everything."""

    advertiser_id: int
    address: Address
    list_id: int | None
    said: Saying


def contact_of(tx: Tx, advertiser: Advertiser, address: Address) -> Contact:
    """Return the contact with that address; raise `errors.NotFound` when there is none."""
    contact = people.find(tx, advertiser.id, address.key)
    if contact is None:
        raise NotFound(f"{advertiser.name} knows nobody with the address {address.spelled}")
    return contact


def record(context: Context, tx: Tx, person: Person, row: List | None, kind: Kind, said: Saying) -> None:
    """Write one event about somebody and the list `row` (None: every list) to the ledger."""
    _write(context, tx, [_event(person.advertiser_id, person.id, row.id if row else None, kind, said)])


def _event(advertiser_id: int, contact_id: int, list_id: int | None, kind: Kind, said: Saying) -> dict[str, Any]:
    return {
        "advertiser_id": advertiser_id,
        "contact_id": contact_id,
        "list_id": list_id,
        "channel": said.channel,
        "kind": kind.value,
        "at": said.at,
        "direct": said.direct,
        "actor": said.actor or said.origin,
        "evidence": dict(said.evidence or {}),
    }


def _write(context: Context, tx: Tx, events: Sequence[dict[str, Any]]) -> None:
    now, numbers = clock.now(), context.store.take(len(events))
    ledger.append(tx, [event | {"id": id_, "recorded_at": now} for event, id_ in zip(events, numbers, strict=True)])


def oppose(context: Context, tx: Tx, advertiser_id: int, address: Address, row: List | None, said: Saying) -> bool:
    """Write an opposition (`row` None: to every list) as `oppose_each`; return whether one was written."""
    return oppose_each(context, tx, [No(advertiser_id, address, row.id if row else None, said)])[0]


def oppose_each(context: Context, tx: Tx, noes: Sequence[No]) -> list[bool]:
    """Write oppositions unless one of that very scope stands; return for each whether it was written.

    The digests of both spellings of the local part are kept. One that a later consent may have lifted
    does not stand any more for this: the new no has to be the later one.
    """
    wanted = [_wanted(context, no.advertiser_id, no.address) for no in noes]
    standing = _standing(tx, noes, wanted)
    fresh: list[bool] = []
    new: list[No] = []
    said: set[tuple[int, str, int | None, str | None]] = set()  # in this very call
    for no, want, stands in zip(noes, wanted, standing, strict=True):
        scope = (want.advertiser_id, want.key, no.list_id, no.said.channel)
        fresh.append(scope not in said and not stands)
        if fresh[-1]:
            said.add(scope)
            new.append(no)
    write_noes(context, tx, new)
    return fresh


def write_noes(context: Context, tx: Tx, noes: Iterable[No]) -> None:
    """Write oppositions, whatever else stands: one for each spelling of the local part."""
    rows = [row for no in noes for row in _oppositions(context, no)]
    numbers = context.store.take(len(rows))
    oppositions.write(tx, [row | {"id": number} for row, number in zip(rows, numbers, strict=True)])


def _wanted(context: Context, advertiser_id: int, address: Address) -> Wanted:
    return Wanted(advertiser_id, address.key, context.digests.of(advertiser_id, address.spelled, address.key))


def _standing(tx: Tx, noes: Sequence[No], wanted: Sequence[Wanted]) -> list[bool]:
    """Return for each whether an opposition of that scope stands, and the person has not agreed to anything since."""
    last = [_last(no, found) for no, found in zip(noes, dossiers.opposed(tx, wanted), strict=True)]
    before = [want for want, at in zip(wanted, last, strict=True) if at]  # mostly nobody, and then nothing is read
    found = iter(dossiers.of(tx, before) if before else ())
    return [at is not None and not _agreed(next(found), at) for at in last]


def _last(no: No, found: Iterable[Standing]) -> datetime | None:
    scope = (no.list_id, no.said.channel)
    return max((one.at for one in found if (one.list, one.channel) == scope), default=None)


def _agreed(dossier: Dossier, since: datetime) -> bool:
    return any(one.kind in AGREEMENTS and one.at > since for one in dossier.events)


def _oppositions(context: Context, no: No) -> Iterator[dict[str, Any]]:
    address, said = no.address, no.said
    for version, digest in context.digests.current(no.advertiser_id, address.spelled, address.key):
        yield {
            "advertiser_id": no.advertiser_id,
            "list_id": no.list_id,
            "channel": said.channel,
            "digest": digest,
            "key_version": version,
            "at": said.at,
            "origin": said.origin,
            "actor": said.actor,
            "reason": _without(said.reason, address),
        }


def _without(reason: str, address: Address) -> str:
    """Return a reason that does not name whom it is about: an opposition outlives the person."""
    if not reason:
        return ""  # no expression is made for what nearly nobody says
    words = sorted(
        {address.spelled, address.key, address.local, *re.split(r"\W+", address.local)}, key=len, reverse=True
    )
    either = "|".join(re.escape(word) for word in words if word)
    return re.sub(rf"(?<!\w)(?:{either})(?!\w)", "…", reason, flags=re.IGNORECASE)


def noes(context: Context, tx: Tx, advertiser_id: int, address: Address) -> list[Opposition]:
    """Return the oppositions that stand for an address, in any scope and channel, oldest first."""
    return oppositions.of_digests(tx, advertiser_id, context.digests.of(advertiser_id, address.spelled, address.key))


def each_once(found: Iterable[Opposition]) -> list[Opposition]:
    """Return one opposition for each no: both spellings of an address have one of their own."""
    return list({(one.list_id, one.channel, one.at): one for one in found}.values())


def standing(
    context: Context, tx: Tx, advertiser_id: int, address: Address, row: List | None, channel: str | None
) -> list[Opposition]:
    """Return the oppositions that stand for exactly that scope and channel."""
    scope = (row.id if row else None, channel)
    return [one for one in noes(context, tx, advertiser_id, address) if (one.list_id, one.channel) == scope]


def stopped(context: Context, tx: Tx, persons: Iterable[Person]) -> set[int]:
    """Return those of these people, by number, whom no e-mail of the advertiser may reach, whatever the list."""
    found = list(persons)
    wanted = [_wanted(context, person.advertiser_id, parse(person.address)) for person in found]
    standing = dossiers.opposed(tx, wanted)
    return {
        person.id
        for person, noes in zip(found, standing, strict=True)
        if any(one.list is None and one.channel in (None, CHANNEL) for one in noes)
    }


def refuse(context: Context, tx: Tx, person: Person, row: List | None, kind: Kind, said: Saying) -> bool:
    """Record a no of `kind` (objected, withdrawn, complained); return False when it was already standing."""
    return refuse_each(context, tx, [(person, said)], row, kind)[0]


def say_no(
    context: Context, tx: Tx, advertiser_id: int, address: Address, row: List | None, kind: Kind, said: Saying
) -> tuple[bool, Contact | None]:
    """Record a no as `refuse` does, whether or not anything is known of the person.

    Return whether it is new, and the contact, if there is one: `settle` waits for what couriers hold for it.
    """
    person = people.find(tx, advertiser_id, address.key)
    if person is None:
        return oppose(context, tx, advertiser_id, address, row, said), None
    return refuse(context, tx, person, row, kind, said), person


def refuse_each(
    context: Context, tx: Tx, sayings: Sequence[tuple[Person, Saying]], row: List | None, kind: Kind
) -> list[bool]:
    """Record what many people say as `refuse` does, and return for each what that would."""
    list_id = row.id if row else None
    noes = [No(person.advertiser_id, parse(person.address), list_id, said) for person, said in sayings]
    fresh = oppose_each(context, tx, noes)
    events = []
    for (person, said), new in zip(sayings, fresh, strict=True):
        if new:
            events.append(_event(person.advertiser_id, person.id, list_id, kind, said))
        elif said.origin not in BY_LINK:  # of links only `flow.bursts` can tell whether it was the person again
            bursts.said_again(tx, person.id)
    _write(context, tx, events)
    return fresh


def lift(context: Context, tx: Tx, contact: Contact, row: List | None, said: Saying) -> bool:
    """Undo the person's own last no of that scope; return whether there was one.

    Invents no consent: what was, is again; a no before a consent that came between stays what it was.
    """
    address = parse(contact.address)
    everything = standing(context, tx, contact.advertiser_id, address, row, said.channel)
    found = [opposition for opposition in everything if opposition.origin in OWN]
    if not found:
        return False
    last = max(opposition.at for opposition in found)
    oppositions.lift(tx, [opposition.id for opposition in found if opposition.at == last], said.at)
    record(context, tx, contact, row, Kind.RESTORED, said)
    return True


def unsay(
    context: Context, tx: Tx, advertiser_id: int, address: Address, found: Sequence[Opposition], said: Saying
) -> int:
    """Lift the oppositions `found` of an address, as the person asked; return how many scopes they had.

    The ledger says so for each scope, of somebody unknown too: without it nobody could tell what was lifted by hand in
    the database (flow.audit).
    """
    person = people.find(tx, advertiser_id, address.key)
    scopes = {(one.list_id, one.channel) for one in found}
    for list_id, channel in scopes:
        scoped = replace(said, channel=channel, evidence={"reason": said.reason} if person else {})
        number = person.id if person else NOBODY
        _write(context, tx, [_event(advertiser_id, number, list_id, Kind.RESTORED, scoped)])
    oppositions.lift(tx, [one.id for one in found], said.at)
    return len(scopes)


def settle(context: Context, *contact_ids: int) -> None:
    """Wait until no courier holds a copy for any of these people; raise `errors.TryLater` if one does for too long.

    Couriers ask the law again once they hold a copy, so a copy claimed after the no was committed never leaves; this
    waits for those claimed before.
    """
    limit = clock.ticks() + PATIENCE
    while True:
        with context.store.read() as tx:
            if not spool.in_hand(tx, contact_ids, clock.now()):
                return
        if clock.ticks() > limit:
            raise TryLater(UNDER_WAY)
        clock.pause(0.02)
