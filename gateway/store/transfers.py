"""The transfers: lists handed to others, and who must be told of what their people said since."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_
from sqlalchemy import select as core_select
from sqlmodel import Session, col, select

from gateway.law.events import Kind
from gateway.store import ledger
from gateway.store.ledger import EVENTS, counts
from gateway.store.records import Transfer
from gateway.store.rows import keep
from gateway.store.tables import Contact, Event

TOLD = (Kind.OBJECTED, Kind.WITHDRAWN, Kind.COMPLAINED, Kind.RECTIFIED, Kind.RESTRICTED, Kind.ERASED)


@dataclass(frozen=True, slots=True)
class Since:
    """One thing a person said after having been handed over; `address` is None once the person is erased.

    `reference` is what the recipient got with the address, and all that names the person to them after an erasure.
    """

    transfer: int
    reference: int
    address: str | None
    kind: str
    at: datetime


def add(tx: Session, row: Transfer) -> Transfer:
    """Write a new transfer."""
    return keep(tx, row, f"there is already a transfer with the number {row.id}")


def save(tx: Session, row: Transfer) -> Transfer:
    """Write the changes made to a row."""
    return keep(tx, row, f"there is already a transfer with the number {row.id}")


def all(tx: Session, list_id: int) -> list[Transfer]:  # noqa: A001 - reads as transfers.all
    """Return every transfer of a list, the latest first."""
    query = select(Transfer).where(Transfer.list_id == list_id).order_by(col(Transfer.at).desc(), col(Transfer.id))
    return list(tx.exec(query))


def of_contact(tx: Session, contact_id: int, list_id: int | None = None) -> list[tuple[Event, Transfer]]:
    """Return to whom a person was handed over, oldest first, with the event of each; `list_id`: with that list only."""
    found = []
    for event in ledger.of_contact(tx, contact_id):
        if event.kind == Kind.TRANSFERRED and list_id in {None, event.list_id}:
            record = tx.get(Transfer, int(event.evidence.get("transfer", 0)))
            found += [(event, record)] if record else []
    return found


def to_tell(tx: Session, list_id: int) -> Iterator[Since]:
    """Yield what the recipients of a list must be told (GDPR 19): what its people said after the transfer."""
    handed, later = EVENTS.alias(), EVENTS.alias()
    contacts = Contact.__table__  # type: ignore[attr-defined]
    query = (
        core_select(handed.c.id, handed.c.evidence, contacts.c.address, later.c.kind, later.c.at)
        .join(later, later.c.contact_id == handed.c.contact_id)
        .join(contacts, contacts.c.id == handed.c.contact_id, isouter=True)
        .where(
            handed.c.list_id == list_id,
            handed.c.kind == Kind.TRANSFERRED.value,
            later.c.kind.in_([kind.value for kind in TOLD]),
            later.c.at >= handed.c.at,
            or_(later.c.list_id.is_(None), later.c.list_id == list_id),
            counts(later),
        )
        .order_by(later.c.at, later.c.id)
    )
    for reference, evidence, address, kind, at in tx.connection().execute(query):
        yield Since(int(evidence.get("transfer", 0)), reference, address, kind, at)
