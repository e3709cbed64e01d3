"""Who is the tool on the line? Argon2 off the loop, and not again for a password just seen."""

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict

from gateway.flow import intake, passwords
from gateway.flow.context import Context
from gateway.flow.gate import Login
from gateway.store import accounts, advertisers
from gateway.store.tables import Account

REMEMBERED = 256


class Logins:
    """Checks credentials.

    Tools open a connection for each message, and argon2 is slow on purpose. So a password that was right is remembered
    for this process, as a keyed digest bound to the stored hash: changing the password or disabling the account holds
    at the next login.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._key = secrets.token_bytes(32)
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._decoy = passwords.hash_password(secrets.token_urlsafe())
        self._hashing = asyncio.Semaphore(2)  # argon2 takes 19 MiB each: a flood of logins must not take the machine

    async def check(self, username: str, password: bytes) -> Login | None:
        """Return the login, or None when the name or the password is wrong or the account is disabled."""
        name, _, row = username.partition("+")
        found = await asyncio.to_thread(self._find, name)
        right = await self._right(found[0].password_hash if found else self._decoy, password)
        return Login(found[0], row or None, found[1]) if found and right else None

    def _find(self, name: str) -> tuple[Account, frozenset[str]] | None:
        """Return the account of that name and its domains, unless it is unknown or disabled."""
        with self._context.store.read() as tx:
            account = accounts.by_login(tx, name)
            if account is None or account.disabled_at is not None:
                return None
            advertiser = advertisers.get(tx, account.advertiser_id)
            return (account, intake.allowed_domains(account, advertiser)) if advertiser else None

    async def _right(self, stored: str, password: bytes) -> bool:
        mark = hmac.digest(self._key, stored.encode() + b"\0" + hashlib.sha256(password).digest(), "sha256")
        if mark in self._seen:
            self._seen.move_to_end(mark)
            return True
        async with self._hashing:
            if not await asyncio.to_thread(passwords.verify, stored, password):
                return False
        self._seen[mark] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return True
