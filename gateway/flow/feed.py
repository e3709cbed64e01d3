"""What happened, as others are told: the events of the API and of webhooks, named as mail tools name them.

The names are those of django-anymail (`unsubscribed`, `complained`, `bounced`, `rejected`, `delivered`, `queued`,
`deferred`, `subscribed`); what no mail tool has a name for is `consentgate.` and our own. The order is that of the
seals (`store.feed`), so a cursor misses nothing, and what was read under it never changes its place.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import Misuse
from gateway.flow.context import Context
from gateway.law.events import Kind
from gateway.law.reasons import Fate
from gateway.store import advertisers, feed, lists, people
from gateway.store.feed import Entry
from gateway.store.tables import Event, Receipt
from gateway.store.tx import Tx

PAGE = 1000  # entries looked at for one answer
# Of an event in our ledger; what is not here is `consentgate.` and the kind.
NAMES: Mapping[str, str] = {
    Kind.WITHDRAWN: "unsubscribed",
    Kind.OBJECTED: "unsubscribed",
    Kind.COMPLAINED: "complained",
    Kind.BOUNCED: "bounced",
    Kind.RESTORED: "subscribed",
}
OUTCOMES: Mapping[str, str] = {
    "delivered": "delivered",
    "deferred": "deferred",
    "failed": "bounced",
    "dropped": "rejected",
}
TYPES = (
    *("unsubscribed", "subscribed", "complained", "bounced", "rejected", "queued", "deferred", "delivered"),
    *(f"consentgate.{kind}" for kind in Kind if kind not in NAMES),
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose events: those of an advertiser, of some of its lists only (empty: all), of some types (empty: all)."""

    advertiser_id: int
    list_ids: frozenset[int] = frozenset()
    types: frozenset[str] = frozenset()

    def holds(self, entry: Entry) -> bool:
        """Return whether an entry is of this scope; what is for every list is for each of them."""
        row = entry.row
        mine = row.advertiser_id == self.advertiser_id
        listed = not self.list_ids or row.list_id is None or row.list_id in self.list_ids
        return mine and listed and (not self.types or type_of(entry.row) in self.types)


@dataclass(frozen=True, slots=True)
class Page:
    """Some events in order, where to go on, and whether there is more at this moment."""

    events: Sequence[Mapping[str, Any]]
    cursor: str
    more: bool


def since(context: Context, scope: Scope, cursor: str | None, limit: int = 100) -> Page:
    """Return at most `limit` events behind a cursor (None: from the beginning).

    Raises Misuse for what is no cursor.
    """
    place = opened(cursor) if cursor else 0
    with context.store.read() as tx:
        found = feed.after(tx, place, PAGE)
        chosen = [entry for entry in found if scope.holds(entry)]
        last = chosen[limit - 1] if len(chosen) > limit else found[-1] if found else None
        chosen = chosen[:limit]
        told = list(_told(tx, chosen))
    end = last.place if last else place
    return Page(told, spelled(end), more=len(found) == PAGE or bool(found and found[-1].place > end))


def spelled(place: int) -> str:
    """Return a place as readers are given it: not to be understood, only to be given back."""
    return f"c{place:x}"


def opened(cursor: str) -> int:
    """Return the place of a cursor; raise Misuse when it is none."""
    try:
        place = int(cursor[1:], 16) if cursor[:1] == "c" and cursor[1:].isalnum() and len(cursor) < 17 else -1
    except ValueError:
        place = -1
    if place < 0:
        raise Misuse(f"{cursor!r:.40} is not a cursor; give back what an answer called cursor, or leave it out")
    return place


def type_of(row: Event | Receipt) -> str:
    """Return the public name of what happened."""
    if isinstance(row, Event):
        return NAMES.get(row.kind, f"consentgate.{row.kind}")
    return OUTCOMES.get(row.outcome) or ("queued" if row.fate == Fate.SEND else "rejected")


def message(tx: Tx, kind: str, row: Event | Receipt) -> dict[str, Any]:
    """Return one event as a webhook carries it (the envelope of Standard Webhooks: type, timestamp, data)."""
    [told] = _told(tx, [Entry(0, kind, row)])
    told.pop("cursor")
    return told


def _told(tx: Tx, entries: Sequence[Entry]) -> Iterator[dict[str, Any]]:
    names: dict[int, str] = {}
    owners: dict[int, str] = {}
    for entry in entries:
        row = entry.row
        contact = people.get(tx, row.contact_id) if row.contact_id else None
        if row.advertiser_id not in owners:
            owner = advertisers.get(tx, row.advertiser_id)
            owners[row.advertiser_id] = owner.name if owner else ""
        if row.list_id and row.list_id not in names:
            found = lists.get(tx, row.list_id)
            names[row.list_id] = found.name if found else ""
        data = {
            "event_id": number(entry.kind, row.id),
            "advertiser": owners[row.advertiser_id],
            "list": names.get(row.list_id) if row.list_id else None,
            "recipient": contact.address if contact else None,
            "contact": row.contact_id,
            **(_event(row) if isinstance(row, Event) else _receipt(row)),
        }
        at = row.at.isoformat()
        yield {"type": type_of(row), "timestamp": at, "data": data, "cursor": spelled(entry.place)}


def number(kind: str, row_id: int) -> str:
    """Return the name under which an event is known for ever: who is told twice knows it by this."""
    return f"{'evt' if kind == 'event' else 'rcp'}_{row_id}"


def _event(row: Event) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "channel": row.channel,
        "direct": row.direct,
        "actor": row.actor,
        "recorded_at": row.recorded_at.isoformat(),
        "description": str(row.evidence.get("reason", "")),
    }


def _receipt(row: Receipt) -> dict[str, Any]:
    said = {"kind": row.outcome or row.fate, "ref": str(row.ref), "code": row.code, "mta_response": row.reply or None}
    if type_of(row) == "rejected":
        said["reject_reason"] = "unsubscribed" if row.code == "R-OBJECTED" else "blocked"
    return said
