"""The advertisers."""

from sqlmodel import Session, select

from gateway.store.rows import keep
from gateway.store.tables import Advertiser


def add(tx: Session, row: Advertiser) -> Advertiser:
    """Write a new advertiser; raise `errors.Misuse` when its name is taken."""
    return keep(tx, row, f"there is already an advertiser named {row.name}")


def save(tx: Session, row: Advertiser) -> Advertiser:
    """Write the changes made to a row that was read before; raise `errors.Misuse` when its new name is taken."""
    return keep(tx, row, f"there is already an advertiser named {row.name}")


def get(tx: Session, number: int) -> Advertiser | None:
    """Return the advertiser with that id."""
    return tx.get(Advertiser, number)


def by_name(tx: Session, name: str) -> Advertiser | None:
    """Return the advertiser with that short name."""
    return tx.exec(select(Advertiser).where(Advertiser.name == name)).first()


def all(tx: Session) -> list[Advertiser]:  # noqa: A001 - reads as advertisers.all
    """Return every advertiser by name."""
    return list(tx.exec(select(Advertiser).order_by(Advertiser.name)))
