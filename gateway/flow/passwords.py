"""Passwords of accounts: made by us, stored as argon2id hashes (RFC 9106), checked in about fifty milliseconds."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# RFC 9106, second recommended option: 64 MiB. Blocking and slow on purpose; callers on a loop use a thread.
_HASHER = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)


def generate() -> str:
    """Return a fresh password of 160 random bits that can be typed and pasted anywhere."""
    return secrets.token_hex(20)


def hash_password(password: str) -> str:
    """Return the hash to store, with its salt and costs inside."""
    return _HASHER.hash(password)


def verify(stored: str, password: str | bytes) -> bool:
    """Return whether the password is the one that was hashed; False also when `stored` is not a hash of ours."""
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
