"""Six people whose mail system tries every link: made for the tests of bursts."""

from datetime import timedelta

from gateway import clock
from gateway.flow import consent
from gateway.flow.bursts import PEOPLE
from gateway.flow.consent import Saying
from gateway.flow.context import Context
from gateway.law.events import Kind
from gateway.store import people, receipts
from gateway.store.tables import Advertiser, Contact, List
from gateway.store.tx import Tx
from gateway.tokens import Link


def crowd(context: Context, tx: Tx, owner: Advertiser, row: List) -> list[Link]:
    """Return links to people who agreed; each got a copy a moment ago."""
    made = []
    for number in range(PEOPLE + 1):
        address = f"person{number}@corp.example"
        contact = Contact(
            id=context.store.take(1)[0], advertiser_id=owner.id, address=address, address_key=address,
            subject="consumer", age="adult", created_at=clock.now(),
        )  # fmt: skip
        people.add(tx, contact)
        evidence = {
            "mode": "unticked-box", "purpose": ["prospecting"], "channel": ["email"],
            "controllers": [owner.legal_name], "text": "optin-1", "form": "f", "proof": "p",
        }  # fmt: skip
        consent.record(context, tx, contact, row, Kind.GRANTED, Saying(clock.now(), "form", evidence=evidence))
        ref = context.store.take(1)[0]
        receipt = {
            "id": context.store.take(1)[0], "ref": ref, "submission_id": 1, "account_id": 7,
            "advertiser_id": owner.id, "list_id": row.id, "contact_id": contact.id, "klass": "prospecting",
            "stage": "delivery", "at": clock.now() - timedelta(seconds=3), "fate": "send", "code": "A-CONSENT",
            "recipient_digest": b"", "outcome": "delivered",
        }  # fmt: skip
        receipts.write(tx, [receipt])
        made.append(Link(contact.id, row.id, ref))
    return made
