"""Erasing one person from the tables: what says who it was goes, what proves what was done stays without a name."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlmodel import Session

from gateway.store import handles, ledger, people, seals, signups, spool
from gateway.store.rows import table_of
from gateway.store.tables import Contact, Event, Parcel, Receipt, Report

_EVENTS, _PARCELS, _RECEIPTS, _REPORTS = table_of(Event), table_of(Parcel), table_of(Receipt), table_of(Report)
Evidence = Mapping[str, Any]


def erase(
    tx: Session, contact: Contact, spelled: str, digest: bytes, keep: Callable[[Evidence], Evidence]
) -> dict[str, int]:
    """Erase, and return how many rows were deleted or emptied, by table.

    `spelled` is the address as parcels name it, `digest` as receipts do; `keep` returns the part of an event's evidence
    that may stay. Parcels that a courier holds are left to it. The salts of sealed rows go with their fields.
    """
    emptied = _events(tx, contact.id, keep)
    whose = or_(
        _RECEIPTS.c.contact_id == contact.id,
        (_RECEIPTS.c.contact_id.is_(None)) & (_RECEIPTS.c.recipient_digest == digest),
    )
    run = tx.connection().execute
    run(delete(_REPORTS).where(_REPORTS.c.ref.in_(select(_RECEIPTS.c.ref).where(whose))))
    replies = run(update(_RECEIPTS).where(whose, _RECEIPTS.c.reply != "").values(reply="")).rowcount
    mine = or_(_PARCELS.c.contact_id == contact.id, _PARCELS.c.recipient == spelled)
    parcels = spool.drop(tx, list(run(select(_PARCELS.c.id).where(mine)).scalars()))
    salts = seals.forget(tx, contact.id, digest)
    asked = signups.forget(tx, contact.advertiser_id, contact.address_key)
    gone = people.remove(tx, [contact.id])
    named = handles.remove(tx, contact.id)
    return {
        "contact": gone, "event": emptied, "receipt": replies, "parcel": parcels, "leaf": salts, "sign_up": asked,
        "handle": named,
    }  # fmt: skip


def _events(tx: Session, contact_id: int, keep: Callable[[Evidence], Evidence]) -> int:
    emptied = 0
    for row in ledger.of_contact(tx, contact_id):
        left = dict(keep(row.evidence))
        if left != row.evidence:
            change = update(_EVENTS).where(_EVENTS.c.id == row.id).values(evidence=left)
            emptied += tx.connection().execute(change).rowcount
    return emptied
