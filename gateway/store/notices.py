"""The versions of the information texts. A changed text is a new version; nothing is ever updated."""

from sqlmodel import Session, col, select

from gateway.store.records import Notice
from gateway.store.rows import keep


def add(tx: Session, row: Notice) -> Notice:
    """Write a version; raise `errors.Misuse` when somebody else just wrote that version."""
    return keep(tx, row, f"{row.name}/{row.version} was written a moment ago; try again")


def all(tx: Session, advertiser_id: int, name: str | None = None) -> list[Notice]:  # noqa: A001 - reads as notices.all
    """Return every version of an advertiser's notices (of one name), by name, version and language."""
    query = select(Notice).where(Notice.advertiser_id == advertiser_id)
    if name is not None:
        query = query.where(Notice.name == name)
    return list(tx.exec(query.order_by(col(Notice.name), col(Notice.version), col(Notice.language))))


def latest(tx: Session, advertiser_id: int, name: str) -> list[Notice]:
    """Return the newest version of a notice in all its languages; empty when there is none."""
    rows = all(tx, advertiser_id, name)
    return [row for row in rows if row.version == rows[-1].version]
