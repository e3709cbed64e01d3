"""The spool: submissions with one parcel for each recipient, claimed by lease.

    waiting ── claim ──► leased ── settle ──► gone (deleted), waiting (tried again later), held, failed
       ▲                    └── the lease ends: claimed again, by any node
       └── retry, release ── failed, held

A parcel belongs to the node that leased it until it is settled or the lease has ended and another node has claimed it;
what the first node settles after that is left alone (fencing).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import bindparam, delete, exists, func, select, text, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from gateway.store.among import Among
from gateway.store.prepared import Prepared
from gateway.store.rows import Inserter, Row, table_of
from gateway.store.tables import Moment, Parcel, Report, Submission

State = Literal["gone", "waiting", "held", "failed"]

_PARCELS = table_of(Parcel)
_SUBMISSIONS = table_of(Submission)
_REPORTS = table_of(Report)
_insert_submissions = Inserter(Submission)
_insert_parcels = Inserter(Parcel)


class Claimed(NamedTuple):
    """A parcel in the hands of a courier."""

    id: int
    submission_id: int
    contact_id: int | None
    recipient: str
    notify: str
    orcpt: str
    attempts: int
    expires_at: datetime
    last_reply: str
    reason: str
    created_at: datetime


class Handed(NamedTuple):
    """A submission as couriers need it (`tables.Submission`), without the cost of an object that watches itself."""

    id: int
    account_id: int
    advertiser_id: int
    list_id: int | None
    klass: str
    offer: str | None
    sector: str | None
    third_party: bool
    trace: str
    mail_from: str
    content: bytes
    smtputf8: bool
    envid: str
    ret: str
    hints: Mapping[str, Any]
    received_at: datetime


class Settled(NamedTuple):
    """What became of a claimed parcel; `gone` deletes it."""

    parcel_id: int
    submission_id: int
    state: State
    due_at: datetime
    attempts: int
    reply: str = ""
    reason: str = ""


# The words of the partial index ix_parcel_due, which keeps claiming fast however many parcels wait for later.
_OPEN = text("state IN ('waiting', 'leased')")

_DUE = (
    select(_PARCELS.c.id)
    .where(_OPEN, _PARCELS.c.due_at <= bindparam("now", type_=Moment))
    .order_by(_PARCELS.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)  # PostgreSQL; SQLite has one writer and leaves the words out
    .cte("due")  # run once: as a subquery PostgreSQL might run it again for each row, and lease more than the limit
)
_CLAIM = Prepared(
    update(_PARCELS)
    .where(_PARCELS.c.id.in_(select(_DUE.c.id)))
    .values(
        state="leased",
        node=bindparam("new_node"),
        leased_until=bindparam("until", type_=Moment),
        due_at=bindparam("until", type_=Moment),
    )
    .returning(*(_PARCELS.c[name] for name in Claimed._fields))
)
_MINE = (_PARCELS.c.node == bindparam("mine"), _PARCELS.c.state == "leased")
_GONE = Prepared(delete(_PARCELS).where(Among(_PARCELS.c.id, "ids"), *_MINE))
_KEPT = Prepared(
    update(_PARCELS)
    .where(_PARCELS.c.id == bindparam("parcel"), *_MINE)
    .values(
        state=bindparam("new_state"),
        due_at=bindparam("due", type_=Moment),
        attempts=bindparam("tried"),
        last_reply=bindparam("reply"),
        reason=bindparam("why"),
        node="",
        leased_until=None,
    )
)
_RENEW = Prepared(
    update(_PARCELS)
    .where(Among(_PARCELS.c.id, "ids"), *_MINE, _PARCELS.c.leased_until > bindparam("now", type_=Moment))
    .values(leased_until=bindparam("until", type_=Moment), due_at=bindparam("until", type_=Moment))
    .returning(_PARCELS.c.id)
)
_INHERIT = Prepared(
    update(_PARCELS)
    .where(
        _OPEN,
        _PARCELS.c.due_at > bindparam("now", type_=Moment),
        _PARCELS.c.due_at <= bindparam("until", type_=Moment),
        _PARCELS.c.state == "leased",
        Among(_PARCELS.c.node, "nodes", "text"),
    )
    .values(state="waiting", due_at=bindparam("now", type_=Moment), node="", leased_until=None)
)
_FREE = Prepared(
    update(_PARCELS)
    .where(Among(_PARCELS.c.id, "ids"), *_MINE)
    .values(state="waiting", due_at=bindparam("now", type_=Moment), node="", leased_until=None)
)
_OURS = Prepared(select(_PARCELS.c.id).where(Among(_PARCELS.c.id, "ids"), *_MINE))
# In ascending order, so that nodes do not wait for each other.
_LOCK = Prepared(
    select(_SUBMISSIONS.c.id).where(Among(_SUBMISSIONS.c.id, "ids")).order_by(_SUBMISSIONS.c.id).with_for_update()
)
_EMPTY = Prepared(
    delete(_SUBMISSIONS).where(
        Among(_SUBMISSIONS.c.id, "ids"),
        ~exists().where(_PARCELS.c.submission_id == _SUBMISSIONS.c.id),
        # A delivery report quotes the message.
        ~exists().where(_REPORTS.c.submission_id == _SUBMISSIONS.c.id),
    )
)
_CONTENTS = Prepared(select(*(_SUBMISSIONS.c[name] for name in Handed._fields)).where(Among(_SUBMISSIONS.c.id, "ids")))
_SIZES = Prepared(select(_SUBMISSIONS.c.id, func.length(_SUBMISSIONS.c.content)).where(Among(_SUBMISSIONS.c.id, "ids")))
_IN_HAND = Prepared(
    select(_PARCELS.c.contact_id).where(
        Among(_PARCELS.c.contact_id, "people"),
        _PARCELS.c.state == "leased",
        _PARCELS.c.leased_until > bindparam("now", type_=Moment),
    )
)
_THERE = Prepared(select(_PARCELS.c.id).where(Among(_PARCELS.c.id, "ids")))


def put(tx: Session, submissions: Sequence[Row], parcels: Sequence[Row]) -> None:
    """Write submissions and their parcels: objects, or mappings of column names (see `rows.Inserter`)."""
    _insert_submissions(tx, submissions)
    _insert_parcels(tx, parcels)


def claim(tx: Session, node: str, now: datetime, lease: timedelta, limit: int) -> list[Claimed]:
    """Lease at most `limit` parcels to `node` and return them: waiting ones that are due, and those whose lease ended.

    The longest due first. The lease begins with the commit; hand nothing over before it.
    """
    values = {"new_node": node, "now": now, "until": now + lease, "most": limit}
    return sorted((Claimed(*row) for row in _CLAIM(tx, values)), key=lambda parcel: parcel.id)


def renew(tx: Session, node: str, ids: Collection[int], now: datetime, until: datetime) -> set[int]:
    """Let the leases of `node` on those parcels last until then; return the parcels whose lease it still had `now`.

    One that has ended stays so: meanwhile a person may have been told that nothing more comes.
    """
    return {row[0] for row in _RENEW(tx, {"ids": ids, "mine": node, "now": now, "until": until})}


def free(tx: Session, node: str, ids: Collection[int], now: datetime) -> int:
    """Let any node have those parcels of `node` at once; return how many there were."""
    return _FREE.count(tx, {"ids": ids, "mine": node, "now": now})


def ours(tx: Session, node: str, ids: Collection[int]) -> set[int]:
    """Return which of those parcels are leased to `node`."""
    return {row[0] for row in _OURS(tx, {"ids": ids, "mine": node})}


def inherit(tx: Session, nodes: Collection[str], now: datetime, lease: timedelta) -> int:
    """Let any node have at once all parcels that are leased to `nodes`, which are dead; return how many there were."""
    return _INHERIT.count(tx, {"nodes": nodes, "now": now, "until": now + lease})


def submissions(tx: Session, ids: Collection[int]) -> dict[int, Handed]:
    """Return the submissions with those ids, contents included."""
    return {row.id: row for row in (Handed(*values) for values in _CONTENTS(tx, {"ids": ids}))}


def sizes(tx: Session, ids: Collection[int]) -> dict[int, int]:
    """Return how many bytes the contents of the submissions with those ids have, without reading them."""
    return dict(_SIZES(tx, {"ids": ids}))


def settle(tx: Session, node: str, rows: Sequence[Settled]) -> int:
    """Record what became of parcels leased by `node`, and return how many still were its own.

    A submission goes with its last parcel, unless a report about it waits (`clear`).
    """
    gone = [row for row in rows if row.state == "gone"]
    settled = _keep(tx, node, [row for row in rows if row.state != "gone"])
    if gone:
        owners = {row.submission_id for row in gone}
        lock(tx, owners)
        settled += _GONE.count(tx, {"ids": {row.parcel_id for row in gone}, "mine": node})
        clear(tx, owners)
    return settled


def lock(tx: Session, ids: Collection[int]) -> None:
    """Keep other nodes from these submissions until the end of the transaction; call it before `clear` and its cause.

    Two nodes that each take away one of the last two things that keep a submission would otherwise each see the
    other's, and both would leave it behind for ever.
    """
    _LOCK(tx, {"ids": ids})


def clear(tx: Session, ids: Collection[int]) -> None:
    """Delete the submissions with those ids that have no parcel and no report left."""
    _EMPTY.count(tx, {"ids": ids})


def _keep(tx: Session, node: str, rows: Sequence[Settled]) -> int:
    return _KEPT.each(
        tx,
        [
            {
                "parcel": row.parcel_id,
                "mine": node,
                "new_state": row.state,
                "due": row.due_at,
                "tried": row.attempts,
                "reply": row.reply,
                "why": row.reason,
            }
            for row in rows
        ],
    )


def in_hand(tx: Session, contact_ids: Collection[int], now: datetime) -> set[int]:
    """Return those of these people for whom a courier holds a copy at this moment."""
    return {row[0] for row in _IN_HAND(tx, {"people": contact_ids, "now": now})}


def there(tx: Session, ids: Collection[int]) -> set[int]:
    """Return those of these numbers that are parcels in the spool."""
    return {row[0] for row in _THERE(tx, {"ids": ids})}


# ---- what administrators do

_OPENED = {"state": "waiting", "due_at": bindparam("now", type_=Moment)}
_RETRY = (
    update(_PARCELS)
    .where(Among(_PARCELS.c.id, "ids"), _PARCELS.c.state.in_(("waiting", "failed")))
    .values(attempts=0, **_OPENED)
)
_RELEASE = update(_PARCELS).where(Among(_PARCELS.c.id, "ids"), _PARCELS.c.state == "held").values(**_OPENED)
_OWNERS = Prepared(select(_PARCELS.c.submission_id).where(Among(_PARCELS.c.id, "ids")))
_DROP = Prepared(delete(_PARCELS).where(Among(_PARCELS.c.id, "ids"), _PARCELS.c.state != "leased"))


@dataclass(frozen=True, slots=True)
class Counts:
    """How many parcels there are in each state, and since when the oldest of those due has been."""

    states: Mapping[str, int]
    oldest_due: datetime | None


def get(tx: Session, number: int) -> Parcel | None:
    """Return the parcel with that id."""
    return tx.get(Parcel, number)


def listing(tx: Session, state: str | None, after: int, limit: int) -> list[Parcel]:
    """Return at most `limit` parcels (in that state) with ids above `after`, in ascending order."""
    query = select_rows(Parcel).where(Parcel.id > after).order_by(col(Parcel.id)).limit(limit)
    return list(tx.exec(query.where(Parcel.state == state) if state else query))


def counts(tx: Session, now: datetime) -> Counts:
    """Return how many parcels there are in each state, and when the oldest of those due by `now` became so."""
    rows = tx.connection().execute(select(_PARCELS.c.state, func.count().label("n")).group_by(_PARCELS.c.state))
    states = dict.fromkeys(("waiting", "leased", "held", "failed"), 0) | {row.state: row.n for row in rows}
    oldest = select(func.min(_PARCELS.c.due_at)).where(_OPEN, _PARCELS.c.due_at <= now)
    return Counts(states, tx.connection().execute(oldest).scalar())


def retry(tx: Session, ids: Collection[int], now: datetime) -> int:
    """Make waiting and failed parcels due at once, with all their attempts before them; return how many there were."""
    return tx.connection().execute(_RETRY, {"ids": ids, "now": now}).rowcount


def release(tx: Session, ids: Collection[int], now: datetime) -> int:
    """Make held parcels due at once (the law is asked again before they leave); return how many there were."""
    return tx.connection().execute(_RELEASE, {"ids": ids, "now": now}).rowcount


def drop(tx: Session, ids: Collection[int]) -> int:
    """Delete parcels that no courier holds, and submissions left without any; return how many parcels there were."""
    owners = {row[0] for row in _OWNERS(tx, {"ids": ids})}
    lock(tx, owners)
    dropped = _DROP.count(tx, {"ids": ids})
    clear(tx, owners)
    return dropped
