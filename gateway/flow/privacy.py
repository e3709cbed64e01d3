"""The rights of one person that change what is held on them: rectification, restriction, erasure (GDPR 16-18).

Erasing leaves two things. The keyed digest of the address as an opposition on every channel, without which the next
import would bring the person back (GDPR 17(3)(b), 21(3)); and the ledger without anything that says
who it was, for claims (GDPR 17(3)(e)). Who is erased because the clock ran out said no to nothing: no opposition then.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway import clock
from gateway.flow import consent, recipients
from gateway.flow.consent import No, Saying
from gateway.flow.context import Context
from gateway.flow.recipients import Recipient
from gateway.law.events import Kind
from gateway.mail.address import Address, is_freemail, is_role, parse
from gateway.store import erasure, people, spool
from gateway.store.tables import Contact
from gateway.store.tx import Tx

# What of an event's evidence stays when the person goes: what the law reads (docs/rules.md), none of which is about
# one person only. Everything else is personal, whatever it is called.
KEPT_EVIDENCE = frozenset({
    "mode", "text", "proof", "proof_kind", "form", "controllers", "purpose", "channel", "families", "given_by", "free",
    "refusal_as_easy", "nature", "entity", "from_person", "at_sale", "refusal_offered", "refused", "article",
    "transfer_announced", "professional_capacity", "contract", "contract_end", "act", "machine", "art14", "undoes",
    "lifted", "pending", "fields", "ref", "reference", "why", "transfer", "partner", "language", "shown", "boxes",
    "letters",
})  # fmt: skip
EDITABLE = ("name", "company", "function", "subject", "country", "language", "age")


@dataclass(frozen=True, slots=True)
class Certificate:
    """What an erasure did: a reference, the moment, and how many rows of each table were deleted or emptied.

    `told` are the recipients who must be told (GDPR 19), found before the erasure.
    """

    reference: int
    at: datetime
    advertiser: str
    deleted: Mapping[str, int] = field(default_factory=dict)
    told: Sequence[Recipient] = ()


def rectify(
    context: Context, tx: Tx, contact: Contact, changes: Mapping[str, Any], address: Address | None, said: Saying
) -> list[str]:
    """Correct what is held, and return which fields changed; raise `errors.Misuse` when the new address is taken.

    The objections made under the old address go on for it and hold for the new one too. The ledger names the fields,
    never their values.
    """
    fields = [name for name in EDITABLE if name in changes and getattr(contact, name) != changes[name]]
    for name in fields:
        setattr(contact, name, changes[name])
    if address is not None and address.spelled != contact.address:
        _carry(context, tx, contact, address, said)
        contact.address, contact.address_key = address.spelled, address.key
        contact.kind, contact.freemail = "role" if is_role(address) else "named", is_freemail(address)
        fields.append("address")
    if fields:
        people.save(tx, contact)
        consent.record(context, tx, contact, None, Kind.RECTIFIED, _with(said, {"fields": fields}))
    return fields


def _carry(context: Context, tx: Tx, contact: Contact, new: Address, said: Saying) -> None:
    found = consent.noes(context, tx, contact.advertiser_id, parse(contact.address))
    scopes = {(row.list_id, row.channel): row for row in reversed(found)}  # the oldest of each scope
    standing = {(row.list_id, row.channel) for row in consent.noes(context, tx, contact.advertiser_id, new)}
    carried = [
        No(contact.advertiser_id, new, row.list_id, Saying(row.at, row.origin, said.actor, channel=row.channel))
        for scope, row in scopes.items()
        if scope not in standing
    ]
    consent.write_noes(context, tx, carried)


def restrict(context: Context, tx: Tx, contact: Contact, said: Saying, *, lifted: bool) -> bool:
    """Keep the data and send nothing (GDPR 18), or end that; return False when it was so already."""
    if contact.restricted is not lifted:
        return False
    contact.restricted = not lifted
    people.save(tx, contact)
    evidence = {"lifted": True} if lifted else {}
    consent.record(context, tx, contact, None, Kind.RESTRICTED, _with(said, evidence))
    return True


def erase(context: Context, contact: Contact, advertiser: str, said: Saying) -> Certificate:
    """Erase a person who asks for it; blocks until no courier holds a copy. Raise `errors.TryLater` when one does.

    The opposition is durable first, so that nothing leaves while the rest is being erased.
    """
    address = parse(contact.address)
    with context.store.begin() as tx:
        consent.oppose(context, tx, contact.advertiser_id, address, None, said)
    while True:
        consent.settle(context, contact.id)
        with context.store.begin() as tx:
            if spool.in_hand(tx, [contact.id], clock.now()):
                continue  # claimed in between; its courier drops it
            told = recipients.of_contact(tx, contact.id)
            deleted = forget(context, tx, contact, said)
            break
    context.store.scrub()
    return Certificate(context.store.take(1)[0], clock.now(), advertiser, deleted, told=told)


def forget(context: Context, tx: Tx, contact: Contact, said: Saying) -> dict[str, int]:
    """Erase a person from the tables and say so in the ledger; call `Store.scrub` after the commit."""
    address = parse(contact.address)
    _, digest = context.digests.current(contact.advertiser_id, address.spelled, address.key)[-1]
    traces = _traces(contact, address)
    deleted = erasure.erase(tx, contact, address.spelled, digest, lambda evidence: _kept(evidence, traces))
    consent.record(context, tx, contact, None, Kind.ERASED, said)
    return deleted


def _kept(evidence: Mapping[str, Any], traces: re.Pattern[str]) -> dict[str, Any]:
    """Return what of an evidence may stay: kept keys, unless a value names the person all the same."""
    return {
        name: value
        for name, value in evidence.items()
        if name in KEPT_EVIDENCE and (isinstance(value, int) or not traces.search(str(value)))
    }


def _traces(contact: Contact, address: Address) -> re.Pattern[str]:
    """Return what finds the person's address, its local part or name as whole words, in any case."""
    words = {address.spelled, address.key, address.local, contact.name, *contact.name.split()} - {""}
    either = "|".join(sorted((re.escape(word) for word in words), key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)


def _with(said: Saying, evidence: Mapping[str, Any]) -> Saying:
    return Saying(said.at, said.origin, said.actor, said.reason, said.direct, None, evidence)
