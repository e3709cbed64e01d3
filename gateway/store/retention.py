"""Who is to be looked at by the clocks of retention, and what of old proof is emptied."""

from datetime import datetime

from sqlalchemy import Text, cast, delete, select, text, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from gateway.law.events import Kind
from gateway.store.among import Among
from gateway.store.records import Request
from gateway.store.requests import REAL
from gateway.store.rows import table_of
from gateway.store.tables import Contact, Event, Receipt

_EVENTS, _RECEIPTS, _REQUESTS = table_of(Event), table_of(Receipt), table_of(Request)
_HOLD = text("SELECT pg_try_advisory_xact_lock(:lock)")
_LOCK = 0x5E7E9710  # of PostgreSQL's advisory locks
Table = dict[str, int]


def hold(tx: Session) -> bool:
    """Take the right to expire until the transaction ends; False when another node has it. SQLite has one writer."""
    if tx.connection().dialect.name != "postgresql":
        return True
    return bool(tx.connection().execute(_HOLD, {"lock": _LOCK}).scalar_one())


def page(tx: Session, advertiser_id: int, after: int, limit: int) -> list[Contact]:
    """Return at most `limit` unrestricted contacts of an advertiser without an open request, with ids above `after`."""
    asked = select(_REQUESTS.c.contact_id).where(
        _REQUESTS.c.closed_at.is_(None),
        _REQUESTS.c.contact_id.is_not(None),
        _REQUESTS.c.advertiser_id == advertiser_id,
        REAL,
    )
    query = select_rows(Contact).where(Contact.advertiser_id == advertiser_id, Contact.id > after)
    query = query.where(col(Contact.restricted).is_(False), col(Contact.id).not_in(asked))
    return list(tx.exec(query.order_by(col(Contact.id)).limit(limit)))


def old_proof(tx: Session, before: datetime) -> list[int]:
    """Return the numbers of people erased before that moment whose proof still says something."""
    query = select(_EVENTS.c.contact_id).where(_EVENTS.c.kind == Kind.ERASED.value, _EVENTS.c.at < before).distinct()
    erased = list(tx.connection().execute(query).scalars())
    query = select(_EVENTS.c.contact_id).where(
        Among(_EVENTS.c.contact_id, "ids"), cast(_EVENTS.c.evidence, Text) != "{}"
    )
    told = set(tx.connection().execute(query, {"ids": erased}).scalars())
    query = select(_RECEIPTS.c.contact_id).where(
        Among(_RECEIPTS.c.contact_id, "ids"), _RECEIPTS.c.recipient_digest != b""
    )
    return sorted(told | set(tx.connection().execute(query, {"ids": erased}).scalars()))


def empty(tx: Session, contact_ids: list[int], requests_before: datetime) -> Table:
    """Empty the proof about erased people, drop requests closed before that moment; return the rows by table."""
    run, ids = tx.connection().execute, {"ids": contact_ids}
    events = update(_EVENTS).where(Among(_EVENTS.c.contact_id, "ids"), cast(_EVENTS.c.evidence, Text) != "{}")
    receipts = update(_RECEIPTS).where(Among(_RECEIPTS.c.contact_id, "ids"), _RECEIPTS.c.recipient_digest != b"")
    return {
        "event": run(events.values(evidence={}), ids).rowcount,
        "receipt": run(receipts.values(recipient_digest=b""), ids).rowcount,
        "request": run(delete(_REQUESTS).where(_REQUESTS.c.closed_at < requests_before)).rowcount,
    }
