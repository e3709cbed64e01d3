"""Who received a person's data from us, and so must be told of what changes (GDPR 19)."""

from dataclasses import dataclass
from datetime import datetime

from gateway.store import lists, transfers
from gateway.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Recipient:
    """One handing over: to whom, where they are told, when, with which list, under which number of theirs.

    `reference` stands in the file that the partner got, and says nothing of the person to anybody else.
    """

    partner: str
    siren: str
    contact: str
    list: str
    reference: int
    at: datetime


def of_contact(tx: Tx, contact_id: int, list_id: int | None = None) -> tuple[Recipient, ...]:
    """Return to whom a person was handed over, oldest first; `list_id`: only with that list."""
    names = {row.id: row.name for row in lists.all(tx)}
    return tuple(
        Recipient(
            partner=record.partner,
            siren=record.partner_siren,
            contact=record.partner_contact,
            list=names.get(record.list_id, ""),
            reference=event.id,
            at=event.at,
        )
        for event, record in transfers.of_contact(tx, contact_id, list_id)
    )
