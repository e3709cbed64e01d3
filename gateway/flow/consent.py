"""What people and administrators say about consent, written to the ledger and, for every no, to the oppositions.

A no is two things: an event, which goes when the person is erased, and an opposition, which stays (docs/glossary.md).
An opt-out is acknowledged only when it is durable *and* no copy to that person is in the hands of a courier any more.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway import clock
from gateway.errors import NotFound, TryLater
from gateway.flow.context import Context
from gateway.law.events import Kind
from gateway.mail.address import Address, parse
from gateway.store import bursts, ledger, lists, oppositions, people, spool
from gateway.store.tables import Advertiser, Contact, Event, List, Opposition
from gateway.store.tx import Tx

CHANNEL = "email"
BY_LINK = frozenset({"one-click", "page"})
OWN = BY_LINK | {"mailto"}  # how people themselves say no
AGREEMENTS = frozenset({Kind.GRANTED, Kind.CONFIRMED})
NOBODY = 0  # the contact of an event about an address that no contact has
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


def contact_of(tx: Tx, advertiser: Advertiser, address: Address) -> Contact:
    """Return the contact with that address; raise `errors.NotFound` when there is none."""
    contact = people.find(tx, advertiser.id, address.key)
    if contact is None:
        raise NotFound(f"{advertiser.name} knows nobody with the address {address.spelled}")
    return contact


def record(context: Context, tx: Tx, contact: Contact, row: List | None, kind: Kind, said: Saying) -> None:
    """Write one event about `contact` and the list `row` (None: every list) to the ledger."""
    _write(context, tx, contact.advertiser_id, contact.id, row, kind, said)


def _write(
    context: Context, tx: Tx, advertiser_id: int, contact_id: int, row: List | None, kind: Kind, said: Saying
) -> None:
    event = Event(
        id=context.store.take(1)[0],
        advertiser_id=advertiser_id,
        contact_id=contact_id,
        list_id=row.id if row else None,
        channel=said.channel,
        kind=kind,
        at=said.at,
        recorded_at=clock.now(),
        direct=said.direct,
        actor=said.actor or said.origin,
        evidence=dict(said.evidence or {}),
    )
    ledger.append(tx, [event])


def oppose(context: Context, tx: Tx, advertiser_id: int, address: Address, row: List | None, said: Saying) -> bool:
    """Write an opposition unless one of that very scope stands; return whether one was written.

    `row` None means every list. The digests of both spellings of the local part are kept (rules.md, A7). One that a
    later consent may have lifted does not stand any more for this: the new no has to be the later one.
    """
    found = standing(context, tx, advertiser_id, address, row, said.channel)
    if found and not _agreed_since(tx, advertiser_id, address, found):
        return False
    for version, digest in context.digests.current(advertiser_id, address.spelled, address.key):
        opposition = Opposition(
            id=context.store.take(1)[0],
            advertiser_id=advertiser_id,
            list_id=row.id if row else None,
            channel=said.channel,
            digest=digest,
            key_version=version,
            at=said.at,
            origin=said.origin,
            actor=said.actor,
            reason=_without(said.reason, address),
        )
        oppositions.add(tx, opposition)
    return True


def _agreed_since(tx: Tx, advertiser_id: int, address: Address, found: list[Opposition]) -> bool:
    """Return whether the person agreed to anything since the last of these oppositions."""
    last = max(one.at for one in found)
    contact = people.find(tx, advertiser_id, address.key)
    events = ledger.of_contact(tx, contact.id) if contact else []
    return any(event.kind in AGREEMENTS and event.at > last for event in events)


def _without(reason: str, address: Address) -> str:
    """Return a reason that does not name whom it is about: an opposition outlives the person."""
    if not reason:
        return ""  # no expression is made for what nearly nobody says
    words = sorted(
        {address.spelled, address.key, address.local, *re.split(r"\W+", address.local)}, key=len, reverse=True
    )
    either = "|".join(re.escape(word) for word in words if word)
    return re.sub(rf"(?<!\w)(?:{either})(?!\w)", "…", reason, flags=re.IGNORECASE)


def standing(
    context: Context, tx: Tx, advertiser_id: int, address: Address, row: List | None, channel: str | None
) -> list[Opposition]:
    """Return the oppositions that stand for exactly that scope and channel."""
    digests = context.digests.of(advertiser_id, address.spelled, address.key)
    found = oppositions.of_digests(tx, advertiser_id, digests)
    scope = row.id if row else None
    return [opposition for opposition in found if (opposition.list_id, opposition.channel) == (scope, channel)]


def refuse(context: Context, tx: Tx, contact: Contact, row: List | None, kind: Kind, said: Saying) -> bool:
    """Record a no of `kind` (objected, withdrawn, complained); return False when it was already standing."""
    address = parse(contact.address)
    if not oppose(context, tx, contact.advertiser_id, address, row, said):
        if said.origin not in BY_LINK:  # of links only `flow.bursts` can tell whether it was the person again
            bursts.said_again(tx, contact.id)
        return False
    record(context, tx, contact, row, kind, said)
    return True


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
        row = lists.get(tx, list_id) if list_id else None
        scoped = replace(said, channel=channel, evidence={"reason": said.reason} if person else {})
        _write(context, tx, advertiser_id, person.id if person else NOBODY, row, Kind.RESTORED, scoped)
    oppositions.lift(tx, [one.id for one in found], said.at)
    return len(scopes)


def settle(context: Context, contact_id: int, patience: float = PATIENCE) -> None:
    """Wait until no courier holds a copy for the person; raise `errors.TryLater` when one still does after a while.

    Couriers ask the law again once they hold a copy, so a copy claimed after the no was committed never leaves; this
    waits for those claimed before.
    """
    limit = clock.ticks() + patience
    while True:
        with context.store.read() as tx:
            if not spool.in_hand(tx, contact_id, clock.now()):
                return
        if clock.ticks() > limit:
            raise TryLater("your choice is recorded, but a message to you is being handed over at this very moment")
        clock.pause(0.02)
