"""The lists. Their numbers come from `Store.take(of="list")`: a link has 32 bits for them."""

from sqlmodel import Session, select

from gateway.store.rows import keep
from gateway.store.tables import List


def add(tx: Session, row: List) -> List:
    """Write a new list; raise `errors.Misuse` when its name is taken."""
    return keep(tx, row, f"there is already a list named {row.name}")


def save(tx: Session, row: List) -> List:
    """Write the changes made to a row that was read before; raise `errors.Misuse` when its new name is taken."""
    return keep(tx, row, f"there is already a list named {row.name}")


def get(tx: Session, number: int) -> List | None:
    """Return the list with that id."""
    return tx.get(List, number)


def by_name(tx: Session, name: str) -> List | None:
    """Return the list with that name, whoever its advertiser is."""
    return tx.exec(select(List).where(List.name == name)).first()


def all(tx: Session, advertiser_id: int | None = None) -> list[List]:  # noqa: A001 - reads as lists.all
    """Return every list (of one advertiser) by name."""
    query = select(List).order_by(List.name)
    if advertiser_id is not None:
        query = query.where(List.advertiser_id == advertiser_id)
    return list(tx.exec(query))
