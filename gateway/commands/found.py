"""Find what a command names: advertisers, lists, accounts, contacts; with a sentence when it is not there."""

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from gateway.errors import Misuse, NotFound
from gateway.flow.consent import contact_of
from gateway.mail.address import parse
from gateway.store import accounts, advertisers, lists
from gateway.store.tables import Account, Advertiser, Contact, List
from gateway.store.tx import Tx


def advertiser_named(tx: Tx, name: str | None) -> Advertiser:
    """Return the advertiser of that name; None means the only one there is."""
    if name is not None:
        if row := advertisers.by_name(tx, name):
            return row
        raise _missing("advertiser", name, (one.name for one in advertisers.all(tx)))
    every = advertisers.all(tx)
    if len(every) == 1:
        return every[0]
    if not every:
        raise Misuse("there is no advertiser yet; `consentgate advertiser add` makes one")
    raise Misuse(f"say which advertiser with --advertiser: {', '.join(one.name for one in every)}")


def owner_of(tx: Tx, name: str | None, row: List | None) -> Advertiser:
    """Return the advertiser of that name; without one that of the list, and without either the only one there is."""
    if row is None or name is not None:
        owner = advertiser_named(tx, name)
        if row is not None:
            _check_owner(row, owner)
        return owner
    owner_of_list = advertisers.get(tx, row.advertiser_id)
    if owner_of_list is None:
        raise Misuse(f"the list {row.name} has lost its advertiser")
    return owner_of_list


def list_named(tx: Tx, name: str) -> List:
    """Return the list of that name."""
    if row := lists.by_name(tx, name):
        return row
    raise _missing("list", name, (one.name for one in lists.all(tx)))


def lists_named(tx: Tx, owner: Advertiser, names: Iterable[str]) -> list[List]:
    """Return the lists of those names, all of them the advertiser's own."""
    rows = [list_named(tx, name) for name in names]
    for row in rows:
        _check_owner(row, owner)
    return rows


def _check_owner(row: List, owner: Advertiser) -> None:
    if row.advertiser_id != owner.id:
        raise Misuse(f"--list {row.name}: it is a list of another advertiser")


def account_named(tx: Tx, login: str) -> Account:
    """Return the account with that login."""
    if row := accounts.by_login(tx, login):
        return row
    raise _missing("account", login, (one.login for one in accounts.all(tx)))


def contact_named(tx: Tx, advertiser: Advertiser, address: str) -> Contact:
    """Return the contact with that address."""
    return contact_of(tx, advertiser, parse(address))


def _missing(noun: str, name: str, known: Iterable[str]) -> NotFound:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    cure = (
        f"did you mean {near[0]}?" if near else f"there are: {', '.join(names[:20])}" if names else "there is none yet"
    )
    return NotFound(f"there is no {noun} called {name}; {cure}")


def shown(row: BaseModel, *hidden: str) -> dict[str, Any]:
    """Return the fields of a row in the order of their declaration, but for the hidden ones."""
    return {name: getattr(row, name) for name in type(row).model_fields if name not in hidden}
