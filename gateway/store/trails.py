"""What is remembered of a submission after its copies have left, so that what comes back finds its way; 30 days.

And the campaigns that are paused. Both tables are small: a row a submission, a row a pause.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Index, delete, func, select, update
from sqlmodel import Field, Session, SQLModel, col
from sqlmodel import select as select_rows

from gateway.store.columns import big, id_, index_where, moment
from gateway.store.rows import Inserter, Row, changed, table_of
from gateway.store.tables import Parcel

PAUSED = "D-PAUSED"  # the reason of the parcels that a pause holds
KEPT = timedelta(days=30)  # bounces come within days, complaints within weeks


class Trail(SQLModel, table=True):
    """Where answers to one submission go (`mail_from`, the return path of the tool), and its campaign."""

    __table_args__ = (Index("ix_trail_campaign", "list_id", "campaign"), Index("ix_trail_created", "created_at"))
    submission_id: int = id_()
    account_id: int = big()
    list_id: int | None = big(null=True)
    campaign: str = ""
    copies: int = 0
    complaints: int = 0  # since the campaign was last let go on
    mail_from: str = ""
    created_at: datetime = moment()


class Pause(SQLModel, table=True):
    """A campaign that goes no further until an administrator lets it: too many people complained."""

    __table_args__ = (index_where("ix_pause_live", "list_id", "campaign", where="lifted_at IS NULL"),)
    id: int = id_()
    list_id: int = big()
    campaign: str
    sent: int
    complaints: int
    at: datetime = moment()
    lifted_at: datetime | None = moment(null=True)
    actor: str = Field(default="")  # who lifted it


@dataclass(frozen=True, slots=True)
class Count:
    """How many copies of a campaign have left, and how many people complained since it was last let go on."""

    sent: int
    complaints: int


_TRAILS, _PAUSES, _PARCELS = table_of(Trail), table_of(Pause), table_of(Parcel)
_insert = Inserter(Trail)


def write(tx: Session, rows: Sequence[Row]) -> None:
    """Remember submissions: objects, or mappings of column names (see `rows.Inserter`)."""
    _insert(tx, rows)


def get(tx: Session, submission_id: int) -> Trail | None:
    """Return what is remembered of a submission."""
    return tx.get(Trail, submission_id)


def forget(tx: Session, before: datetime) -> int:
    """Forget the submissions handed in before that moment, and return how many there were."""
    return tx.connection().execute(delete(_TRAILS).where(_TRAILS.c.created_at < before)).rowcount


def complained(tx: Session, trail: Trail) -> Count:
    """Count one complaint about a submission, and return how its campaign stands."""
    run = tx.connection().execute
    mine = _TRAILS.c.submission_id == trail.submission_id
    run(update(_TRAILS).where(mine).values(complaints=_TRAILS.c.complaints + 1))
    return count(tx, trail)


def count(tx: Session, trail: Trail) -> Count:
    """Return how the campaign of a submission stands; copies that still wait have not left."""
    run = tx.connection().execute
    mine = (_TRAILS.c.list_id == trail.list_id, _TRAILS.c.campaign == trail.campaign)
    taken, complaints = run(select(func.sum(_TRAILS.c.copies), func.sum(_TRAILS.c.complaints)).where(*mine)).one()
    waits = _PARCELS.c.submission_id.in_(select(_TRAILS.c.submission_id).where(*mine))
    waiting = run(select(func.count()).select_from(_PARCELS).where(waits)).scalar_one()
    return Count(int(taken or 0) - waiting, int(complaints or 0))


def pause(tx: Session, row: Pause) -> None:
    """Pause a campaign: couriers see it with the next parcel they take up."""
    tx.add(row)
    tx.flush()
    changed(tx)


def pauses(tx: Session) -> list[Pause]:
    """Return the campaigns that are paused, the oldest pause first."""
    return list(tx.exec(select_rows(Pause).where(col(Pause.lifted_at).is_(None)).order_by(col(Pause.id))))


def lift(tx: Session, row: Pause, now: datetime, actor: str) -> list[int]:
    """Let a campaign go on, its complaints counted anew; return the ids of its held parcels."""
    row.lifted_at, row.actor = now, actor
    tx.add(row)
    tx.flush()
    mine = (_TRAILS.c.list_id == row.list_id, _TRAILS.c.campaign == row.campaign)
    tx.connection().execute(update(_TRAILS).where(*mine).values(complaints=0))
    changed(tx)
    held = _PARCELS.c.submission_id.in_(select(_TRAILS.c.submission_id).where(*mine)), _PARCELS.c.state == "held"
    return list(tx.connection().execute(select(_PARCELS.c.id).where(*held, _PARCELS.c.reason == PAUSED)).scalars())
