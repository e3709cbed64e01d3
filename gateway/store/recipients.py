"""To whom lists were handed: the recipients that a record and an answer must name (GDPR 15(1)(c), 19, 30(1)(d))."""

from sqlmodel import Session, col, select

from gateway.store.records import Transfer


def of_list(tx: Session, list_id: int) -> list[Transfer]:
    """Return every transfer of a list, the oldest first."""
    return list(
        tx.exec(select(Transfer).where(Transfer.list_id == list_id).order_by(col(Transfer.at), col(Transfer.id)))
    )
