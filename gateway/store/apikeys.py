"""The keys of the API."""

from sqlmodel import Session, col, select

from gateway.store.outward import ApiKey
from gateway.store.rows import keep


def add(tx: Session, row: ApiKey) -> ApiKey:
    """Write a new key."""
    return keep(tx, row, f"there is already a key with the number {row.id}")


def save(tx: Session, row: ApiKey) -> ApiKey:
    """Write the changes made to a key that was read before."""
    return keep(tx, row, f"there is already a key with the number {row.id}")


def get(tx: Session, number: int) -> ApiKey | None:
    """Return the key with that id, revoked ones too."""
    return tx.get(ApiKey, number)


def all(tx: Session, advertiser_id: int | None = None) -> list[ApiKey]:  # noqa: A001 - reads as apikeys.all
    """Return every key (of one advertiser), the oldest first."""
    query = select(ApiKey).order_by(col(ApiKey.created_at), col(ApiKey.id))
    if advertiser_id is not None:
        query = query.where(ApiKey.advertiser_id == advertiser_id)
    return list(tx.exec(query))
