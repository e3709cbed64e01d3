"""Opt-outs that machines make: mail systems try the links of what they let in, within seconds, for many people.

Each is honoured like any other, because nobody can know. Swift opt-outs of several people from one network within
minutes are marked as a burst, shown to the administrator and told to the sender; a burst can be undone as a whole.
Undoing leaves alone whoever said it again in any other way. Of the network only a keyed digest is kept, for a month.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gateway import journal, text
from gateway.flow import consent, letters
from gateway.flow.consent import CHANNEL, Person, Saying
from gateway.flow.context import Context
from gateway.law.facts import MessageClass
from gateway.mail.address import parse
from gateway.store import advertisers, bursts, lists, people, receipts, spool
from gateway.store.receipts import Delivery
from gateway.store.records import Burst, Swift
from gateway.store.tx import Tx
from gateway.text import local
from gateway.tokens import Link

SWIFT = timedelta(seconds=60)  # after the delivery; people rarely are, scanners nearly always
WINDOW = timedelta(minutes=10)  # between the first and the last of a burst
PEOPLE = 5  # that make a burst
KEPT = timedelta(days=30)
CHUNK = 200


@dataclass(frozen=True, slots=True)
class Press:
    """One press of a link, which names the copy it stood in.

    `origin`: `one-click` or `page`. `network`: where it came from, "" for unknown.
    """

    link: Link
    origin: str
    network: str = ""


@dataclass(slots=True)
class Undone:
    """What undoing a burst did: people restored; left alone because they said it again, or were erased."""

    restored: int = 0
    said_again: int = 0
    gone: int = 0


def evidence(tx: Tx, presses: Sequence[Press], at: datetime) -> list[Mapping[str, Any]]:
    """Return what each opt-out's evidence says of its haste: seconds after the delivery; nothing when not swift."""
    refs = {press.link.parcel for press in presses} - {0}
    delivered = receipts.handed_over(tx, refs) if refs else {}
    unsettled = refs - delivered.keys()  # the courier that hands it over has not come back yet
    sent = {ref: one.at for ref, one in delivered.items()}
    sent |= dict.fromkeys(spool.there(tx, unsettled), at) if unsettled else {}
    return [_haste(at, sent.get(press.link.parcel)) for press in presses]


def _haste(at: datetime, sent: datetime | None) -> Mapping[str, Any]:
    if sent is None or at - sent > SWIFT:
        return {}
    return {"after_delivery": max(0, int((at - sent).total_seconds()))}


def note(context: Context, tx: Tx, person: Person, press: Press, at: datetime, *, fresh: bool, swift: bool) -> None:
    """Remember a press: `fresh` when it made the opt-out, `swift` when it came in haste."""
    if fresh and swift and press.network:
        _keep(context, tx, person, press, at)
    elif not fresh and (marked := bursts.of_contact(tx, person.id)):
        network = _digest(context, person, press)
        if any(one.network != network or at - one.at > SWIFT for one in marked):
            bursts.said_again(tx, person.id)


def _digest(context: Context, person: Person, press: Press) -> bytes:
    return context.digests.current(person.advertiser_id, press.network, press.network)[0][1]


def _keep(context: Context, tx: Tx, person: Person, press: Press, at: datetime) -> None:
    network, ref = _digest(context, person, press), press.link.parcel
    delivery = receipts.handed_over(tx, [ref]).get(ref, Delivery(0, at))
    swift = Swift(
        id=context.store.take(1)[0],
        advertiser_id=person.advertiser_id,
        account_id=delivery.account_id,
        contact_id=person.id,
        network=network,
        at=at,
        burst_id=bursts.running(tx, network, at - WINDOW),
    )
    bursts.add(tx, swift)
    if swift.burst_id is None:
        loose = bursts.loose(tx, network, at - WINDOW)
        if len({one.contact_id for one in loose}) >= PEOPLE:
            _begin(context, tx, loose)
    elif burst := bursts.get(tx, swift.burst_id):
        burst.last_at, burst.people = at, bursts.people(tx, burst.id)
        bursts.save(tx, burst)


def _begin(context: Context, tx: Tx, loose: list[Swift]) -> None:
    first, last = loose[0], loose[-1]
    count = len({one.contact_id for one in loose})
    burst = Burst(
        id=context.store.take(1)[0],
        advertiser_id=first.advertiser_id,
        first_at=first.at,
        last_at=last.at,
        people=count,
    )
    bursts.save(tx, burst)
    for one in loose:
        one.burst_id = burst.id
        bursts.add(tx, one)
    _tell(context, tx, burst)
    journal.warn("opt-out-burst", burst=burst.id, people=count, advertiser=first.advertiser_id)


def _tell(context: Context, tx: Tx, burst: Burst) -> None:
    """Write to the advertiser, once a burst; delivery reports are about single copies and have no place for this."""
    owner = advertisers.get(tx, burst.advertiser_id)
    if owner is None or not owner.email:
        return
    lang = text.FIRST
    at = local.minute_of(burst.first_at, lang, context.policy.timezone)
    body = [
        local.count("rights.burst", lang, burst.people, at=at),
        text.say("rights.burst-honoured", lang),
        text.say("rights.burst-undo", lang, burst=burst.id),
    ]
    subject = text.say("rights.burst-subject", lang)
    letters.send(context, tx, owner, MessageClass.NOTICE, to=owner.email, subject=subject, body=body, lang=lang)


def undo(context: Context, burst: Burst, said: Saying) -> Undone:
    """Undo a burst's opt-outs, some people in each transaction; twice is once. Raise `errors.TryLater`."""
    done, after = Undone(), 0
    while True:
        with context.store.begin() as tx:
            found = bursts.members(tx, burst.id, after, CHUNK)
            if not found:
                _close(tx, burst.id, said)
                return done
            for one in found:
                _restore(context, tx, one, said, done)
            after = found[-1].id


def _restore(context: Context, tx: Tx, one: Swift, said: Saying, done: Undone) -> None:
    contact = people.get(tx, one.contact_id)
    if contact is None:
        done.gone += 1
    elif one.again:
        done.said_again += 1
    else:
        row = lists.get(tx, one.list_id) if one.list_id else None
        found = consent.standing(context, tx, contact.advertiser_id, parse(contact.address), row, CHANNEL)
        if any(opposition.at == one.at for opposition in found):  # and not one that was made since
            done.restored += consent.lift(context, tx, contact, row, said)


def _close(tx: Tx, number: int, said: Saying) -> None:
    burst = bursts.get(tx, number)
    if burst:
        burst.undone_at, burst.actor = said.at, said.actor
        bursts.save(tx, burst)
