"""What a confirmed sign-up leaves behind: the contact, what was shown to them, what they agreed to and when.

Both steps keep their own moment: shown and ticked when the form was sent, confirmed when the mailbox said so.
"""

from datetime import datetime
from typing import Any

from gateway import clock
from gateway.flow import consent
from gateway.flow.consent import Saying
from gateway.flow.context import Context
from gateway.law.events import Kind
from gateway.law.notices import Collection
from gateway.mail.address import is_freemail, is_role, parse
from gateway.store import lists, people
from gateway.store.signups import SignUp
from gateway.store.tables import Contact
from gateway.store.tx import Tx

ORIGIN = "join"
PURPOSES = {Collection.OPT_IN: "prospecting", Collection.PARTNERS: "partners", Collection.TRACKING: "tracking"}


def complete(context: Context, tx: Tx, row: SignUp, now: datetime) -> None:
    """Make the consents of a sign-up that everybody has confirmed, and leave nothing personal in it."""
    contact, found = _contact(context, tx, row, now), lists.get(tx, row.list_id)
    asked, proof = row.asked, f"sign-up/{row.id}"
    common = {key: asked[key] for key in ("form", "language", "network") if key in asked}
    shown = {
        "article": "13",
        "text": asked["boxes"][0]["text"],
        "shown": [box["text"] for box in asked["boxes"]],
        "boxes": {box["name"]: box["ticked"] for box in asked["boxes"]},
        "proof": proof,
    }
    told = Saying(row.created_at, ORIGIN, channel=None, evidence=common | shown)
    consent.record(context, tx, contact, found, Kind.INFORMED, told)
    for box in asked["boxes"]:
        if box["ticked"]:
            evidence = common | _consent(box, proof, joint=bool(row.parent))
            said = Saying(row.created_at, ORIGIN, channel=box["channel"], evidence=evidence)
            consent.record(context, tx, contact, found, Kind.GRANTED, said)
    said = Saying(now, ORIGIN, channel=None, evidence={"proof": proof, "letters": asked["letters"], **_moments(row)})
    consent.record(context, tx, contact, found, Kind.CONFIRMED, said)
    row.contact_id = contact.id
    row.address = row.address_key = row.parent = row.parent_key = ""
    row.asked = {
        "language": asked["language"],
        "boxes": [{"label": box["label"], "ticked": box["ticked"]} for box in asked["boxes"]],
    }


def _consent(box: dict[str, Any], proof: str, *, joint: bool) -> dict[str, Any]:
    """Return the evidence of one ticked box (docs/rules.md); `pending`: it counts with the confirmation.

    Only the mailbox was confirmed: a number that was given is as good as its unticked box.
    """
    by_mail = box["channel"] == "email"
    found = {
        "mode": "double-opt-in" if by_mail else "unticked-box",
        "given_by": "joint" if joint else "self",
        "channel": [box["channel"]],
        "purpose": [PURPOSES[Collection(box["collection"])]],
        "controllers": box["controllers"],
        "text": box["text"],
        "language": box["language"],
        "proof": proof,
        "proof_kind": "individual",
        "pending": True,
    }
    more = {key: box[key] for key in ("families", "number") if box.get(key)}
    return found | more


def _moments(row: SignUp) -> dict[str, str]:
    """Return when each of child and parent confirmed; of one person the event's own moment says it."""
    if row.parent_at is None or row.confirmed_at is None:
        return {}
    return {"confirmed_at": row.confirmed_at.isoformat(), "parent_at": row.parent_at.isoformat()}


def _contact(context: Context, tx: Tx, row: SignUp, now: datetime) -> Contact:
    """Return the contact of a confirmed address; somebody known stays who they are."""
    address = parse(row.address)
    fresh = {
        "id": context.store.take(1)[0],
        "advertiser_id": row.advertiser_id,
        "address": address.spelled,
        "address_key": address.key,
        "kind": "role" if is_role(address) else "named",
        "freemail": is_freemail(address),
        "language": row.asked["language"],
        "country": None,  # the form does not ask; not known is not France
        "acquired_at": now,
        "created_at": clock.now(),
    }
    number = people.upsert_many(tx, [fresh])[address.key]
    contact = people.get(tx, number)
    if contact is None:
        raise LookupError(f"contact {number} is gone")
    if row.asked["age"] and contact.age != row.asked["age"]:
        contact.age = row.asked["age"]
        people.save(tx, contact)
    return contact
