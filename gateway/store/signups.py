"""Sign-up: the form of a list, and those who filled it in and have not confirmed yet."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Index, delete, func
from sqlmodel import Field, Session, SQLModel, col, select

from gateway.store.columns import big, id_, json_, moment
from gateway.store.rows import keep, table_of


class JoinForm(SQLModel, table=True):
    """The public sign-up form of a list; a list without one has none."""

    __tablename__ = "join_form"
    list_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    ask_age: bool = False
    returns: list[str] = json_(list)  # pages of the advertiser where people may be sent back to
    created_at: datetime = moment()


class SignUp(SQLModel, table=True):
    """A sign-up until it is confirmed, or deleted when its time is over; no consent, and no contact, before that.

    Once complete it names nobody any more: the row stays until its time is over, so that confirming twice is once.
    """

    __tablename__ = "sign_up"
    __table_args__ = (
        Index("ix_sign_up_address", "address_key", "advertiser_id"),
        Index("ix_sign_up_parent", "parent_key", "advertiser_id"),
        Index("ix_sign_up_expires", "expires_at"),
    )
    id: int = id_()
    advertiser_id: int = big()
    list_id: int = big()
    address: str
    address_key: str
    parent: str = ""  # the address of the parent who has to agree too (GDPR 8; LIL 45)
    parent_key: str = ""
    asked: dict[str, Any] = json_(dict)  # what was shown and chosen (flow.join)
    created_at: datetime = moment()
    expires_at: datetime = moment()
    confirmed_at: datetime | None = moment(null=True)
    parent_at: datetime | None = moment(null=True)
    contact_id: int | None = big(null=True)  # once complete


_SIGN_UPS = table_of(SignUp)


def form(tx: Session, list_id: int) -> JoinForm | None:
    """Return the sign-up form of a list."""
    return tx.get(JoinForm, list_id)


def open_form(tx: Session, row: JoinForm) -> JoinForm:
    """Write a new or changed form."""
    return keep(tx, row, "the list has a sign-up form already")


def close_form(tx: Session, list_id: int) -> None:
    """Take the form of a list away."""
    forms = table_of(JoinForm)
    tx.connection().execute(delete(forms).where(forms.c.list_id == list_id))


def add(tx: Session, row: SignUp) -> SignUp:
    """Write a sign-up."""
    return keep(tx, row, "there is already a sign-up with that number")


def save(tx: Session, row: SignUp) -> SignUp:
    """Write the changes made to a sign-up."""
    return keep(tx, row, "there is already a sign-up with that number")


def get(tx: Session, number: int, *, hold: bool = False) -> SignUp | None:
    """Return the sign-up with that id; with `hold` nobody else changes it until the transaction ends."""
    return tx.get(SignUp, number, with_for_update=hold or None, populate_existing=hold)


def waiting(tx: Session, advertiser_id: int, address_key: str) -> Sequence[SignUp]:
    """Return the sign-ups with an advertiser that wait for the confirmation of that mailbox, as person or parent."""
    mine = (col(SignUp.address_key) == address_key) | (col(SignUp.parent_key) == address_key)
    query = select(SignUp).where(SignUp.advertiser_id == advertiser_id, mine).order_by(col(SignUp.id))
    return tx.exec(query).all()


def lately(tx: Session, advertiser_id: int, address_key: str, since: datetime) -> int:
    """Return how many sign-ups with an advertiser one mailbox was written to about since then, as person or parent.

    Spellings that many providers deliver to one mailbox (dots, a plus tag) count together, as somebody may use them all
    to fill it. They stay different people otherwise.
    """
    local, _, domain = address_key.replace(".", "").rpartition("@")
    local = local.partition("+")[0] or local

    def mine(column: ColumnElement[str]) -> ColumnElement[bool]:
        bare = func.replace(column, ".", "")
        return (bare == f"{local}@{domain}") | (
            bare.startswith(f"{local}+", autoescape=True) & bare.endswith(f"@{domain}", autoescape=True)
        )

    either = mine(_SIGN_UPS.c.address_key) | mine(_SIGN_UPS.c.parent_key)
    query = select(func.count()).select_from(_SIGN_UPS).where(_SIGN_UPS.c.advertiser_id == advertiser_id, either)
    return tx.exec(query.where(_SIGN_UPS.c.created_at > since)).one()


def forget(tx: Session, advertiser_id: int, address_key: str) -> int:
    """Delete what waits in the name of an address, or of a child whose parent has it; return how many rows."""
    mine = (_SIGN_UPS.c.address_key == address_key) | (_SIGN_UPS.c.parent_key == address_key)
    return tx.connection().execute(delete(_SIGN_UPS).where(_SIGN_UPS.c.advertiser_id == advertiser_id, mine)).rowcount


def remove(tx: Session, number: int) -> None:
    """Delete one sign-up."""
    tx.connection().execute(delete(_SIGN_UPS).where(_SIGN_UPS.c.id == number))


def late(tx: Session, now: datetime) -> int:
    """Return how many there are whose time is over."""
    return tx.exec(select(func.count()).where(col(SignUp.expires_at) <= now)).one()


def expire(tx: Session, now: datetime) -> int:
    """Delete those whose time is over; return how many there were."""
    return tx.connection().execute(delete(_SIGN_UPS).where(_SIGN_UPS.c.expires_at <= now)).rowcount
