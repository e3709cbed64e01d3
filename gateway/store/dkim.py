"""The signing keys of the advertisers' domains."""

from sqlmodel import Session, select

from gateway.store.records import DkimKey
from gateway.store.rows import keep


def add(tx: Session, row: DkimKey) -> DkimKey:
    """Write a new key; raise `errors.Misuse` when the selector is taken in its domain."""
    return keep(tx, row, f"there is already a key {row.selector} of {row.domain}")


def save(tx: Session, row: DkimKey) -> DkimKey:
    """Write the changes made to a key that was read before."""
    return keep(tx, row, f"there is already a key {row.selector} of {row.domain}")


def all(tx: Session, advertiser_id: int) -> list[DkimKey]:  # noqa: A001 - reads as dkim.all
    """Return every key of an advertiser, the newest first."""
    mine = select(DkimKey).where(DkimKey.advertiser_id == advertiser_id)
    return sorted(tx.exec(mine), key=lambda row: (row.created_at, row.id), reverse=True)


def active(tx: Session, advertiser_id: int) -> list[DkimKey]:
    """Return the keys that an advertiser's mail may be signed with, the newest first."""
    return [row for row in all(tx, advertiser_id) if row.state == "active"]


def selectors(tx: Session, domain: str) -> set[str]:
    """Return the selectors taken in a domain, whoever's they are."""
    return set(tx.exec(select(DkimKey.selector).where(DkimKey.domain == domain)))
