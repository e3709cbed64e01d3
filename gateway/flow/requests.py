"""Requests of people about their rights, with the deadline of GDPR 12(3): one month, three when told within the first.

A request keeps the keyed digest of the address, never the address: it outlives an erasure.
"""

from datetime import datetime, timedelta

from gateway import clock
from gateway.errors import Misuse, NotFound
from gateway.flow.context import Context
from gateway.law.clocks import add_months, day, midnight
from gateway.mail.address import Address
from gateway.store import people, requests
from gateway.store.records import Request
from gateway.store.tx import Tx

RIGHTS = ("access", "rectification", "erasure", "restriction", "objection", "portability")
OUTCOMES = ("done", "refused", "withdrawn")


def due(received_at: datetime, timezone: str, *, extended: bool = False) -> datetime:
    """Return the moment from which an answer is late: the midnight after the last day of the period."""
    last = add_months(day(received_at, timezone), 3 if extended else 1)
    return midnight(last + timedelta(days=1), timezone)


def open_(
    context: Context, tx: Tx, advertiser_id: int, address: Address, right: str, *, origin: str, actor: str,
    received_at: datetime | None = None,
) -> Request:  # fmt: skip
    """Write down what somebody asks for; the person need not be known. Raise `errors.Misuse` for a date to come."""
    now = clock.now()
    received = received_at or now
    if received > now:
        raise Misuse("--received: that day is still to come")
    contact = people.find(tx, advertiser_id, address.key)
    _, digest = context.digests.current(advertiser_id, address.spelled, address.key)[-1]
    row = Request(
        id=context.store.take(1)[0],
        advertiser_id=advertiser_id,
        contact_id=contact.id if contact else None,
        subject=digest,
        right=right,
        origin=origin,
        received_at=received,
        due_at=due(received, context.policy.timezone),
        actor=actor,
    )
    return requests.add(tx, row)


def extend(context: Context, tx: Tx, number: int) -> Request:
    """Give the answer two more months; the person must be told within the first, so later it is refused."""
    row = _open_one(tx, number)
    if row.extended:
        raise Misuse(f"request {number} was extended already; GDPR 12(3) allows it once")
    if clock.now() >= row.due_at:
        raise Misuse(f"request {number}: the first month is over, and with it the time to tell the person")
    row.extended, row.due_at = True, due(row.received_at, context.policy.timezone, extended=True)
    return requests.save(tx, row)


def close(tx: Tx, number: int, outcome: str, answer: str) -> Request:
    """Write down how a request ended; a refusal needs its reasons (GDPR 12(4))."""
    row = _open_one(tx, number)
    if outcome == "refused" and not answer:
        raise Misuse("--answer: a refusal is told with its reasons and the way to the CNIL (GDPR 12(4))")
    row.closed_at, row.outcome, row.answer = clock.now(), outcome, answer
    return requests.save(tx, row)


def settle(context: Context, tx: Tx, advertiser_id: int, address: Address, right: str, actor: str) -> Request:
    """Close the oldest open request of that person and right as done, one opened now when there is none."""
    digests = {digest for _, digest in context.digests.of(advertiser_id, address.spelled, address.key)}
    found = [
        row
        for row in requests.listing(tx, advertiser_id=advertiser_id)
        if row.right == right and row.subject in digests
    ]
    row = found[0] if found else open_(context, tx, advertiser_id, address, right, origin="cli", actor=actor)
    row.closed_at, row.outcome = clock.now(), "done"
    return requests.save(tx, row)


def _open_one(tx: Tx, number: int) -> Request:
    row = requests.get(tx, number)
    if row is None:
        raise NotFound(f"there is no request {number}")
    if row.closed_at is not None:
        raise Misuse(f"request {number} is closed")
    return row
