"""The contacts: one at a time, page by page, and by the thousand. `store.dossiers` has what decisions are made from."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, update
from sqlalchemy import select as core_select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from gateway.store.among import Among
from gateway.store.bulk import NOTHING, Bulk
from gateway.store.ledger import EVENTS, counts
from gateway.store.prepared import Prepared
from gateway.store.rows import keep, table_of
from gateway.store.tables import Contact

_CONTACTS = table_of(Contact)


class Named(NamedTuple):
    """Who a number stands for, and where they are reached."""

    id: int
    advertiser_id: int
    address: str


def find(tx: Session, advertiser_id: int, key: str) -> Contact | None:
    """Return an advertiser's contact by address key."""
    query = select(Contact).where(Contact.advertiser_id == advertiser_id, Contact.address_key == key)
    return tx.exec(query).first()


def get(tx: Session, number: int) -> Contact | None:
    """Return the contact with that id."""
    return tx.get(Contact, number)


def add(tx: Session, row: Contact) -> Contact:
    """Write a new contact; raise `errors.Misuse` when the advertiser has one with that address."""
    return keep(tx, row, "the advertiser already has a contact with that address")


def save(tx: Session, row: Contact) -> Contact:
    """Write the changes made to a row; raise `errors.Misuse` when the advertiser has another with its new address."""
    return keep(tx, row, "the advertiser already has a contact with that address")


def remove(tx: Session, ids: Sequence[int]) -> int:
    """Delete contacts, and return how many there were. Their events, receipts and oppositions are not touched."""
    return tx.connection().execute(_REMOVE, {"ids": ids}).rowcount


def of_list(tx: Session, list_id: int, after: int, limit: int) -> list[Contact]:
    """Return at most `limit` contacts with ids above `after` who have an event on the list, in ascending order."""
    numbers = (
        core_select(EVENTS.c.contact_id)
        .join(_CONTACTS, _CONTACTS.c.id == EVENTS.c.contact_id)  # an erased person would leave a hole in the page
        .where(EVENTS.c.list_id == list_id, EVENTS.c.contact_id > after, counts(EVENTS))
        .distinct()
        .order_by(EVENTS.c.contact_id)
        .limit(limit)
    )
    return list(tx.exec(select(Contact).where(col(Contact.id).in_(numbers)).order_by(col(Contact.id))))


def of_advertiser(tx: Session, advertiser_id: int, after: int, limit: int) -> list[Contact]:
    """Return at most `limit` contacts of an advertiser with ids above `after`, in ascending order."""
    query = select(Contact).where(Contact.advertiser_id == advertiser_id, Contact.id > after)
    return list(tx.exec(query.order_by(col(Contact.id)).limit(limit)))


_NAMED = Prepared(core_select(*(_CONTACTS.c[name] for name in Named._fields)).where(Among(_CONTACTS.c.id, "ids")))
_REMOVE = delete(_CONTACTS).where(Among(_CONTACTS.c.id, "ids"))


def named(tx: Session, ids: Collection[int]) -> dict[int, Named]:
    """Return the people with those numbers; who was erased is missing."""
    return {row.id: row for row in (Named(*values) for values in _NAMED(tx, {"ids": ids}))}


# ---- people who come by the thousand

_insert = Bulk(Contact)
_TRIES = 5
# What a later import may complete, and what stands there while it is not known.
_FILLED: Mapping[str, str | None] = {
    "name": "",
    "company": "",
    "function": "",
    "language": "",
    "source_name": "",
    "subject": "unknown",
    "country": None,
    "age": "unknown",
}
_KNOWN = Prepared(
    core_select(_CONTACTS.c.address_key, _CONTACTS.c.id, *(_CONTACTS.c[name] for name in _FILLED)).where(
        _CONTACTS.c.advertiser_id == bindparam("advertiser"), Among(_CONTACTS.c.address_key, "keys", "text")
    )
)
_FILL = Prepared(
    update(_CONTACTS)
    .where(_CONTACTS.c.id == bindparam("number"))
    .values({name: bindparam(f"new_{name}") for name in _FILLED})
)


def upsert_many(tx: Session, rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any] = NOTHING) -> dict[str, int]:
    """Write the people of one advertiser and return the id of each by address key.

    A row is a mapping of column names with a fresh `id`, `common` what all rows say. Somebody known keeps their id and
    everything known of them; only what was not known is filled in (`_FILLED`). Of two rows with one key the first
    counts.
    """
    fresh: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        fresh.setdefault(row["address_key"], row)
    known: dict[str, Sequence[Any]] = {}
    for left in reversed(range(_TRIES if fresh else 0)):
        known = _known(tx, common.get("advertiser_id") or rows[0]["advertiser_id"], fresh)
        try:
            with tx.begin_nested():
                _insert(tx, [row for key, row in fresh.items() if key not in known], common)
        except IntegrityError:  # another node has written somebody meanwhile, who is known now
            if not left:
                raise
        else:
            break
    _fill(tx, fresh, known)
    return {key: known[key][0] if key in known else row["id"] for key, row in fresh.items()}


def _known(tx: Session, advertiser_id: int, keys: Collection[str]) -> dict[str, Sequence[Any]]:
    """Return the id, and what may be filled in, of those of `keys` who are known."""
    return {key: rest for key, *rest in _KNOWN(tx, {"advertiser": advertiser_id, "keys": keys})}


def _fill(tx: Session, fresh: Mapping[str, Mapping[str, Any]], known: Mapping[str, Sequence[Any]]) -> None:
    changes = []
    for key, (number, *held) in known.items():
        row = fresh[key]
        new = [
            row.get(name) or unknown if value == unknown else value
            for (name, unknown), value in zip(_FILLED.items(), held, strict=True)
        ]
        if new != held:
            changes.append({"number": number} | {f"new_{name}": text for name, text in zip(_FILLED, new, strict=True)})
    _FILL.each(tx, changes)
