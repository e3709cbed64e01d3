"""The keys that sign an advertiser's mail: read now and then, kept decrypted in memory, chosen by the From domain."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from gateway import clock
from gateway.mail import headers, looks, sign
from gateway.mail.sign import Key
from gateway.store import dkim
from gateway.store.engine import Store
from gateway.store.records import DkimKey
from gateway.tokens import Vault

FRESH = 15.0  # seconds for which keys are believed: so long may a new or retired key go unnoticed


@dataclass(frozen=True, slots=True)
class Keys:
    """The active keys of one advertiser, the newest first."""

    keys: tuple[Key, ...] = ()

    def aligned(self, domain: str) -> tuple[Key, ...]:
        """Return the keys to sign mail of a From `domain` with: one of each algorithm, RSA first.

        Aligned is a key of the very domain, else of the nearest domain above it (DMARC, relaxed). Of several the
        newest signs; the others stay published for the mail under way.
        """
        fit = [key for key in self.keys if domain == key.domain or domain.endswith("." + key.domain)]
        nearest = max((len(key.domain) for key in fit), default=0)
        newest: dict[str, Key] = {}
        for key in fit:
            if len(key.domain) == nearest:
                newest.setdefault(key.algorithm, key)
        return tuple(newest[name] for name in (sign.RSA, sign.ED25519) if name in newest)

    def signs(self, domains: Sequence[str]) -> bool:
        """Return whether there is a key for every one of the From `domains`, of which there is at least one."""
        return bool(domains) and all(self.aligned(domain) for domain in domains)

    def signed(self, copy: bytes) -> bytes:
        """Return the copy with its signatures on top: none when no key is aligned with its From field.

        Raises `errors.Misuse` for a From field that names no addresses.
        """
        if not self.keys:
            return copy
        fields = headers.parse(copy)
        domains = [author.domain for author in looks.authors(fields)]
        chosen = self.aligned(domains[0]) if domains else ()
        if not chosen:
            return copy
        return sign.signatures(copy, fields, chosen, int(clock.now().timestamp())) + copy


@dataclass(slots=True)
class _Kept:
    keys: Keys
    until: float


@dataclass(frozen=True, slots=True)
class Signing:
    """Lends the keys of advertisers; one for each process."""

    _store: Store
    _vault: Vault
    _kept: dict[int, _Kept] = field(default_factory=dict)

    async def keys(self, advertiser_id: int) -> Keys:
        """Return the active keys, at most `FRESH` seconds old; raise `errors.TryLater` when the store is away."""
        kept = self._kept.get(advertiser_id)
        if kept is not None and clock.ticks() < kept.until:
            return kept.keys
        if kept is not None:
            kept.until = clock.ticks() + FRESH  # one reader is enough; the others go on with what there is
        return await asyncio.to_thread(self.read, advertiser_id)

    def read(self, advertiser_id: int) -> Keys:
        """Return the active keys as they are in the store at this moment, and keep them. Blocks."""
        try:
            with self._store.read() as tx:
                rows = dkim.active(tx, advertiser_id)
        except BaseException:
            self._kept.pop(advertiser_id, None)
            raise
        keys = Keys(tuple(opened(self._vault, row) for row in rows))
        self._kept[advertiser_id] = _Kept(keys, clock.ticks() + FRESH)
        return keys


def about(domain: str, selector: str) -> str:
    """Return what the vault ties the secret of a key to."""
    return f"dkim/{selector}._domainkey.{domain}"


def opened(vault: Vault, row: DkimKey) -> Key:
    """Return a stored key ready to sign; raise `errors.Misuse` when its secret does not open."""
    secret = load_der_private_key(vault.open(row.secret, about(row.domain, row.selector)), password=None)
    if not isinstance(secret, (RSAPrivateKey, Ed25519PrivateKey)):
        raise TypeError(f"key {row.id} is of another kind")
    return Key(row.domain, row.selector, secret)
