"""What can be proven about one person to somebody who does not trust us: rows, and how each was sealed."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway import clock, proof
from gateway.errors import NotFound
from gateway.flow.asof import shown, texts_of
from gateway.flow.audit import link_of
from gateway.flow.context import Context
from gateway.flow.seal import seal
from gateway.mail.address import Address
from gateway.store import ledger, oppositions, people, receipts, seals
from gateway.store.records import Leaf, Seal
from gateway.store.tables import Advertiser, Contact
from gateway.store.tx import Tx

PAGE = 1000
FORMAT = "consentgate proof 1"
_OF_CONTACT = (
    "id", "kind", "subject", "country", "age", "source", "source_name", "acquired_at", "restricted", "created_at",
)  # fmt: skip
_OF_ADVERTISER = ("name", "legal_name", "siren", "office", "email")


@dataclass(frozen=True, slots=True)
class Pack:
    """What goes into the files: `proof` is one JSON document, `seals` are lines, `rows` counts what is proven."""

    proof: str
    seals: Iterator[str]
    rows: int
    sealed: int


def pack(context: Context, advertiser: Advertiser, address: Address) -> Pack:
    """Return what is known of an address with the way from each row to its seal; seals first what is not sealed yet.

    Of an erased person only what is left is there: objections, which know nothing but a keyed digest. Raise `NotFound`
    when nothing is known. The lines of `seals` are read while they are taken.
    """
    seal(context)
    with context.store.read() as tx:
        contact = people.find(tx, advertiser.id, address.key)
        rows = list(_rows(context, tx, advertiser, address, contact))
        if not rows and contact is None:
            raise NotFound("nothing is known of that address")
    used = [row["seal"] for row in rows if row["seal"] is not None]
    document = {
        "format": FORMAT,
        "made_at": clock.now(),
        "advertiser": {name: getattr(advertiser, name) for name in _OF_ADVERTISER},
        "address": address.spelled,
        "contact": {name: getattr(contact, name) for name in _OF_CONTACT} if contact else None,
        "rows": rows,
    }
    lines = _chain(context, min(used)) if used else iter(())
    return Pack(json.dumps(_json(document), indent=1), lines, len(rows), len(used))


def _rows(
    context: Context, tx: Tx, advertiser: Advertiser, address: Address, contact: Contact | None
) -> Iterator[dict[str, Any]]:
    events = ledger.of_contact(tx, contact.id) if contact else []
    yield from _proven(tx, "event", [event.model_dump() for event in events])
    yield from _proven(tx, "receipt", list(_receipts(tx, contact)) if contact else [])
    digests = context.digests.of(advertiser.id, address.spelled, address.key)
    opposed = oppositions.history(tx, advertiser.id, digests)
    yield from _proven(tx, "opposition", [one.model_dump() for one in opposed])
    texts = sorted({text for event in events for text in texts_of(event.evidence)})
    yield from _proven(tx, "notice", [one.model_dump() for one in shown(tx, advertiser.id, texts)])


def _receipts(tx: Tx, contact: Contact) -> Iterator[dict[str, Any]]:
    page = receipts.of_contact(tx, contact.id, 0, PAGE)
    while page:
        yield from (one.model_dump() for one in page)
        page = receipts.of_contact(tx, contact.id, page[-1].id, PAGE)


def _proven(tx: Tx, kind: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    leaves = seals.leaves(tx, kind, [row["id"] for row in rows])
    under = {number: seals.under(tx, number) for number in sorted({leaf.seal_id for leaf in leaves.values()})}
    for row in rows:
        leaf = leaves.get(row["id"])
        yield _row(kind, row, leaf, [one.digest for one in under[leaf.seal_id]] if leaf else [])


def _row(kind: str, row: Mapping[str, Any], leaf: Leaf | None, digests: Sequence[bytes]) -> dict[str, Any]:
    """Return one row as the verifier reads it; personal fields whose salt is gone stay out."""
    fields = proof.KINDS[kind]
    kept = leaf is None or bool(leaf.salt)
    said: dict[str, Any] = {
        "kind": kind,
        "public": {name: row[name] for name in fields.public},
        "personal": {name: row[name] for name in fields.personal} if kept else {},
        "salt": leaf.salt if leaf else b"",
        "commitment": leaf.personal if leaf else b"",
        "seal": leaf.seal_id if leaf else None,
        "position": leaf.position if leaf else None,
        "path": proof.path(digests, leaf.position) if leaf else [],
    }
    if row.get("lifted_at"):
        said["lifted_at"] = row["lifted_at"]  # not sealed: the event `restored` says it too
    return said


def _chain(context: Context, first: int) -> Iterator[str]:
    """Yield a line for every seal from the first to the newest."""
    after = first - 1
    while True:
        with context.store.read() as tx:
            page = seals.chain(tx, after, PAGE)
        yield from (proof.canonical(_seal(one)).decode("ascii") for one in page)
        if len(page) < PAGE:
            return
        after = page[-1].id


def _seal(row: Seal) -> dict[str, Any]:
    link = link_of(row)
    return {name: getattr(link, name) for name in ("id", "at", "leaves", "root", "previous", "complete")} | {
        "digest": row.digest
    }


def _json(value: Any) -> Any:  # noqa: ANN401 - whatever a row holds
    """Return a value as JSON has it, moments and bytes as they were sealed."""
    if isinstance(value, Mapping):
        return {key: _json(one) for key, one in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return [_json(one) for one in value]
    return proof.plain(value) if isinstance(value, (datetime, bytes)) else value
