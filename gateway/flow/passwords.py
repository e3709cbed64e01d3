"""Passwords of accounts: made by us, stored as argon2id hashes (RFC 9106), checked in some twenty milliseconds."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# 19 MiB, what OWASP asks for passwords that people choose; ours have 160 random bits, which nobody guesses at any cost.
# RFC 9106 has 64 MiB, more than half of what a process takes otherwise. Blocking and slow on purpose; callers on a loop
# use a thread.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


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
