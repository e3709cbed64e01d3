"""The accounts of marketing tools."""

from sqlmodel import Session, select

from gateway.store.rows import keep
from gateway.store.tables import Account


def add(tx: Session, row: Account) -> Account:
    """Write a new account; raise `errors.Misuse` when its login is taken."""
    return keep(tx, row, f"there is already an account with the login {row.login}")


def save(tx: Session, row: Account) -> Account:
    """Write the changes made to a row that was read before; raise `errors.Misuse` when its new login is taken."""
    return keep(tx, row, f"there is already an account with the login {row.login}")


def get(tx: Session, number: int) -> Account | None:
    """Return the account with that id."""
    return tx.get(Account, number)


def by_login(tx: Session, login: str) -> Account | None:
    """Return the account with that login, disabled ones too."""
    return tx.exec(select(Account).where(Account.login == login)).first()


def all(tx: Session, advertiser_id: int | None = None) -> list[Account]:  # noqa: A001 - reads as accounts.all
    """Return every account (of one advertiser) by login."""
    query = select(Account).order_by(Account.login)
    if advertiser_id is not None:
        query = query.where(Account.advertiser_id == advertiser_id)
    return list(tx.exec(query))
